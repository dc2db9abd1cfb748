"""Kubelets: what their configuration lacks, read from a file of theirs or from the ConfigMap that kubeadm keeps.

Each test is a row: a setting by its path, and whether what is told, or the kubelet's own default, will do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import yaml

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.control_plane import WEAK
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_KIND = "KubeletConfiguration"
_READ = 100_000
"""Characters of a configuration inside a ConfigMap that are read."""
_NO_TIME = frozenset(("0", "0s", "0m", "0h", "0m0s", "0h0m0s"))

Will = Callable[[Any], bool]


class Setting(NamedTuple):
    """A setting of the kubelet, and when it will do."""

    path: str
    will: Will
    """Asked for what is told, None where nothing is."""


_known: WeakKeyDictionary[Object, Body] = WeakKeyDictionary()


def configuration(one: Object) -> Body:
    """Return the kubelet's configuration that an object is or holds, nothing where it holds none.

    >>> held = {"kubelet": "{kind: KubeletConfiguration, readOnlyPort: 10255}"}
    >>> configuration(Object({"kind": "ConfigMap", "metadata": {"name": "kubelet-config"}, "data": held}))["readOnlyPort"]
    10255
    """
    if one.kind == _KIND:
        return one.body
    if not one.name.startswith("kubelet-config"):
        return {}
    if one not in _known:
        _known[one] = _read(text(at(one.body, "data", "kubelet")))
    return _known[one]


def _read(told: str) -> Body:
    try:
        if len(told) > _READ or any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(told, yaml.CSafeLoader)):
            return {}  # an alias could stand for any amount
        found = yaml.load(told, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return mapped(found) if at(found, "kind") == _KIND else {}


def _is(value: Hashable) -> Will:
    return lambda told: told == value


def _is_or_unset(value: Hashable) -> Will:
    return lambda told: told is None or told == value


def _is_not(value: Hashable) -> Will:
    return lambda told: told != value


def _is_timed(told: object) -> bool:
    return told is None or str(told) not in _NO_TIME


def _is_above_zero(told: object) -> bool:
    return isinstance(told, int) and told > 0


def _records_events(told: object) -> bool:
    """Say whether enough events a second are let through; 0 is all of them, and the default is 50."""
    return not isinstance(told, int) or told == 0 or told >= 5


def _has_strong_ciphers(told: object) -> bool:
    names = {text(name) for name in listed(told)}
    return bool(names) and names.isdisjoint(WEAK)


ROWS = {
    "anonymous": Setting("authentication.anonymous.enabled", _is_or_unset(value=False)),
    "authorization": Setting("authorization.mode", _is_not("AlwaysAllow")),
    "client_authority": Setting("authentication.x509.clientCAFile", bool),
    "read_only_port": Setting("readOnlyPort", _is_or_unset(0)),
    "idle_timeout": Setting("streamingConnectionIdleTimeout", _is_timed),
    "iptables": Setting("makeIPTablesUtilChains", _is_or_unset(value=True)),
    "events": Setting("eventRecordQPS", _records_events),
    "rotation": Setting("rotateCertificates", _is_not(value=False)),
    "server_rotation": Setting("featureGates.RotateKubeletServerCertificate", _is_or_unset(value=True)),
    "ciphers": Setting("tlsCipherSuites", _has_strong_ciphers),
    "processes": Setting("podPidsLimit", _is_above_zero),
    "seccomp": Setting("seccompDefault", _is(value=True)),
}
"""By the name of their test."""


def _place(one: Object, path: str) -> str:
    return path if one.kind == _KIND else "data.kubelet"


def _judge(setting: Setting, one: Object) -> Iterator[Violation]:
    held = configuration(one)
    if held:
        told = at(held, *setting.path.split("."))
        if not setting.will(told):
            said = "is not set" if told is None else f"is {str(told)[:100]}"
            yield Violation(_place(one, setting.path), f"{setting.path} {said}")


def _register(name: str, setting: Setting) -> None:
    @test(_KIND, "ConfigMap", name=name)
    def judged(one: Object, _: Cluster) -> Found:
        yield from _judge(setting, one)


for _name, _setting in ROWS.items():
    _register(_name, _setting)


@test(_KIND, "ConfigMap")
def certificate(one: Object, _: Cluster) -> Found:
    """A kubelet has neither a certificate nor one from the cluster's authority, and signs its own."""
    held = configuration(one)
    own = held.get("tlsCertFile") and held.get("tlsPrivateKeyFile")
    if held and not own and held.get("serverTLSBootstrap") is not True:
        yield Violation(_place(one, "tlsCertFile"), "it has no certificate, and asks the cluster for none")

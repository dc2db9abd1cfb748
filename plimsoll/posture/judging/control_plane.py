"""The control plane: the flags of API server, controller manager, scheduler and etcd, as their pods show them.

Each test is a row: a program, and what its flags must not lack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Cluster, Container, Object, at, listed, text

API_SERVER, CONTROLLERS, SCHEDULER, ETCD = "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"
PROGRAMS = frozenset((API_SERVER, CONTROLLERS, SCHEDULER, ETCD))

_SHELLS = frozenset(("sh", "bash", "ash", "dash"))
_MOST = 2_000
"""Words of a command line that are read."""
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_METRICS = re.compile(r"^[ \t]{0,20}metricsBindAddress:[ \t]*[\"']?([^\s\"'#]{0,100})", re.MULTILINE)
_PROXIES = ("kube-proxy", "kube-proxy-config")
"""The ConfigMaps that kubeadm and EKS keep kube-proxy's configuration in."""
_PROXY_KEYS = ("config.conf", "config")
_STRONG = frozenset(
    [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
    ]
)
"""What the benchmark for Kubernetes 1.23 called strong."""
WEAK = frozenset(
    [
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_RSA_WITH_RC4_128_SHA",
    ]
)
"""What Kubernetes itself calls insecure."""


class Flags(NamedTuple):
    """A program of the control plane as its pod starts it."""

    program: str
    given: Mapping[str, str]
    """By the flag's name without dashes; `true` where it has no value."""
    fields: Mapping[str, str]
    """Where each stands in the object."""
    field: str
    """Where a new one would stand."""


@lru_cache(8)  # all tests of an object follow each other
def flags(one: Object) -> Flags | None:
    """Return the flags of the program of the control plane that a pod starts, None where it starts none.

    >>> found = flags(Object({"kind": "Pod", "spec": {"containers": [{"command": ["etcd", "--auto-tls=false"]}]}}))
    >>> found.program, dict(found.given)
    ('etcd', {'auto-tls': 'false'})
    """
    started = (_flags(container) for container in (one.pod.containers if one.pod else ()))
    return next((found for found in started if found), None)


def _flags(container: Container) -> Flags | None:
    program = _program(container)
    if program is None:
        return None
    words = list(_words(container))
    given: dict[str, str] = {}
    fields: dict[str, str] = {}
    for place, (field, word) in enumerate(words):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            follows = words[place + 1][1] if not equals and place + 1 < len(words) else "--"
            given[name[2:]] = value if equals else ("true" if follows.startswith("-") else follows)
            fields[name[2:]] = field
    list_ = "args" if listed(container.body.get("args")) else "command"
    return Flags(program, given, fields, f"{container.field}.{list_}")


def _words(container: Container) -> Iterator[tuple[str, str]]:
    """Yield the words of a command line, with the field each stands in; one entry may hold several."""
    left = _MOST
    for list_ in ("command", "args"):
        for number, entry in enumerate(listed(container.body.get(list_))[:left]):
            for word in text(entry).split(maxsplit=left):
                left -= 1
                yield f"{container.field}.{list_}[{number}]", word


def _program(container: Container) -> str | None:
    """Return which program a container starts, by itself or through a shell."""
    command = listed(container.body.get("command")) or listed(container.body.get("args"))
    first = text(command[0]).split(maxsplit=1) if command else []
    name = first[0].rpartition("/")[2] if first else ""
    if name in PROGRAMS:
        return name
    if name in _SHELLS:
        words = (word.rpartition("/")[2] for _, word in _words(container))
        return next((word for word in words if word in PROGRAMS), None)
    return None


# What a row says of flags: the flag at fault and what is wrong with it, None where nothing is

Fault = tuple[str, str]
Wants = Callable[[Mapping[str, str]], Fault | None]


def _items(given: Mapping[str, str], flag: str) -> frozenset[str]:
    return frozenset(given.get(flag, "").split(","))


def is_(flag: str, value: str, *, unset: bool = False) -> Wants:
    """Want a flag to have a value; `unset` where its default is right."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        told = given.get(flag)
        if told == value or (told is None and unset):
            return None
        return flag, f"--{flag} is not set" if told is None else f"--{flag} is {told[:100]}"

    return fault


def is_not(flag: str, value: str) -> Wants:
    """Want a flag not to have a value."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        return (flag, f"--{flag} is {value}") if given.get(flag) == value else None

    return fault


def set_(*names: str) -> Wants:
    """Want flags to be set."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        return next(((flag, f"--{flag} is not set") for flag in names if not given.get(flag)), None)

    return fault


def unset(flag: str) -> Wants:
    """Want a flag not to be set."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        return (flag, f"--{flag} is set") if flag in given else None

    return fault


def among(flag: str, *values: str) -> Wants:
    """Want one of these in the list of a flag."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        if not _items(given, flag).isdisjoint(values):
            return None
        return flag, f"--{flag} has no {' or '.join(values)}"

    return fault


def not_among(flag: str, value: str) -> Wants:
    """Want something not to be in the list of a flag."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        return (flag, f"--{flag} has {value}") if value in _items(given, flag) else None

    return fault


def at_least(flag: str, least: int) -> Wants:
    """Want a flag to be a number of at least so much."""

    def fault(given: Mapping[str, str]) -> Fault | None:
        told = given.get(flag, "")
        if told.isdecimal() and len(told) < 20 and int(told) >= least:
            return None
        return flag, f"--{flag} is {told[:100] or 'not set'}, less than {least}"

    return fault


def _authorizes(mode: str) -> Wants:
    """Want a mode of authorization; a file of modes is not seen here."""
    wanted = among("authorization-mode", mode)
    return lambda given: None if "authorization-config" in given else wanted(given)


def _loopback(given: Mapping[str, str]) -> Fault | None:
    told = given.get("bind-address")
    if told in _LOOPBACK:
        return None
    return "bind-address", f"--bind-address is {told[:100]}" if told else "--bind-address is not set, and so 0.0.0.0"


def _strong_only(given: Mapping[str, str]) -> Fault | None:
    flag = "tls-cipher-suites"
    others = _items(given, flag) - _STRONG
    return (flag, f"--{flag} has {min(others)[:100] or 'nothing'}") if others else None


def _none_weak(given: Mapping[str, str]) -> Fault | None:
    flag = "tls-cipher-suites"
    weak = _items(given, flag) & WEAK
    if not given.get(flag):
        return flag, f"--{flag} is not set"
    return (flag, f"--{flag} has {min(weak)}") if weak else None


def _gates(flag: str, gate: str) -> Wants:
    """Want a feature not to be switched off."""
    return not_among(flag, f"{gate}=false")


def _no_port(given: Mapping[str, str]) -> Fault | None:
    port = given.get("insecure-port", "0")
    return ("insecure-port", f"--insecure-port is {port[:100]}") if port != "0" else None


def _when_set(flag: str) -> Wants:
    """Want a look at a value, as Kubescape does; nothing where the default holds."""
    return lambda given: (flag, f"--{flag} is {given[flag][:100]}") if flag in given else None


def _always(flag: str) -> Wants:
    """Want a look at a value, or at its lack."""
    return lambda given: (flag, f"--{flag} is {given.get(flag, 'not set')[:100]}")


_PLUGINS, _OFF = "enable-admission-plugins", "disable-admission-plugins"
ROWS: dict[str, tuple[str, Wants]] = {
    "anonymous_auth": (API_SERVER, is_("anonymous-auth", "false")),
    "token_auth_file": (API_SERVER, unset("token-auth-file")),
    "external_ips_allowed": (API_SERVER, among(_PLUGINS, "DenyServiceExternalIPs")),
    "external_ips_denied": (API_SERVER, not_among(_PLUGINS, "DenyServiceExternalIPs")),
    "kubelet_client": (API_SERVER, set_("kubelet-client-certificate", "kubelet-client-key")),
    "kubelet_authority": (API_SERVER, set_("kubelet-certificate-authority")),
    "authorization_always": (API_SERVER, not_among("authorization-mode", "AlwaysAllow")),
    "authorization_node": (API_SERVER, _authorizes("Node")),
    "authorization_rbac": (API_SERVER, _authorizes("RBAC")),
    "event_rate_limit": (API_SERVER, among(_PLUGINS, "EventRateLimit")),
    "always_admit": (API_SERVER, not_among(_PLUGINS, "AlwaysAdmit")),
    "always_pull_images": (API_SERVER, among(_PLUGINS, "AlwaysPullImages")),
    "security_context_deny": (API_SERVER, among(_PLUGINS, "SecurityContextDeny", "PodSecurityPolicy")),
    "pod_security_policy": (API_SERVER, among(_PLUGINS, "PodSecurityPolicy")),
    "service_account_plugin": (API_SERVER, not_among(_OFF, "ServiceAccount")),
    "namespace_lifecycle": (API_SERVER, not_among(_OFF, "NamespaceLifecycle")),
    "node_restriction": (API_SERVER, among(_PLUGINS, "NodeRestriction")),
    "insecure_port": (API_SERVER, _no_port),
    "secure_port": (API_SERVER, is_not("secure-port", "0")),
    "profiling": (API_SERVER, is_("profiling", "false")),
    "audit_log_path": (API_SERVER, set_("audit-log-path")),
    "audit_log_age": (API_SERVER, at_least("audit-log-maxage", 30)),
    "audit_log_backups": (API_SERVER, at_least("audit-log-maxbackup", 10)),
    "audit_log_backups_to_review": (API_SERVER, _always("audit-log-maxbackup")),
    "audit_log_size": (API_SERVER, at_least("audit-log-maxsize", 100)),
    "audit_policy": (API_SERVER, set_("audit-policy-file")),
    "request_timeout_off": (API_SERVER, is_not("request-timeout", "0")),
    "request_timeout_to_review": (API_SERVER, _when_set("request-timeout")),
    "account_lookup": (API_SERVER, is_("service-account-lookup", "true", unset=True)),
    "account_key": (API_SERVER, set_("service-account-key-file")),
    "token_extension": (API_SERVER, is_("service-account-extend-token-expiration", "false")),
    "etcd_client": (API_SERVER, set_("etcd-certfile", "etcd-keyfile")),
    "etcd_authority": (API_SERVER, set_("etcd-cafile")),
    "serving_certificate": (API_SERVER, set_("tls-cert-file", "tls-private-key-file")),
    "client_authority": (API_SERVER, set_("client-ca-file")),
    "encryption": (API_SERVER, set_("encryption-provider-config")),
    "strong_ciphers": (API_SERVER, _strong_only),
    "weak_ciphers": (API_SERVER, _none_weak),
    "controllers_pod_gc": (CONTROLLERS, set_("terminated-pod-gc-threshold")),
    "controllers_pod_gc_to_review": (CONTROLLERS, _always("terminated-pod-gc-threshold")),
    "controllers_profiling": (CONTROLLERS, is_("profiling", "false")),
    "controllers_credentials": (CONTROLLERS, is_("use-service-account-credentials", "true")),
    "controllers_account_key": (CONTROLLERS, set_("service-account-private-key-file")),
    "controllers_root_authority": (CONTROLLERS, set_("root-ca-file")),
    "controllers_rotation": (CONTROLLERS, _gates("feature-gates", "RotateKubeletServerCertificate")),
    "controllers_address": (CONTROLLERS, _loopback),
    "scheduler_profiling": (SCHEDULER, is_("profiling", "false")),
    "scheduler_address": (SCHEDULER, _loopback),
    "etcd_serving_certificate": (ETCD, set_("cert-file", "key-file")),
    "etcd_client_certificates": (ETCD, is_("client-cert-auth", "true")),
    "etcd_self_signed": (ETCD, is_not("auto-tls", "true")),
    "etcd_peer_certificate": (ETCD, set_("peer-cert-file", "peer-key-file")),
    "etcd_peer_client_certificates": (ETCD, is_("peer-client-cert-auth", "true")),
    "etcd_peer_self_signed": (ETCD, is_not("peer-auto-tls", "true")),
}
"""By the name of their test: the program, and what it should be started with."""


def _register(name: str, program: str, wants: Wants) -> None:
    @test("Pod", name=name)
    def judged(one: Object, _: Cluster) -> Found:
        started = flags(one)
        if started is not None and started.program == program:
            fault = wants(started.given)
            if fault is not None:
                yield Violation(started.fields.get(fault[0], started.field), fault[1])


for _name, (_of, _wants) in ROWS.items():
    _register(_name, _of, _wants)


@once
def _client_authorities(cluster: Cluster) -> frozenset[str]:
    servers = (flags(one) for one in cluster.of("Pod"))
    return frozenset(
        found.given.get("client-ca-file", "") for found in servers if found and found.program == API_SERVER
    )


@test("Pod")
def etcd_shared_authority(one: Object, cluster: Cluster) -> Found:
    """Etcd trusts the authority that the API server's clients have their certificates from."""
    started = flags(one)
    if started is not None and started.program == ETCD:
        authority = started.given.get("trusted-ca-file")
        if authority and authority in _client_authorities(cluster):
            yield Violation(started.fields["trusted-ca-file"], f"the API server trusts {authority[:200]} too")


@test("ConfigMap")
def proxy_metrics(one: Object, _: Cluster) -> Found:
    """Kube-proxy shows its metrics to others than its node."""
    for key in _PROXY_KEYS if one.name in _PROXIES else ():
        found = _METRICS.search(text(at(one.body, "data", key)))
        if found and found[1] and found[1].rpartition(":")[0].strip("[]") not in _LOOPBACK:
            yield Violation(f"data[{key}]", f"metricsBindAddress is {found[1]}")

"""Files of a node: who may read, write and own what its kubelet and control plane trust.

Each test is a row, one control of the CIS Benchmark: the files it names, and what they have to be. An object of kind
`NodeFiles` tells of the files, never what is in them (`plimsoll scan --node` makes one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.objects import Body, Cluster, Object, listed, mapped, text

KIND = "NodeFiles"
API_VERSION = "plimsoll.dev/v1"
_LONGEST = 4096
"""Characters of a path, as Linux has it."""
_MODE = re.compile(r"[0-7]{3,5}")

_PODS = "/etc/kubernetes/manifests/"
_PKI = "/etc/kubernetes/pki"
_NETWORK = ("/etc/cni/net.d/**/*",)
_ETCD = ("/var/lib/etcd", "/var/lib/etcd/*.etcd")
_ADMIN = ("/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf")
_SCHEDULER = ("/etc/kubernetes/scheduler.conf", "/var/lib/kube-scheduler/kubeconfig")
_CONTROLLERS = ("/etc/kubernetes/controller-manager.conf", "/var/lib/kube-controller-manager/kubeconfig")
_SERVICE = tuple(
    f"{folder}/systemd/system/{name}"
    for folder in ("/etc", "/usr/lib")
    for name in ("kubelet.service", "kubelet.service.d/*.conf")
)
_PROXY = ("/etc/kubernetes/proxy.conf", "/etc/kubernetes/kube-proxy.conf", "/var/lib/kube-proxy/kubeconfig*")
_KUBELET = ("/etc/kubernetes/kubelet.conf", "/etc/kubernetes/kubelet-kubeconfig*", "/var/lib/kubelet/kubeconfig")
_CLIENT_AUTHORITY = (f"{_PKI}/ca.crt", "/etc/kubernetes/certs/ca.crt", "/etc/kubernetes/cert/ca.pem")
_CONFIG = (
    "/var/lib/kubelet/config.y*ml",
    "/var/lib/kubelet/kubelet-config.yaml",
    "/etc/kubernetes/kubelet-config.yaml",
    "/etc/kubernetes/kubelet/*config.yaml",
    "/etc/kubernetes/kubelet/*config.json",
)


class Control(NamedTuple):
    """What files have to be."""

    paths: tuple[str, ...]
    """`*` is any name, `**` any folders."""
    mode: int | None = None
    """The most that may be allowed."""
    owner: str = ""
    """`user:group`"""
    kinds: tuple[str, ...] = ("file",)


ROWS = {
    "api_server_mode": Control((_PODS + "kube-apiserver*",), 0o600),
    "api_server_owner": Control((_PODS + "kube-apiserver*",), owner="root:root"),
    "controllers_mode": Control((_PODS + "kube-controller-manager*",), 0o600),
    "controllers_owner": Control((_PODS + "kube-controller-manager*",), owner="root:root"),
    "scheduler_mode": Control((_PODS + "kube-scheduler*",), 0o600),
    "scheduler_owner": Control((_PODS + "kube-scheduler*",), owner="root:root"),
    "etcd_mode": Control((_PODS + "etcd*",), 0o600),
    "etcd_owner": Control((_PODS + "etcd*",), owner="root:root"),
    "network_mode": Control(_NETWORK, 0o600),
    "network_owner": Control(_NETWORK, owner="root:root"),
    "etcd_data_mode": Control(_ETCD, 0o700, kinds=("folder",)),
    "etcd_data_owner": Control(_ETCD, owner="etcd:etcd", kinds=("folder",)),
    "admin_mode": Control(_ADMIN, 0o600),
    "admin_owner": Control(_ADMIN, owner="root:root"),
    "scheduler_login_mode": Control(_SCHEDULER, 0o600),
    "scheduler_login_owner": Control(_SCHEDULER, owner="root:root"),
    "controllers_login_mode": Control(_CONTROLLERS, 0o600),
    "controllers_login_owner": Control(_CONTROLLERS, owner="root:root"),
    "pki_owner": Control((_PKI, f"{_PKI}/**/*"), owner="root:root", kinds=("file", "folder")),
    "certificate_mode": Control((f"{_PKI}/**/*.crt",), 0o644),
    "key_mode": Control((f"{_PKI}/**/*.key",), 0o600),
    "service_mode": Control(_SERVICE, 0o600),
    "service_owner": Control(_SERVICE, owner="root:root"),
    "proxy_login_mode": Control(_PROXY, 0o600),
    "proxy_login_owner": Control(_PROXY, owner="root:root"),
    "kubelet_login_mode": Control(_KUBELET, 0o600),
    "kubelet_login_owner": Control(_KUBELET, owner="root:root"),
    "client_authority_mode": Control(_CLIENT_AUTHORITY, 0o644),
    "client_authority_owner": Control(_CLIENT_AUTHORITY, owner="root:root"),
    "config_mode": Control(_CONFIG, 0o600),
    "config_owner": Control(_CONFIG, owner="root:root"),
}
"""By the name of their test, in the order of the benchmark: 1.1.1 to 1.1.21, then 4.1.1 to 4.1.10."""


@cache
def _pattern(paths: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches the paths that these stand for.

    >>> [bool(_pattern(("/a/**/*.key",)).fullmatch(path)) for path in ("/a/x.key", "/a/b/c/x.key", "/a/x.crt")]
    [True, True, False]
    """
    parts = {"**/": "(?:[^/]+/)*", "*": "[^/]*"}
    made = ("".join(parts.get(one) or re.escape(one) for one in re.split(r"(\*\*/|\*)", path)) for path in paths)
    return re.compile("|".join(made))


def _meant(control: Control, one: Object) -> list[tuple[int, Body]]:
    """Return the files a control is about, with their numbers; of folders only those that hold no other of them."""
    pattern = _pattern(control.paths)
    found = []
    for number, file in enumerate(map(mapped, listed(one.body.get("files")))):
        path = text(file.get("path"))
        if file.get("kind") in control.kinds and len(path) <= _LONGEST and pattern.fullmatch(path):
            found.append((number, file))
    if control.kinds != ("folder",):
        return found
    outer = {text(file["path"]).rpartition("/")[0] for _, file in found}
    return [told for told in found if told[1]["path"] not in outer]


def _judge(control: Control, one: Object) -> Iterator[Violation]:
    for number, file in _meant(control, one):
        if control.mode is not None:
            mode = text(file.get("mode"))
            if _MODE.fullmatch(mode) and int(mode, 8) & 0o777 & ~control.mode:
                yield Violation(f"files[{number}].mode", f"{file['path']} is {mode}, more than {control.mode:04o}")
        elif _is_owned(file):
            owner = f"{file['owner']}:{file['group']}"
            if owner != control.owner:
                said = f"{file['path']} is of {owner[:100]}, not of {control.owner}"
                yield Violation(f"files[{number}].owner", said)


def _is_owned(file: Body) -> bool:
    return bool(text(file.get("owner")) and text(file.get("group")))


def unjudged(body: Body) -> Iterator[str]:
    """Yield what could not be read on the node, and what is told of no file that could be judged.

    >>> [*unjudged({"unread": [{"path": "/etc/kubernetes/pki", "reason": "Permission denied"}]})]
    ['/etc/kubernetes/pki: Permission denied']
    """
    for told in map(mapped, listed(body.get("unread"))):
        yield f"{text(told.get('path'))[:_LONGEST]}: {text(told.get('reason'))[:200]}"
    for number, file in enumerate(map(mapped, listed(body.get("files")))):
        known = text(file.get("path")) and file.get("kind") in ("file", "folder") and _is_owned(file)
        if not known or not _MODE.fullmatch(text(file.get("mode"))):
            yield f"files[{number}] is not told with path, kind, owner, group and mode, as '0600'"


def _register(name: str, control: Control) -> None:
    @test(KIND, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        yield from _judge(control, one)


for _name, _control in ROWS.items():
    _register(_name, _control)

"""Ways that only certain versions leave open: of the kubelet, the runtime, the kernel, the API server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from plimsoll.paths import known, nodes, on_node, rights
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Object, at, listed, mapped, text

Version = tuple[int, ...]


class Band(NamedTuple):
    """The versions of something that have a flaw: below the fix of their own line, or of a line before all that are fixed."""

    flaw: str
    fixed: tuple[Version, ...]
    """The first fixed version of each line."""
    since: Version = ()
    lines: int = 2
    """How many numbers make a line."""

    def has(self, version: Version) -> bool:
        """Say whether a version has the flaw.

        >>> band = Band("CVE-2024-10220", ((1, 28, 12), (1, 29, 7), (1, 30, 3)))
        >>> band.has((1, 29, 6)), band.has((1, 30, 3)), band.has((1, 27, 9)), band.has(())
        (True, False, True, False)
        """
        if not version or version < self.since:
            return False
        same = [one for one in self.fixed if one[: self.lines] == version[: self.lines]]
        return version < same[0] if same else version < min(self.fixed)


GIT_REPO = Band("CVE-2024-10220", ((1, 28, 12), (1, 29, 7), (1, 30, 3)))
SUB_PATH = Band("CVE-2021-25741", ((1, 19, 15), (1, 20, 11), (1, 21, 5), (1, 22, 2)))
RUNTIMES = {
    "containerd": (
        Band("CVE-2024-21626 (runc)", ((1, 6, 28), (1, 7, 13))),
        Band("CVE-2020-15257", ((1, 3, 9), (1, 4, 3))),
    ),
    "docker": (
        Band("CVE-2024-21626 (runc)", ((24, 0, 9), (25, 0, 2)), lines=1),
        Band("CVE-2019-5736 (runc)", ((18, 9, 2),)),
    ),
    "cri-o": (Band("CVE-2022-0811", ((1, 19, 6), (1, 20, 7), (1, 21, 6), (1, 22, 3), (1, 23, 2)), since=(1, 19)),),
}
KERNELS = (
    Band("CVE-2022-0847", ((5, 10, 102), (5, 15, 25), (5, 16, 11)), since=(5, 8)),
    Band("CVE-2022-0185", ((5, 4, 173), (5, 10, 93), (5, 15, 16), (5, 16, 2)), since=(5, 1)),
)
HELPERS = (("nvidia/container-toolkit", "nvidia-container-toolkit", Band("CVE-2025-23266", ((1, 17, 8),))),)
API_SERVER = Band("CVE-2018-1002105", ((1, 10, 11), (1, 11, 5), (1, 12, 3)))


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways that versions leave open; what version runs is told by nodes and by images."""
    helpers = [*_helpers(model)]
    for workload in model.workloads:
        for name in model.where[workload]:
            node = model.nodes.get(name)
            if node is not None:
                yield from _on_node(workload, name, node, helpers)
        yield from _windows(model, workload)
        yield from _api_server(workload)


def _on_node(workload: Workload, name: str, node: Object, helpers: Sequence[str]) -> Iterator[Edge]:
    kubelet = _told(node, "kubeletVersion")
    target = nodes.node(name)
    for container, one in workload.containers:
        if GIT_REPO.has(kubelet) and _mounts_git(workload):
            why = f"{workload.end} has a gitRepo volume, and the kubelet of {name} has {GIT_REPO.flaw}"
            yield Edge("CE_GITREPO", container, target, why, (workload.ref,))
        if SUB_PATH.has(kubelet) and any(_sub_path(told) for told in listed(one.body.get("volumeMounts"))):
            why = f"{workload.end}: {one.name} mounts a subPath, and the kubelet of {name} has {SUB_PATH.flaw}"
            yield Edge("CE_SUBPATH_CVE", container, target, why, (workload.ref,))
        if not workload.pod.has_own_users:
            for flaw in _flaws(node):
                why = f"the runtime or kernel of {name}, where {workload.end} runs, is of a version with {flaw}"
                yield Edge("CE_RUNTIME_CVE", container, target, why, (nodes.ref("Node", name),), conditional=True)
        for helper in helpers:
            yield Edge("CE_RUNTIME_CVE", container, target, helper, (workload.ref,), conditional=True)


def _told(node: Object, name: str) -> Version:
    return known.version(text(at(node.body, "status", "nodeInfo", name))[:100])


def _mounts_git(workload: Workload) -> bool:
    return any("gitRepo" in mapped(one) for one in listed(workload.pod.spec.get("volumes")))


def _sub_path(mount: object) -> bool:
    return bool(at(mount, "subPath") or at(mount, "subPathExpr")) and at(mount, "readOnly") is not True


def _flaws(node: Object) -> Iterator[str]:
    runtime, _, version = text(at(node.body, "status", "nodeInfo", "containerRuntimeVersion"))[:100].partition("://")
    yield from (band.flaw for band in RUNTIMES.get(runtime, ()) if band.has(known.version(version)))
    kernel = _told(node, "kernelVersion")
    yield from (band.flaw for band in KERNELS if band.has(kernel))


def _helpers(model: Model) -> Iterator[str]:
    """Yield what runs on nodes to help the runtime, in a version with a flaw."""
    for workload in model.workloads if model.nodes else ():
        for container in workload.pod.containers:
            for image, name, band in HELPERS:
                told = known.image(container)
                if (image in told or name in told) and band.has(known.version(told)):
                    yield f"{workload.end} installs a helper of the runtime with {band.flaw} on nodes"


def _windows(model: Model, workload: Workload) -> Iterator[Edge]:
    """Yield that Windows' process isolation is no security boundary."""
    if workload.pod.is_windows and "hyperv" not in text(workload.spec.get("runtimeClassName")).lower():
        for name, _ in workload.containers:
            why = f"{workload.end} runs on Windows with process isolation, which is no boundary"
            yield Edge(
                "CE_WIN_PROCESS_ISOLATION", name, model.node_of[workload], why, (workload.ref,), conditional=True
            )


def _api_server(workload: Workload) -> Iterator[Edge]:
    if not on_node.is_part(workload):
        return
    for container in workload.pod.containers:
        if "kube-apiserver" in known.image(container) and API_SERVER.has(known.version(known.image(container))):
            why = f"{workload.end} is of a version with {API_SERVER.flaw}"
            everybody = nodes.group(rights.AUTHENTICATED)
            yield Edge("CONTROL_PLANE_CVE", everybody, nodes.CLUSTER_ADMIN, why, (workload.ref,), conditional=True)

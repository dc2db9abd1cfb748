"""Nodes: the versions they run, and flaws that those are known to have."""

from __future__ import annotations

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.kubescape_images import Version, version
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found
from plimsoll.posture.judging.kubescape_volumes import mounts
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Cluster, Object, at, text

_CONTAINER_SYSTEMS = ("bottlerocket", "container-optimized", "flatcar", "talos", "coreos", "azure linux", "cbl-mariner")
_SUBPATH_FIXED = {19: 15, 20: 11, 21: 5, 22: 2}
"""The patch of each minor version that mends CVE-2021-25741."""
_CONTAINERD_FIXED = {(1, 4): 13, (1, 5): 10, (1, 6): 1}


def _told(node: Object, name: str) -> str:
    return text(at(node.body, "status", "nodeInfo", name))


def _kubelet(node: Object) -> Version | None:
    return version(_told(node, "kubeletVersion"))


@test("Node")
def outdated(one: Object, _: Cluster) -> Found:
    """A node runs a version of Kubernetes that gets no fixes."""
    running = _kubelet(one)
    if running and running[:2] < kubescape_defaults.OLDEST_SUPPORTED:
        yield Violation("status.nodeInfo.kubeletVersion", f"the kubelet is {_told(one, 'kubeletVersion')[:100]}")


@once
def _follows_links(cluster: Cluster) -> bool:
    """Whether a node mounts a subPath that is a link to elsewhere."""
    found = (_kubelet(node) for node in cluster.of("Node"))
    return any(one and one[0] == 1 and one[1] < 23 and one[2] < _SUBPATH_FIXED.get(one[1], 10**6) for one in found)


@test(*MAKERS)
def links_out_of_volumes(one: Object, cluster: Cluster) -> Found:
    """A subPath is mounted where nodes follow a link to the node's own files (CVE-2021-25741)."""
    if _follows_links(cluster):
        for field, mount in mounts(one):
            for name in ("subPath", "subPathExpr"):
                if mount.get(name):
                    yield Violation(f"{field}.{name}", "a node of the cluster follows links out of the volume")


@test("Node")
def containerd_reads_host(one: Object, _: Cluster) -> Found:
    """Images read files of the node through containerd (CVE-2022-23648)."""
    name, _sep, told = _told(one, "containerRuntimeVersion").partition("://")
    running = version(told)
    if name == "containerd" and running and _is_broken(running):
        yield Violation("status.nodeInfo.containerRuntimeVersion", f"containerd is {told[:100]}")


def _is_broken(running: Version) -> bool:
    fixed = _CONTAINERD_FIXED.get((running[0], running[1]))
    return running[:2] < (1, 4) if fixed is None else running[2] < fixed


@once
def _uses_container_system(cluster: Cluster) -> bool:
    systems = (_told(node, "osImage").lower() for node in cluster.of("Node"))
    return any(known in system for system in systems for known in _CONTAINER_SYSTEMS)


@test("Node")
def general_system(one: Object, cluster: Cluster) -> Found:
    """No node runs a system made for containers."""
    if not _uses_container_system(cluster):
        yield Violation("status.nodeInfo.osImage", f"the system is {_told(one, 'osImage')[:100]}")


@once
def _uses_fargate(cluster: Cluster) -> bool:
    return any(node.name.startswith("fargate") for node in cluster.of("Node"))


@test("Node")
def no_fargate(one: Object, cluster: Cluster) -> Found:
    """No pod has a virtual machine of its own by AWS Fargate."""
    if not _uses_fargate(cluster):
        yield Violation("", f"node {one.name} is shared, as all nodes are")

"""How the privileges of a container become those of its node: privileged mode, capabilities, shared namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from plimsoll.paths import privileges
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.posture.objects import Container, Pod


class Way(NamedTuple):
    """A way from a container to its node."""

    kind: str
    why: str
    """What of the container makes it so, and what that gives."""


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways from containers to their nodes that their own rights open."""
    for workload in model.workloads:
        for name, container in workload.containers:
            for way in ways(workload.pod, container):
                why = f"{workload.end}: {way.why}"
                yield Edge(way.kind, name, model.node_of[workload], why, (workload.ref,))


def ways(pod: Pod, container: Container) -> Iterator[Way]:
    """Yield how a container's process can make itself the node's."""
    if privileges.is_host_process(pod, container):
        yield Way(
            "CE_WIN_HOSTPROCESS", f"{_told(container, 'windowsOptions.hostProcess')}: it is a process of the node"
        )
    if pod.has_own_users or pod.is_windows:
        return
    if privileges.is_privileged(pod, container):
        yield from _privileged(pod, container)
    yield from _by_capabilities(pod, container)
    if privileges.unmasked(container) and privileges.may_be_root(pod, container):
        told = f"{container.field}.securityContext.procMount is Unmasked and it may be root"
        yield Way("CE_PROCMOUNT_UNMASKED", f"{told}: the kernel's settings under /proc/sys can be written")


def _privileged(pod: Pod, container: Container) -> Iterator[Way]:
    told = _told(container, "privileged")
    if privileges.may_be_root(pod, container):
        yield Way("CE_PRIVILEGED", f"{told}: the node's disks and devices are open to it")
        return
    yield Way("CE_PRIVILEGED", f"{told}: a program of the image that starts as root opens the node's devices")


def _by_capabilities(pod: Pod, container: Container) -> Iterator[Way]:
    held = privileges.effective(pod, container)
    told = partial(_given, pod, container)
    shares_processes = pod.spec.get("hostPID") is True
    if shares_processes and {"SYS_ADMIN", "SYS_PTRACE"} <= held:
        yield Way("CE_NSENTER", f"hostPID is true, and {told('SYS_ADMIN')}: it may enter the node's namespaces")
    if shares_processes and "SYS_PTRACE" in held and not _is_held_by_apparmor(pod, container):
        yield Way("CE_SYS_PTRACE", f"hostPID is true, and {told('SYS_PTRACE')}: it may take over the node's processes")
    if "SYS_MODULE" in held:
        yield Way("CE_MODULE_LOAD", f"{told('SYS_MODULE')}: it may load code into the node's kernel")
    if "SYS_ADMIN" in held:
        yield Way("CE_SYS_ADMIN", f"{told('SYS_ADMIN')}: it may mount what is the node's")
    if "DAC_READ_SEARCH" in held:
        yield Way("CE_DAC_READ_SEARCH", f"{told('DAC_READ_SEARCH')}: it may open the node's files by their handles")
    if {"BPF", "PERFMON"} <= held or "SYS_ADMIN" in held:
        name = "BPF" if {"BPF", "PERFMON"} <= held else "SYS_ADMIN"
        yield Way("CE_BPF", f"{told(name)}: programs of its own in the kernel read all memory of the node")
    if "SYS_RAWIO" in held and privileges.is_privileged(pod, container):
        yield Way("CE_RAWIO", f"{told('SYS_RAWIO')}: it may write the node's memory and disks as devices")


def _given(pod: Pod, container: Container, name: str) -> str:
    """Return how a capability came to a container."""
    field = f"{container.field}.securityContext"
    if privileges.is_privileged(pod, container):
        return f"{field}.privileged is true"
    return f"{field}.capabilities give it {name} as root"


def _told(container: Container, name: str) -> str:
    return f"{container.field}.securityContext.{name} is true"


def _is_held_by_apparmor(pod: Pod, container: Container) -> bool:
    """Say whether a profile is told that does not let it trace the node's processes; privileged containers have none."""
    enforced = privileges.apparmor(pod, container) in ("RuntimeDefault", "Localhost")
    return enforced and not privileges.is_privileged(pod, container)

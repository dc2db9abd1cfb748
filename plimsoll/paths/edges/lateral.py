"""From one container to those beside it: shared processes and volumes, the node's processes and network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations

from plimsoll.paths import nodes, on_node, privileges, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Container, at, listed, mapped, text

_SNIFFING = frozenset(("NET_RAW", "NET_ADMIN"))


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways from containers to those beside them."""
    kept = on_node.of(model)
    for workload in model.workloads:
        yield from _shared_processes(workload)
        yield from _shared_volumes(workload)
        yield from _on_host(model, kept, workload)
    yield from _shared_claims(model)


def _shared_processes(workload: Workload) -> Iterator[Edge]:
    """Yield who sees whose processes, and may enter them: as the same user, or as one who may become any."""
    shares = next((one for one in ("shareProcessNamespace", "hostPID") if workload.spec.get(one) is True), "")
    for (source, one), (target, other) in permutations(workload.containers, 2) if shares else ():
        if not (privileges.lasts(one) and privileges.lasts(other)):
            continue
        surely, perhaps = _may_enter(workload, one, other)
        if surely or perhaps:
            why = (
                f"{workload.end}: {shares} is true, so {one.name} reaches the files and memory of {other.name} in /proc"
            )
            yield Edge("SHARE_PS_NAMESPACE", source, target, why, (workload.ref,), conditional=not surely)


def _may_enter(workload: Workload, one: Container, other: Container) -> tuple[bool, bool]:
    """Say whether a container's process may enter another's, for sure or perhaps: images may tell users we do not know."""
    pod = workload.pod
    if privileges.may_be_root(pod, one):
        able = privileges.bounding(one) & {"SETUID", "SYS_PTRACE"} or privileges.is_privileged(pod, one)
        equal = privileges.may_be_root(pod, other) and privileges.effective(pod, other) <= privileges.effective(
            pod, one
        )
        return bool(able) or equal, privileges.may_be_root(pod, other)
    mine, theirs = privileges.user(pod, one), privileges.user(pod, other)
    if mine is not None and mine == theirs:
        return True, False
    return False, (mine is None or theirs is None) and not privileges.may_be_root(pod, other)


def _shared_volumes(workload: Workload) -> Iterator[Edge]:
    """Yield who can write what another reads in one pod: if the other runs it, or is told by it what to do."""
    for (source, one), (target, other) in permutations(workload.containers, 2):
        shared = _written(workload, one) & _held(workload, other)
        if shared and privileges.lasts(other):
            why = f"{workload.end}: {one.name} may write volume {min(shared)}, which {other.name} mounts too"
            yield Edge("SHARED_VOLUME", source, target, why, (workload.ref,), conditional=True)


def _written(workload: Workload, one: Container) -> set[str]:
    mounts = map(mapped, listed(one.body.get("volumeMounts")))
    return {text(told.get("name")) for told in mounts if told.get("readOnly") is not True} & _storage(workload)


def _held(workload: Workload, one: Container) -> set[str]:
    return {text(at(told, "name")) for told in listed(one.body.get("volumeMounts"))} & _storage(workload)


def _storage(workload: Workload) -> set[str]:
    kinds = {"emptyDir", "persistentVolumeClaim", "hostPath", "ephemeral", "nfs"}
    return {text(at(one, "name")) for one in listed(workload.pod.spec.get("volumes")) if kinds & mapped(one).keys()}


def _shared_claims(model: Model) -> Iterator[Edge]:
    """Yield who can write what pods elsewhere in the namespace have of the same claim."""
    readers: dict[tuple[str, str], list[str]] = defaultdict(list)
    writers: dict[tuple[str, str], list[tuple[str, Workload]]] = defaultdict(list)
    for workload in model.workloads:
        for name, container in workload.containers:
            for claim, writes in _claims(workload, container):
                readers[workload.namespace, claim].append(name)
                if writes:
                    writers[workload.namespace, claim].append((name, workload))
    for number, (key, found) in enumerate(readers.items()):
        if len(found) > 1 and writers[key]:
            shared = nodes.set_of(f"claim-{number}", nodes.container(key[0], "*", "*"))
            yield from (Edge("", shared, name, "") for name in found)
            for name, workload in writers[key]:
                why = f"{workload.end} may write claim {key[1]}, which others mount too"
                yield Edge("SHARED_VOLUME", name, shared, why, (workload.ref,), conditional=True)


def _claims(workload: Workload, container: Container) -> Iterator[tuple[str, bool]]:
    written = _written(workload, container)
    for name, volume in tokens.mounted(workload, container):
        claim = text(at(volume, "persistentVolumeClaim", "claimName"))
        if claim:
            yield claim, name in written and at(volume, "persistentVolumeClaim", "readOnly") is not True


def _on_host(model: Model, kept: on_node.OnNodes, workload: Workload) -> Iterator[Edge]:
    """Yield what a container has in the namespaces of its node."""
    spec, node = workload.pod.spec, model.node_of[workload]
    for name, container in workload.containers:
        if spec.get("hostNetwork") is True:
            why = f"{workload.end}: hostNetwork is true: what listens on the node's own addresses answers it"
            yield Edge("HOSTNET", name, node, why, (workload.ref,), walk=False)
        if spec.get("hostPID") is True:
            for target in kept.near(workload, kept.containers):
                why = (
                    f"{workload.end}: hostPID is true: it sees all processes of its node, and enters those of its user"
                )
                yield Edge("CE_HOSTPID_PROC", name, target, why, (workload.ref,), conditional=True)
        yield from _on_the_wire(model, workload, name, container)


def _on_the_wire(model: Model, workload: Workload, name: str, container: Container) -> Iterator[Edge]:
    """Yield what goes over the node's network in the clear: credentials that a node's agent hands to pods."""
    held = privileges.effective(workload.pod, container) & privileges.added(container) & _SNIFFING
    if privileges.is_privileged(workload.pod, container) and privileges.effective(workload.pod, container):
        held = _SNIFFING
    if not held:
        return
    what = f"{workload.end}: {container.field} has {min(held)}"
    if workload.pod.spec.get("hostNetwork") is not True:
        why = f"{what}: where pods share a bridge, it can pose as others there"
        yield Edge("CE_NET_MITM", name, model.node_of[workload], why, (workload.ref,), conditional=True)
        return
    why = f"{what} on the node's network: an agent that believes the metadata service can be told to let it in"
    yield Edge("CE_NET_MITM", name, model.node_of[workload], why, (workload.ref,), conditional=True)
    for account in _neighbours(model, workload):
        why = f"{what} on the node's network, where the credentials of EKS Pod Identity pass in the clear"
        target = nodes.cloud(*account.removeprefix("SA:").split("/", 1))
        yield Edge("CE_NET_MITM", name, target, why, (workload.ref,))


def _neighbours(model: Model, workload: Workload) -> Iterator[str]:
    """Yield the ServiceAccounts of other pods that run on the same node."""
    here = set(workload.nodes)
    seen = {workload.account}
    for place in model.placements:
        if here.intersection(place.nodes) or not (here and place.nodes):
            for one in place.workloads:
                if one.account not in seen and tokens.of_pod(model, one):
                    seen.add(one.account)
                    yield one.account

"""What attackers mostly come for beside the cluster itself: computing time, and data to destroy."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import namespace_of
from plimsoll.posture.objects import Container, Object, at, listed, mapped

COMPUTE, DESTROY = nodes.sink("compute"), nodes.sink("destroy")
_DATA = (("", "persistentvolumes", True), ("", "persistentvolumeclaims", False), ("", "namespaces", True))


def edges(model: Model) -> Iterator[Edge]:
    """Yield who can compute for himself, and who can destroy."""
    limited = {namespace_of(one) for one in model.cluster.of("LimitRange") if _limits(one)}
    for workload in model.workloads:
        for name, container in workload.containers if workload.namespace not in limited else ():
            if not _is_limited(container, workload.spec):
                why = f"{workload.end}: {container.name} has no limit of computing time"
                yield Edge("SINK_COMPUTE", name, COMPUTE, why, (workload.ref,))
    yield from _compute_by_pods(model)
    yield from _destroying(model)


def _limits(one: Object) -> bool:
    """Say whether a LimitRange gives containers that tell none a limit of computing time."""
    told = (mapped(part) for part in listed(one.spec.get("limits")))
    return any(
        part.get("type") == "Container" and (at(part, "default", "cpu") or at(part, "max", "cpu")) for part in told
    )


def _is_limited(container: Container, spec: object) -> bool:
    return any(at(one, "resources", "limits", "cpu") is not None for one in (container.body, spec))


def _compute_by_pods(model: Model) -> Iterator[Edge]:
    quota = {namespace_of(one) for one in model.cluster.of("ResourceQuota") if _caps(one)}
    for identity in model.identities:
        for one in model.powers(identity).of(("create",), "", "pods"):
            if one.namespace not in quota or not one.namespace:
                why = (
                    f"{one.why} allows to create pods{f' in {one.namespace}' if one.namespace else ''} without a quota"
                )
                yield Edge("SINK_COMPUTE", identity, COMPUTE, why, one.objects)


def _caps(one: Object) -> bool:
    return any(
        key in mapped(one.spec.get("hard")) for key in ("pods", "count/pods", "requests.cpu", "limits.cpu", "cpu")
    )


def _destroying(model: Model) -> Iterator[Edge]:
    for identity in model.identities:
        powers = model.powers(identity)
        for group, resource, scoped in _DATA:
            for one in powers.of(("delete", "deletecollection"), group, resource, scoped=scoped):
                if not one.namespace and not one.rule.names:
                    why = f"{one.why} allows to delete {resource} everywhere"
                    yield Edge("SINK_DESTROY", identity, DESTROY, why, one.objects)

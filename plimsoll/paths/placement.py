"""Where pods run, and where those that have no node yet could: node selectors, required affinity, taints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Object, at, listed, mapped, text

_BARRING = ("NoSchedule", "NoExecute")


class Placement(NamedTuple):
    """Workloads that run, or could run, on any of these nodes."""

    nodes: tuple[str, ...]
    """Names of nodes; empty: nothing is known of where."""
    workloads: tuple[Workload, ...]


def placements(where: Mapping[Workload, tuple[str, ...]], nodes: Iterable[str]) -> list[Placement]:
    """Return for each node what runs there, and for those without one, where they could run."""
    fixed: dict[str, list[Workload]] = {name: [] for name in nodes}
    free: dict[tuple[str, ...], list[Workload]] = {}
    for one, names in where.items():
        for name in one.nodes:
            fixed.setdefault(name, []).append(one)
        if not one.nodes:
            free.setdefault(names, []).append(one)
    return [Placement((name,), tuple(found)) for name, found in fixed.items() if found] + [
        Placement(names, tuple(found)) for names, found in free.items()
    ]


def possible(one: Workload, nodes: Mapping[str, Object | None]) -> tuple[str, ...]:
    """Return the names of the nodes a workload could be placed on; of a node that is only named nothing speaks against."""
    spec = one.pod.spec
    return tuple(name for name, node in nodes.items() if node is None or _fits(spec, node))


def _fits(spec: Mapping[str, object], node: Object) -> bool:
    labels = {"kubernetes.io/hostname": node.name, **node.labels}
    selector = mapped(spec.get("nodeSelector"))
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    required = at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = listed(mapped(required).get("nodeSelectorTerms"))
    if terms and not any(_term(mapped(one), labels, node.name) for one in terms):
        return False
    return _tolerated(listed(node.spec.get("taints")), listed(spec.get("tolerations")))


def _term(term: Mapping[str, object], labels: Mapping[str, object], name: str) -> bool:
    told = [mapped(one) for one in listed(term.get("matchExpressions"))]
    fields = [mapped(one) for one in listed(term.get("matchFields"))]
    return (
        bool(told or fields)
        and all(_meets(one, labels) for one in told)
        and all(_meets(one, {"metadata.name": name}) for one in fields)
    )


def _meets(expression: Mapping[str, object], labels: Mapping[str, object]) -> bool:
    key, values = text(expression.get("key")), listed(expression.get("values"))
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt" | "Lt" as way:
            return _compared(labels.get(key), values, greater=way == "Gt")
    return False


def _compared(label: object, values: Sequence[object], *, greater: bool) -> bool:
    try:
        have, bound = int(str(label)[:18]), int(str(values[0])[:18])
    except (ValueError, IndexError):
        return False
    return have > bound if greater else have < bound


def _tolerated(taints: Sequence[object], tolerations: Sequence[object]) -> bool:
    barring = (mapped(one) for one in taints if mapped(one).get("effect") in _BARRING)
    return all(any(_tolerates(mapped(one), taint) for one in tolerations) for taint in barring)


def _tolerates(toleration: Mapping[str, object], taint: Mapping[str, object]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") in (None, ""):
        return toleration.get("operator") == "Exists"
    if toleration.get("key") != taint.get("key"):
        return False
    return toleration.get("operator") == "Exists" or text(toleration.get("value")) == text(taint.get("value"))

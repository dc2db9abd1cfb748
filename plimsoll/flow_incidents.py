"""The wiring of incidents: what a cluster's objects say of the subjects of cases → links between them, with the reason.

Lineage: pods of one owner, and the ServiceAccount that pods run as. Attack path: single steps of the attack graph.
Only what cases are about is looked at, and what everything is linked with is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, product

from plimsoll import normal
from plimsoll.paths import between, explain, graph, nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Cluster, Object
from plimsoll.triage import incidents
from plimsoll.triage.incidents import Link
from plimsoll.triage.memory import Case

_PEOPLE, _ACCOUNT, _NODES = ("actor:", "user:"), "sa:", ("host:", "node:")
_Names = dict[str, list[str]]
"""Subjects of cases by the thing they are."""


def links(objects: Sequence[Object], cases: Iterable[Case]) -> list[Link]:
    """Return what the subjects of open cases have to do with each other in the cluster of these objects."""
    about = {subject for case in cases if case.state == "open" for subject in incidents.subjects(case)}
    if len(about) < 2:
        return []
    model = Model(Cluster(objects))
    ends = _Ends(model, about)
    found = dict.fromkeys([*_owned(ends), *_running(ends, model), *_steps(ends, model)])
    return list(found)[: incidents.MOST_LINKS]


class _Ends:
    """Subjects of cases as what they are in a cluster."""

    def __init__(self, model: Model, about: set[str]) -> None:
        self.workloads = {one: told for one in model.workloads if (told := sorted(about.intersection(_names(one))))}
        self.identities: _Names = {}
        self.nodes: _Names = {}
        for subject in sorted(about):
            kind, _, name = subject.partition(":")
            if subject.startswith(_NODES):
                self.nodes.setdefault(nodes.node(name), []).append(subject)
            elif subject.startswith(_PEOPLE):
                self.identities.setdefault(nodes.user(name), []).append(subject)
            elif subject.startswith(_ACCOUNT):
                self.identities.setdefault(f"{kind.upper()}:{name}", []).append(subject)


def _names(one: Workload) -> Iterator[str]:
    """Yield what alerts may call a workload: by its owner, its pods, and the owner that a pod's name tells."""
    yield f"{one.namespace}/{one.kind}/{one.name}"
    for pod in one.pods:
        kind, name = normal.workload_of_pod(pod)
        yield f"{one.namespace}/{pod}"
        yield f"{one.namespace}/{kind}/{name}"


def _owned(ends: _Ends) -> Iterator[Link]:
    """Yield links between the pods of one owner, which the names of pods do not always tell."""
    for one, told in ends.workloads.items():
        for first, second in pairwise(told):
            yield Link(first, second, f"lineage: both are of {one.end}")


def _running(ends: _Ends, model: Model) -> Iterator[Link]:
    """Yield links between pods and the ServiceAccount they run as, where few others run as it."""
    for one, told in ends.workloads.items():
        accounts = ends.identities.get(one.account, [])
        if accounts and len(model.by_account[one.account]) <= between.HUB:
            why = f"lineage: {one.end} runs as ServiceAccount {one.namespace}/{one.pod.service_account}"
            yield from (Link(subject, account, why) for subject, account in product(told, accounts))


def _steps(ends: _Ends, model: Model) -> Iterator[Link]:
    """Yield an attacker's steps from one to the other."""
    sources, targets = dict(_sources(ends)), _targets(ends, model)
    if not sources:
        return
    found = between.between(graph.build(model), sources, targets)
    pairs = ((edge, *pair) for edge in found for pair in product(sources[edge.source], targets[edge.target]))
    own = {subject: frozenset(told) for told in ends.workloads.values() for subject in told}
    apart = (one for one in pairs if one[2] not in own.get(one[1], {one[1]}))
    for edge, source, target in islice(apart, incidents.MOST_LINKS):
        yield Link(source, target, _words(edge), step=True)


def _sources(ends: _Ends) -> Iterator[tuple[str, list[str]]]:
    yield from ends.identities.items()
    yield from ends.nodes.items()
    for one, told in ends.workloads.items():
        yield from ((name, told) for name, _ in one.containers)


def _targets(ends: _Ends, model: Model) -> Mapping[str, list[str]]:
    """Return what steps may lead to: a workload is led to by its template and by the Services before it, too."""
    found = dict(_sources(ends)) | {one.id: told for one, told in ends.workloads.items()}
    for service in model.services:
        behind = [subject for one in service.workloads for subject in ends.workloads.get(one, ())]
        if behind and len(service.workloads) <= between.HUB:
            found[service.id] = behind
    return found


def _words(edge: Edge) -> str:
    told = explain.of(edge.kind)
    ids = f" ({', '.join(told.attack)})" if told.attack else ""
    return f"attack path: {told.name}{ids} gains {explain.held(edge.target)}: {edge.why}"

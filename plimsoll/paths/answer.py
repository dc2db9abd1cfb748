"""The answer to a question about paths: from where to what, the ways there ranked, and what closes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from plimsoll.paths import cuts, graph, nodes, privileges, weights
from plimsoll.paths.cuts import Cut, Problem
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from plimsoll.paths.habits import Habits, Use, unused
from plimsoll.paths.model import Model
from plimsoll.paths.removal import without
from plimsoll.paths.replicas import Replicas
from plimsoll.paths.search import Route, Ways
from plimsoll.paths.workloads import Workload

EVERY_SECRET = nodes.secret("*", "*")
GOALS = (nodes.CLUSTER_ADMIN, nodes.ANY_NODE, EVERY_SECRET, "Cloud:*")
"""What is looked for where nothing is named: administrator, nodes, all Secrets, cloud identities."""
_FOOTHOLDS = {
    nodes.INTERNET: 0.0,
    nodes.ANYONE: 0.1,
    "Container": 2.3,
    "User": 2.3,
    "Group": 2.3,
    "SA": 2.3,
    "Node": 2.3,
}
"""How hard it is to have the start at all, by kind, as a step's cost (`weights.cost`)."""
_OWN = frozenset({"SECRET_MOUNT", "IMDS", "CLOUD_WORKLOAD_ID"})
"""Steps by which a container uses what it was given."""
_FEW = 4
"""Starts up to which further ways than the easiest are told."""
_MORE = 10
"""Ways told for each of few starts."""
_JUDGED_AGAIN = 2_000
"""Objects of a cluster up to which it is judged again without those of a cut, to be sure."""
_TRIES = 5
_SELF = 64
"""Starts that are targets too and are still searched for another."""


class Question(NamedTuple):
    """What is asked; without starts or targets, the usual ones."""

    starts: tuple[str, ...] = ()
    """Ids, with `*` as a wildcard."""
    targets: tuple[str, ...] = ()
    conditional: bool = False
    """Count steps too that need what manifests cannot show."""


class Answer:
    """Ways from starts to targets, and what closes them."""

    def __init__(
        self, model: Model, question: Question, whole: Graph | None = None, habits: Habits | None = None
    ) -> None:
        """Take the cluster and the question, the graph unless it is to be built, and what a profile has seen."""
        self.model, self.question, self.habits = model, question, habits
        self.graph = whole or graph.build(model)
        self.replicas = Replicas(model)

    @cached_property
    def starts(self) -> list[str]:
        """The nodes that are started from."""
        if self.question.starts:
            return self._named(self.question.starts, as_start=True)
        told = [nodes.INTERNET, nodes.ANYONE, *self._footholds(), *self._outsiders()]
        return [one for one in dict.fromkeys(told) if one in self.graph.out]

    def _footholds(self) -> Iterator[str]:
        """Yield the containers that run on: into one that has ended, nobody breaks."""
        for one in self.model.workloads:
            yield from (name for name, body in one.containers if privileges.lasts(body))

    def _outsiders(self) -> Iterator[str]:
        """Yield identities that no pod runs as: people, and accounts whose tokens are used elsewhere."""
        yield from (one for one in self.model.people if not one.partition(":")[2].startswith("system:"))
        for namespace, name in self.model.accounts:
            account = nodes.account(namespace, name)
            if account not in self.model.by_account:
                yield account

    @cached_property
    def goals(self) -> list[list[str]]:
        """The nodes that are looked for, by goal."""
        if self.question.targets:
            return [self._named(self.question.targets, as_start=False)]
        found = (self._named((goal,), as_start=False) for goal in GOALS)
        return [part for goal in found for part in _apart(goal) if part]

    def _named(self, patterns: Sequence[str], *, as_start: bool) -> list[str]:
        found: list[str] = []
        for pattern in patterns:
            matches = _matcher(pattern)
            found += [one for one in self.graph.nodes if self._is(one, pattern, matches, as_start=as_start)]
            found += [first for name, first in self.replicas.first_of.items() if matches.fullmatch(name)]
        return list(dict.fromkeys(found))

    def _is(self, node: str, pattern: str, matches: re.Pattern[str], *, as_start: bool) -> bool:
        shown = nodes.shown(node)
        if as_start and shown != node:
            return False
        if nodes.is_set(node) and shown != pattern:
            return not self.graph.out.get(node) and bool(matches.fullmatch(shown))
        return bool(matches.fullmatch(shown))

    @cached_property
    def routes(self) -> list[Route]:
        """The ways, most worth closing first."""
        found: list[Route] = []
        for number, goal in enumerate(self.goals):
            whole = self.graph if number == 0 else self._below
            found += self._to(Ways(whole, goal, weights.cost, conditional=self.question.conditional))
        return sorted(map(self._as_asked, filter(self._is_told, found)), key=self._rank)

    def _is_told(self, one: Route) -> bool:
        if len(one.edges) == 1 and self._is_own(one.edges[0]):
            return False
        return any(self._asked) or not any(map(_is_every_secret, one.raw[:-1]))

    def _is_own(self, step: Edge) -> bool:
        """Say whether a first step is not worth telling unasked: that a container has what it was given itself."""
        return not any(self._asked) and nodes.kind(step.source) == "Container" and step.kind in _OWN

    def _as_asked(self, one: Route) -> Route:
        """Return a way with the names of the replicas that were asked about."""
        return one._replace(edges=tuple(self._renamed(one.edges)))

    def _renamed(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        asked = {self.replicas.first_of[name]: name for name in self._asked if name in self.replicas.first_of}
        for one in edges:
            yield one._replace(source=asked.get(one.source, one.source), target=asked.get(one.target, one.target))

    @property
    def _asked(self) -> tuple[str, ...]:
        return (*self.question.starts, *self.question.targets)

    @cached_property
    def _below(self) -> Graph:
        """The graph without what an administrator can do: lesser goals are looked for on ways of their own."""
        return Graph(one for one in self.graph.edges if one.source != nodes.CLUSTER_ADMIN)

    def _to(self, ways: Ways) -> Iterator[Route]:
        able = [one for one in self.starts if one in ways.distance and one not in ways.targets]
        asked = bool(self._asked)
        for start in able:
            if asked and len(able) <= _FEW:
                yield from ways.several(start, _MORE)
            elif (one := ways.easiest(start)) is not None:
                yield one
        for start in [one for one in self.starts if one in ways.targets][:_SELF]:
            other = Ways(self.graph, ways.targets - {start}, weights.cost, conditional=self.question.conditional)
            one = other.easiest(start)
            if one is not None:
                yield one

    def _rank(self, one: Route) -> tuple[float, int, tuple[str, ...]]:
        return -self.risk(one), len(one.edges), one.nodes

    def risk(self, one: Route) -> float:
        """Return what a way is worth closing, 0 to 10: the harm of its goal, times the chance that it is gone."""
        foothold = _FOOTHOLDS.get(nodes.kind(one.nodes[0]), 1.0)
        return weights.risk(one.cost + foothold, one.nodes[-1])

    @cached_property
    def cuts(self) -> list[Cut]:
        """What closes the ways, best first; the first entry closes all of them, where that can be done."""
        if not self.routes:
            return []
        starts = list(dict.fromkeys(one.raw[0].source for one in self.routes))
        problem, useless = self.problem(starts), set[str]()
        for _ in range(_TRIES):
            found = cuts.found(problem, self.graph, self.routes, useless, self.unused)
            wrong = self._useless(found[0].objects, starts) if found and found[0].removes == found[0].of else set()
            if not wrong - useless:
                return found
            useless |= wrong
        return found

    @cached_property
    def unused(self) -> set[str]:
        """The objects of the ways that nobody is known to need for them: taking them away costs nothing."""
        return unused(self.steps, self.habits, self.model) if self.habits else set()

    def use(self, step: Edge) -> Use | None:
        """Return how much a step is somebody's habit; None where nobody can tell."""
        return self.habits.of(step, self.model) if self.habits else None

    def problem(self, starts: Iterable[str]) -> Problem:
        """Return what is to be closed: all ways from some starts to any target."""
        targets = {one for goal in self.goals for one in goal}
        conditional = self.question.conditional
        return Problem(self.graph, starts, targets, conditional=conditional, untold=self._is_own)

    def _useless(self, objects: tuple[str, ...], starts: Sequence[str]) -> set[str]:
        """Return which of these objects close nothing when they are gone: the cluster is judged again without them."""
        if len(self.model.cluster.objects) > _JUDGED_AGAIN:
            return set()
        again = Answer(Model(without(self.model.cluster, objects)), self.question)
        way = again.problem(starts).way(())
        if way is None:
            return set()
        left = {name for edge in way for name in edge.objects}
        return left & set(objects) or {max(objects)}

    @cached_property
    def steps(self) -> list[Edge]:
        """The steps of the ways, and those that would do as well between the same two things, each once."""
        conditional = self.question.conditional
        told = [edge for one in self.routes for edge in one.edges]
        told += [edge for one in self.routes for edge in self._renamed(one.beside(self.graph, conditional=conditional))]
        return list(dict.fromkeys(told))


def _of_pod(node: str, model: Model) -> Workload | None:
    if nodes.kind(node) != "Container":
        return None
    namespace, _, rest = node.partition(":")[2].partition("/")
    return model.by_pod.get((namespace, rest.rpartition("/")[0]))


def _apart(goal: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return all Secrets as one goal, and single things as another: to read every one is more than to read some."""
    whole = [one for one in goal if nodes.is_set(one) and nodes.shown(one) == EVERY_SECRET]
    return whole, [one for one in goal if one not in whole]


def _is_every_secret(step: Edge) -> bool:
    """Say whether a step gains every Secret: of such a way, single ones are not told apart."""
    return nodes.is_set(step.target) and nodes.shown(step.target) == EVERY_SECRET


def _matcher(pattern: str) -> re.Pattern[str]:
    """Return what matches an id with `*` for anything.

    >>> bool(_matcher("SA:a/*").fullmatch("SA:a/x")), bool(_matcher("SA:[a]").fullmatch("SA:a"))
    (True, False)
    """
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def things(found: Iterable[str], model: Model) -> Iterator[dict[str, object]]:
    """Yield nodes as they are told: id, kind, and what stands behind a container."""
    for one in dict.fromkeys(found):
        told: dict[str, object] = {"id": one, "kind": nodes.kind(one)}
        workload = model.containers.get(one) or _of_pod(one, model)
        if workload is not None:
            told |= {"workload": workload.id, "pods": len(workload.pods), "nodes": list(workload.nodes[:20])}
        yield told

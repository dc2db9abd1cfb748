"""Granted against used: for each subject of each binding what it may do, what it did, and how sure we are of the rest.

How sure is Good and Turing's doubt (plimsoll.learn.maturity), twice: the chance that the next request needs a right
not yet seen, from the kinds of requests seen once; and that any request of tomorrow does, from the kinds seen on one
day. Both are upper limits.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll.learn import maturity
from plimsoll.rbac import grants, reasons, uses
from plimsoll.rbac.grants import Binding, Request, Rule

col = pl.col
MOST_CELLS = 20_000
"""Combinations of verb, group and resource of one rule that are looked at."""
_ACT = ["verb", "group", "resource", "namespace"]


class Act(NamedTuple):
    """A right that was used."""

    verb: str
    group: str
    resource: str
    """Empty where only paths were asked for."""
    namespace: str
    names: tuple[str, ...]
    """Of objects, or paths; `*` where they are many."""
    times: int
    days: int
    last: int

    def requests(self) -> Iterator[Request]:
        """Yield what was asked for, name by name."""
        return (Request(self.verb, self.group, self.resource, self.namespace, name) for name in self.names)

    @property
    def text(self) -> str:
        """Return the act in a few words."""
        return f"{self.verb} {shown(self.group, self.resource) or ','.join(self.names)}"


class Grant(NamedTuple):
    """One subject of one binding, and what it did with it."""

    binding: Binding
    subject: str
    state: str
    """used, unused, or gone: the log knows of a binding that is not among the objects."""
    acts: tuple[Act, ...]
    unused: tuple[str, ...]
    """What is granted and was not used, resource by resource."""
    wide: tuple[tuple[str, tuple[str, ...]], ...]
    """Wildcards that were used, and what for."""
    outgrown: tuple[str, ...]
    """What was used and is not granted any more."""
    granted_count: int
    used_count: int
    maturity: maturity.Maturity
    tomorrow: float

    @property
    def requests(self) -> int:
        """Return how many requests it allowed."""
        return sum(act.times for act in self.acts)

    @property
    def last(self) -> int | None:
        """Return the time of the last of them."""
        return max((act.last for act in self.acts), default=None)


class Report(NamedTuple):
    """All grants, and what no grant accounts for."""

    grants: tuple[Grant, ...]
    unexplained: int
    """Requests without a reason, which no binding among the objects allows."""


Key = tuple[str, str, str, str, str, str]
"""binding's kind, namespace, name; role's kind, name; subject."""


def shown(group: str, resource: str) -> str:
    """Return a resource as kubectl writes it.

    >>> shown("apps", "deployments/scale"), shown("", "pods"), shown("*", "*")
    ('deployments.apps/scale', 'pods', '*.*')
    """
    name, slash, sub = resource.partition("/")
    return f"{name}.{group}{slash}{sub}" if group and name else resource


def report(used: uses.Used, bindings: Sequence[Binding], *, days: int | None = None) -> Report:
    """Return what each subject of each binding did with it, in order; with `days`, in the last days of the log."""
    seen = used.days if days is None else tuple(day for day in used.days if day > used.days[-1] - days)
    kinds = used.kinds.filter(col("day") >= (seen[0] if seen else 0))
    done, unexplained = _attributed(kinds, used.names, bindings)
    known = {_key(binding, subject): binding for binding in bindings for subject in binding.subjects}
    gone = {key: _gone(key) for key in done if key not in known}
    both = known | gone
    unused = _Unused()
    told = [_grant(both[key], key[-1], done.get(key, ()), len(seen), unused, gone=key in gone) for key in sorted(both)]
    return Report(tuple(told), unexplained)


def _key(binding: Binding, subject: str) -> Key:
    return (binding.kind, binding.namespace, binding.name, binding.role_kind, binding.role, subject)


def _gone(key: Key) -> Binding:
    kind, namespace, name, role_kind, role, subject = key
    return Binding(kind, namespace, name, role_kind, role, (subject,), None, builtin=name.startswith("system:"))


def _attributed(
    kinds: pl.DataFrame, names: pl.DataFrame, bindings: Sequence[Binding]
) -> tuple[dict[Key, tuple[Act, ...]], int]:
    """Return the acts of each grant: of the one that the reason names, else of the narrowest that allows it."""
    owners = _Owners(bindings)
    found: dict[Key, dict[tuple[str, ...], list[Act]]] = defaultdict(lambda: defaultdict(list))
    unexplained = 0
    for why, act in _acts(kinds, names):
        key = owners.of(why, act)
        if key is None:
            unexplained += act.times
        else:
            found[key][act[:4]].append(act)
    return {key: tuple(_joined(acts[kind]) for kind in sorted(acts)) for key, acts in found.items()}, unexplained


def _joined(acts: Sequence[Act]) -> Act:
    """Return one act of those of several users whom the same grant allowed the same."""
    if len(acts) == 1:
        return acts[0]
    names = tuple(sorted({name for act in acts for name in act.names}))
    days = max(act.days for act in acts)
    return acts[0]._replace(
        names=names, times=sum(act.times for act in acts), days=days, last=max(act.last for act in acts)
    )


Why = tuple[str, str, str]
"""reason, user, groups."""


def _acts(kinds: pl.DataFrame, names: pl.DataFrame) -> Iterator[tuple[Why, Act]]:
    why = ["reason", "user", "groups"]
    key = [*why, *_ACT]
    totals = kinds.group_by(key).agg(col("count").sum(), col("day").n_unique().cast(pl.Int64), col("last").max())
    start = kinds["first"].min()
    called = names.filter(col("last") >= (start if isinstance(start, int) else 0)).group_by(key).agg(col("name").sort())
    rows = totals.join(called, on=key, how="left").sort(key)
    for row in rows.select(*key, "name", "count", "day", "last").iter_rows():
        verb, group, resource, namespace, called, *counted = row[3:]
        yield row[:3], Act(verb, group, resource, namespace, tuple(called or ("",)), *counted)


class _Owners:
    """Which grant an act was allowed by."""

    def __init__(self, bindings: Sequence[Binding]) -> None:
        self._bindings = bindings
        self._told: dict[str, Key | None] = {}
        self._of_subject: dict[str, list[int]] = defaultdict(list)
        for number, binding in enumerate(bindings):
            for subject in binding.subjects:
                self._of_subject[subject].append(number)

    def of(self, why: Why, act: Act) -> Key | None:
        reason, user, groups = why
        if not reason:
            return self._evaluated(grants.subjects_of(user, uses.members(groups)), act)
        if reason not in self._told:
            allowed = reasons.read(reason)
            self._told[reason] = None if allowed is None else (
                allowed.binding_kind, allowed.binding_namespace, allowed.binding, allowed.role_kind, allowed.role, allowed.subject
            )  # fmt: skip
        return self._told[reason]

    def _evaluated(self, subjects: frozenset[str], act: Act) -> Key | None:
        """Return the narrowest grant that allows it: in a namespace before everywhere, with few rules before many."""
        among = {number: subject for subject in sorted(subjects) for number in self._of_subject.get(subject, ())}
        fitting = [
            (not binding.namespace, len(binding.rules or ()), number)
            for number, binding in ((number, self._bindings[number]) for number in among)
            if binding.namespace in ("", act.namespace) and covers(binding, act)
        ]
        if not fitting:
            return None
        number = min(fitting)[-1]
        return _key(self._bindings[number], among[number])


def covers(binding: Binding, act: Act) -> bool:
    """Say whether a binding's rules allow the act, for any of its names."""
    return any(grants.allows(rule, request) for request in act.requests() for rule in binding.rules or ())


def _grant(binding: Binding, subject: str, acts: Sequence[Act], days: int, unused: _Unused, *, gone: bool) -> Grant:
    rules = binding.rules or ()
    marks = [_marked(rule, acts) for rule in rules] if acts else []
    count, left = unused.of(rules, marks)
    wide = [
        (_cell_text(cell), tuple(sorted(texts)))
        for mark in marks
        for cell, texts in sorted(mark.items())
        if grants.ALL in cell
    ]
    return Grant(
        binding,
        subject,
        "gone" if gone else "used" if acts else "unused",
        tuple(acts),
        left,
        tuple(wide),
        () if binding.rules is None else tuple(act.text for act in acts if not covers(binding, act)),
        count,
        sum(map(len, marks)),
        _doubt(acts, days),
        maturity.upper(days, sum(act.days == 1 for act in acts), sum(act.days == 2 for act in acts)),
    )


def _doubt(acts: Sequence[Act], days: int) -> maturity.Maturity:
    singles, doubles = (sum(act.times == number for act in acts) for number in (1, 2))
    return maturity.judge(events=sum(act.times for act in acts), singletons=singles, doubletons=doubles, days=days)


class _Unused:
    """What is left of rules; of rules that nobody used, reckoned once however many are bound to them."""

    def __init__(self) -> None:
        self._whole: dict[int, tuple[int, tuple[str, ...]]] = {}

    def of(self, rules: tuple[Rule, ...], marks: Sequence[Container[Cell]]) -> tuple[int, tuple[str, ...]]:
        """Return how many combinations the rules grant, and those without a mark as texts."""
        if marks:
            return self._reckoned(rules, marks)
        if id(rules) not in self._whole:  # the bindings hold them for as long as this lives
            self._whole[id(rules)] = self._reckoned(rules, [()] * len(rules))
        return self._whole[id(rules)]

    @staticmethod
    def _reckoned(rules: tuple[Rule, ...], marks: Sequence[Container[Cell]]) -> tuple[int, tuple[str, ...]]:
        cells = [(rule, mark, cell) for rule, mark in zip(rules, marks, strict=True) for cell in _cells(rule)]
        return len(cells), tuple(_listed((rule, cell) for rule, mark, cell in cells if cell not in mark))


Cell = tuple[str, str, str]
"""verb, group, resource of a rule; for URLs the group is empty and the resource a URL."""


def _cells(rule: Rule) -> Iterator[Cell]:
    urls = ((verb, "", url) for verb in rule.verbs for url in rule.urls)
    return itertools.islice(itertools.chain(itertools.product(rule.verbs, rule.groups, rule.resources), urls), MOST_CELLS)  # fmt: skip


def _marked(rule: Rule, acts: Iterable[Act]) -> dict[Cell, set[str]]:
    """Return the parts of a rule that were used, each with the acts it was used for."""
    found: dict[Cell, set[str]] = defaultdict(set)
    for act in acts:
        verbs = [verb for verb in rule.verbs if verb in (grants.ALL, act.verb)]
        if not verbs or not any(grants.allows(rule, request) for request in act.requests()):
            continue
        groups = [group for group in rule.groups if group in (grants.ALL, act.group)] if act.resource else [""]
        parts = (
            grants.matching(rule.resources, act.resource)
            if act.resource
            else {url for name in act.names for url in grants.urls_matching(rule.urls, name)}
        )
        for cell in itertools.product(verbs, groups, parts):
            found[cell].add(act.text)
    return found


def _cell_text(cell: Cell) -> str:
    verb, group, resource = cell
    return f"{verb} {shown(group, resource)}"


def _listed(left: Iterable[tuple[Rule, Cell]]) -> list[str]:
    """Return unused parts as texts, the verbs of one resource together."""
    verbs: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for rule, (verb, group, resource) in left:
        verbs[shown(group, resource), rule.names].add(verb)
    return [
        f"{','.join(sorted(verbs[what, names]))} {what}" + (f" named {','.join(names)}" if names else "")
        for what, names in sorted(verbs)
    ]

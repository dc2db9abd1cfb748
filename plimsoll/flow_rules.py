"""The wiring of rules: sources → the fields that rules ask for → rules → alerts. Batch by batch, in bounded memory."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll import errors, sources
from plimsoll.cluster import yaml_values
from plimsoll.rules import columns, options, output, problems, repeats, ruleset, run
from plimsoll.sources import audit_whole, falco_events, inputs, reading, records
from plimsoll.sources.rejects import Rejects

Alert = dict[str, Any]
LARGEST = 1 << 26
"""Bytes of a rule file: far beyond what anybody writes."""


def read(paths: Sequence[str]) -> ruleset.Ruleset:
    """Return the rules of files, in order as one rule set; a file that cannot be read is an InputError."""
    return ruleset.load((inputs.shown(path), inputs.text(path, LARGEST)) for path in paths)


def read_options(path: str, rules: ruleset.Ruleset) -> dict[str, options.Option]:
    """Return what a file wants of rules beyond what theirs say; raise InputError where it cannot be used."""
    return options.read(inputs.shown(path), inputs.text(path, LARGEST), rules)


def _anything(_: str) -> bool:
    return True


def _told(column: str) -> bool:
    return columns.activity(column) is not None


class Room:
    """Rules at work on one format: which fields they read, and how those are made of its records."""

    def __init__(self, name: str, rules: ruleset.Ruleset, wanted: options.Options | None = None) -> None:
        self.format = name
        source = sources.get(name)
        self.stream = source.STREAM
        self.kind = "k8s_audit" if self.stream == "audit" else "syscall"
        given = _told if self.stream == "activity" and name != "falco_events" else _anything
        self.engine = run.Engine(rules, self.kind, given)
        self.source = self._source(source)
        self._repeats = repeats.Repeats(wanted or {})
        self._together = {
            rule.name: option.together(self.kind)
            for rule in self.engine.rules
            if (option := (wanted or {}).get(rule.name)) and option.counts
        }
        asked = {column for fields in self._together.values() for one in fields for column in one.columns}
        self.ungrouped = sorted(column for column in asked if not given(column))
        """Fields that tell what counts together, and which these events do not have."""
        self._wanted = self.engine.told | asked - {*self.ungrouped} | {"evt.num", "evt.rawtime", "evt.hostname"}

    def _source(self, source: sources.Source) -> sources.Source:
        if self.stream == "audit":
            return audit_whole.Whole()
        if self.format != "falco_events":
            return source
        return falco_events.Wide(self._typed(self.engine.columns), self.engine.wants)

    def _typed(self, names: Iterable[str]) -> dict[str, pl.DataType]:
        return {name: columns.dtype(name, self.kind) for name in sorted(names)}

    def alerts(self, events: pl.DataFrame, *, first: bool) -> Iterator[Alert]:
        """Yield the alerts on these rows, in order."""
        found = self.engine.matches(self._fields(events, self.engine.columns), first=first)
        if found.is_empty():
            return
        rows = found["row"].unique(maintain_order=True)
        values = dict(zip(rows, self._told(events[rows]), strict=True))
        for rule, row in found.iter_rows():
            alert = self._alert(self.engine.rules[rule], values[row])
            group = self._group(alert["rule"], values[row])
            yield from self._repeats.take(alert, alert["output_fields"]["evt.time"], group)

    def rest(self) -> Iterator[Alert]:
        """Yield the alerts that stand for what was held back."""
        return self._repeats.rest()

    def _group(self, rule: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values that tell what counts together."""
        made = (one.value(*map(values.get, one.columns)) for one in self._together.get(rule, ()))
        return tuple(tuple(value) if isinstance(value, list) else value for value in made)

    def _told(self, events: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
        """Yield of each event the fields that outputs print."""
        if self.format != "falco_events":
            yield from self._fields(events, self._wanted).iter_rows(named=True)
            return
        typed = self._typed(self._wanted)
        for line in events[falco_events.LINE]:
            yield falco_events.told(line, typed)

    def _alert(self, rule: ruleset.Compiled, values: Mapping[str, Any]) -> Alert:
        event = output.Event(
            values["evt.num"], values.get("evt.rawtime") or 0, values.get("evt.hostname") or platform.node()
        )
        return output.alert(rule, rule.output, event, values)

    def _fields(self, events: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        if self.stream == "audit":
            return columns.of_audit(events, sorted(wanted))
        return events if self.format == "falco_events" else columns.of_activity(events, sorted(wanted))


class Run:
    """A run of rules over sources: iterate over its alerts; what was read and what could not be judged is told after."""

    def __init__(
        self,
        names: Sequence[str],
        rules: ruleset.Ruleset,
        *,
        first: bool,
        form: str | None = None,
        wanted: options.Options | None = None,
    ) -> None:
        self.rejects, self.accepted = Rejects(), 0
        self.rooms: dict[str, Room] = {}
        self._inputs, self._first, self._form = inputs.inputs(names), first, form
        self._rules, self._wanted = options.applied(rules, wanted or {}), wanted

    def __iter__(self) -> Iterator[Alert]:
        for source in self._inputs:
            read = reading.Reading(source, format=self._form or self._meant(source), get=self._get)
            try:
                for batch in read:
                    self.rejects.add(batch.rejects)
                    yield from self.rooms[batch.format].alerts(batch.events, first=self._first)
            except errors.InputError as unknown:
                if not source.found:
                    raise
                self.rejects.add([reading.Reject(source.name, 0, unknown.reason, b"")])
            self.accepted += read.accepted
        for room in self.rooms.values():
            yield from room.rest()

    def _meant(self, source: inputs.Input) -> str | None:
        """Return the format that all rules are about, where the content tells none; else None."""
        if (
            {rule.source for rule in self._rules.rules if rule.enabled} != {"k8s_audit"}
            or not source.again
            or source.found
        ):
            return None
        try:
            return reading.detect(source)
        except errors.InputError:
            return "k8s_audit"

    def _get(self, name: str) -> sources.Source:
        if name not in self.rooms:
            if sources.get(name).STREAM == "flow":
                raise errors.InputError(f"rules are about activity and audit events, not about {name}")
            self.rooms[name] = Room(name, self._rules, self._wanted)
        return self.rooms[name].source


class Outcome(NamedTuple):
    """How a user's test of rules went."""

    file: str
    name: str
    missing: tuple[str, ...]
    """Rules that should have held and did not."""
    extra: tuple[str, ...]
    """Rules that held and should not."""

    @property
    def passed(self) -> bool:
        """Say whether the alerts are those expected."""
        return not self.missing and not self.extra


class Untestable(NamedTuple):
    """A file of tests whose rules do not load."""

    file: str
    problems: tuple[problems.Problem, ...]


def outcomes(path: str) -> Iterator[Outcome | Untestable]:
    """Yield the outcomes of a file of tests: rules, and for each test its events and the alerts they should give."""
    shown = inputs.shown(path)
    try:
        document = yaml_values.value(inputs.text(path, LARGEST).encode())
    except yaml_values.Unreadable as broken:
        raise errors.InputError(str(broken), file=shown, line=broken.line + 1) from None
    if (
        not isinstance(document, dict)
        or not _texts(document.get("rules"))
        or not isinstance(document.get("tests"), list)
    ):
        raise errors.InputError("a file of tests has `rules`, a list of files, and `tests`, a list", file=shown)
    rules = read([str(Path(path).parent / name) for name in document["rules"]])
    if not rules.loads:
        yield Untestable(shown, rules.problems)
        return
    for number, one in enumerate(document["tests"], 1):
        yield _outcome(shown, number, one, rules)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _outcome(file: str, number: int, one: Any, rules: ruleset.Ruleset) -> Outcome:
    if not isinstance(one, dict) or not isinstance(one.get("events"), list) or not isinstance(one.get("alerts"), list):
        raise errors.InputError(f"test {number} has no `events` and `alerts`, both lists", file=file)
    name = str(one.get("name", number))
    matching = one.get("matching", "all")
    got = [
        alert["rule"]
        for alert in _judged(one["events"], rules, first=matching == "first", where=f"{file}: test {name}")
    ]
    wanted = [str(alert) for alert in one["alerts"]]
    return Outcome(file, name, tuple(_without(wanted, got)), tuple(_without(got, wanted)))


def _without(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return names as often as they are there more than among the others."""
    left = list(others)
    rest: list[str] = []
    for name in names:
        if name in left:
            left.remove(name)
        else:
            rest.append(name)
    return rest


def _judged(events: Sequence[Any], rules: ruleset.Ruleset, *, first: bool, where: str) -> Iterator[Alert]:
    """Yield the alerts on events that were written down in a test."""
    numbered = [
        event if "auditID" in event else {"evt.num": at, **event}
        for at, event in enumerate(events, 1)
        if isinstance(event, dict)
    ]
    lines = [msgspec.json.encode(event) for event in numbered]
    form = sources.recognised(lines)
    if len(numbered) < len(events) or (form is None and events):
        raise errors.InputError("an event has `evt.type` and other fields, or is an audit event", file=where)
    if form is None:
        return
    room = Room(form, rules)
    parsed: records.Parsed = room.source.parse(lines, 1)
    if parsed.rejects:
        raise errors.InputError(f"event {parsed.rejects[0].offset + 1}: {parsed.rejects[0].reason}", file=where)
    yield from room.alerts(parsed.events, first=first)

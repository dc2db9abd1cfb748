"""The wiring of evaluation: a labelled recording → learn and detect, as users run them → figures beside the labels.

Learning sees the learning part and nothing else; the labels are held beside what came out. Only poisoning, where it is
asked for, hands labelled requests to learning: that is what it measures.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll import errors, facts, flow, flow_profile
from plimsoll.detect import acts, changes, judge, stories
from plimsoll.evaluate import baselines, columns, figures, growing, labels, poison, report, sessions
from plimsoll.sources import content, inputs, lines, reading
from plimsoll.sources.rejects import Rejects

BUDGETS = (1, 3, 5)
EVERYTHING = 1_000_000
"""A budget that has room for every doubtful story."""
PARTS = {"learn": ("train*", "learn*"), "test": ("test*", "judge*"), "labels": ("labels*",)}
"""What the parts of a recording in a folder are called."""
Progress = Callable[[str], None]


class Recording(NamedTuple):
    """A labelled recording: what is learned, what is judged, and what is true of it."""

    learn: Sequence[str]
    test: Sequence[str]
    scenarios: Sequence[labels.Scenario]


class Options(NamedTuple):
    """How to evaluate."""

    budgets: Sequence[int] = BUDGETS
    session: timedelta | None = None
    """How long a session of the baselines is; by default as the recording has it."""
    baselines: bool = True
    poison: int = 0
    """Bursts of each attack to be replayed into the learning part."""
    form: str | None = None
    objects: Sequence[str] = ()


def quiet(_: str) -> None:
    """Show no progress."""


def in_folder(path: str, named: Mapping[str, Sequence[str] | None]) -> Recording:
    """Return the recording in a folder; parts that are named (learn, test, labels) stand in for the folder's."""
    return parts(*[named.get(part) or _found(Path(path), part) for part in PARTS])


def recording(path: str, room: Path) -> Recording:
    """Return the recording in a folder, or in a table of columns, which is written out as events into `room`."""
    place = Path(path)
    if place.is_dir():
        return in_folder(path, {})
    try:
        rows = columns.numbered(pl.read_parquet(place), inputs.shown(path))
    except (pl.exceptions.PolarsError, OSError):
        reason = "no folder with train, test and labels, nor a table of columns (Parquet)"
        raise errors.InputError(reason, file=inputs.shown(path)) from None
    for name, judged in (("learn", False), ("test", True)):
        columns.events(rows.filter(pl.col("test") == judged)).write_ndjson(room / f"{name}.jsonl")
    scenarios = labels.of_rows(columns.labelled(rows), inputs.shown(path))
    return Recording([str(room / "learn.jsonl")], [str(room / "test.jsonl")], scenarios)


def parts(learn: Sequence[str], test: Sequence[str], told: Sequence[str]) -> Recording:
    """Return the recording of these files: a part to learn, a part to judge, and labels as JSON lines."""
    scenarios = [one for file in told for one in labels.of_rows(_rows(file), inputs.shown(file))]
    return Recording(learn, test, scenarios)


def _found(folder: Path, part: str) -> list[str]:
    found = sorted({str(path) for glob in PARTS[part] for path in folder.glob(glob)})
    if not found:
        raise errors.InputError(f"the folder has no {' or '.join(PARTS[part])}", file=inputs.shown(folder))
    return found


def _rows(file: str) -> Iterator[object]:
    for number, line in enumerate(_lines([file]), 1):
        try:
            yield msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
            raise errors.InputError(str(broken), file=inputs.shown(file), line=number) from None


def _lines(names: Sequence[str]) -> Iterator[bytes]:
    """Yield the lines of files, unpacked."""
    for source in inputs.inputs(names):
        with closing(iter(content.Content(source))) as blocks:
            for run in lines.runs(blocks, lambda: None, reading.SIZE):
                yield from run.lines


class Told(NamedTuple):
    """What `detect` told of the part that is judged."""

    everything: list[flow.Alert]
    """All stories, doubtful ones too, gravest first."""
    budgets: dict[int, list[flow.Alert]]
    acts: pl.DataFrame
    """auditID of the first request of each notable act, subject, score."""
    usual: pl.DataFrame
    """kind, subject and score of each kind of request, without regard to what else was done."""
    days: int


class Trial:
    """A recording on trial, with what was learned of it in a folder."""

    def __init__(self, given: Recording, room: Path, options: Options, progress: Progress = quiet) -> None:
        self._given, self._room, self._options, self._progress = given, room, options, progress
        self._cluster = flow.cluster_of(options.objects)
        self._rejects = Rejects()

    def measured(self) -> report.Report:
        """Return all figures."""
        scenarios, notes = self._given.scenarios, list[str]()
        profile = self._learned(self._given.learn, "clean")
        asked = self._requests()
        told = self._told(profile)
        own = self._plimsoll(profile, told, asked)
        beside = list(self._beside(asked, told.days, notes)) if self._options.baselines else []
        attacks = figures.attacks(told.everything, told.budgets, self._live(profile), asked, scenarios)
        poisoned = self._poisoned(own) if self._options.poison else None
        notes += [f"none of the requests of {one.id} is in the log" for one in attacks if not one.logged]
        notes += [self._rejects.summary()] if self._rejects.total else []
        return report.Report(
            self._summary(asked, told.days),
            (own, *beside),
            tuple(attacks),
            tuple(figures.false_alarms(told.everything, scenarios)),
            poisoned,
            tuple(notes),
        )

    def _learned(self, names: Sequence[str], name: str) -> flow_profile.Believed:
        self._progress("learning")
        profile = self._room / name
        flow.learn(names, profile, form=self._options.form, objects=self._options.objects)
        return flow_profile.believed(profile)

    def _batches(self, names: Sequence[str], rejects: Rejects | None = None) -> Iterator[pl.DataFrame]:
        for source in inputs.inputs(names):
            for batch in reading.Reading(source, format=self._options.form):
                if batch.stream != "audit":
                    raise errors.InputError(f"holds {batch.stream} events, not an audit log", file=batch.source)
                if rejects is not None:
                    rejects.add(batch.rejects)
                yield self._cluster.resolved(batch)

    def _requests(self) -> pl.DataFrame:
        """Return the requests of both parts in sessions, with a column `learning`."""
        self._progress("reading requests")
        both = [
            sessions.requests(events).with_columns(learning=pl.lit(learning))
            for names, learning in ((self._given.learn, True), (self._given.test, False))
            for events in self._batches(names, self._rejects)
        ]
        if not both:
            raise errors.InputError("the recording holds no events")
        return sessions.in_sessions(pl.concat(both), self._options.session)

    def _told(self, profile: flow_profile.Believed) -> Told:
        """Judge the part as `detect --budget` does."""
        self._progress("judging")
        bench, known = profile.judge(), changes.Changes()
        taken, days, weights = list[acts.Act](), set[int](), _Weights(bench)
        for events in self._batches(self._given.test):
            known.take(events)
            taken += bench.take("audit", events)
            weights.take(events)
            days |= _days(events)
        count = max(1, len(days))
        budgets = {budget: bench.alerts(budget=budget, days=count) for budget in self._options.budgets}
        everything = bench.alerts(budget=EVERYTHING, days=count)
        return Told(everything, budgets, _scored(taken, known), weights.known, count)

    def _plimsoll(self, profile: flow_profile.Believed, told: Told, asked: pl.DataFrame) -> report.Method:
        scenarios = self._given.scenarios
        benign = self._benign(profile)
        budgets = [
            figures.budgeted(budget, figures.rated(alerts, scenarios), benign[budget], told.days)
            for budget, alerts in told.budgets.items()
        ]
        scored = figures.spread(told.acts, told.usual, asked.filter(~pl.col("learning")))
        return figures.method("plimsoll", figures.rated(told.everything, scenarios), budgets, scored, scenarios)

    def _benign(self, profile: flow_profile.Believed) -> dict[int, int]:
        """Return how many alerts each budget gives where the attacks never happened."""
        self._progress("judging benign time")
        attacks = labels.attacks(self._given.scenarios)
        out = frozenset[str]().union(*(one.ids | one.effects for one in attacks))
        bench, days = profile.judge(), set[int]()
        for events in self._batches(self._given.test):
            bench.take("audit", events.filter(~pl.col("auditID").is_in(out)))
            days |= _days(events)
        return {budget: len(bench.alerts(budget=budget, days=max(1, len(days)))) for budget in self._options.budgets}

    def _live(self, profile: flow_profile.Believed) -> dict[str, growing.Told]:
        """Return when each attack is told as the log grows, as `detect --follow` does."""
        self._progress("judging as the log grows")
        watch, bench = growing.Watch(self._given.scenarios), profile.judge()
        for events in self._batches(self._given.test):
            for part in watch.cut(events):
                bench.take("audit", part)
                for alert in bench.tell():
                    watch.take([str(uid) for uid in _listed(alert["evidence"])[: figures.GRAVEST]])
        return watch.told

    def _beside(self, asked: pl.DataFrame, days: int, notes: list[str]) -> Iterator[report.Method]:
        """Yield the figures of the baselines on the same sessions; what cannot be run is noted."""
        for one in baselines.BASELINES:
            self._progress(one.name)
            try:
                yield baselines.method(one, asked, self._options.budgets, days, self._given.scenarios)
            except errors.UsageError as missing:
                notes.append(str(missing))

    def _poisoned(self, clean: report.Method) -> report.Poisoned:
        """Learn the attacks too, and judge again."""
        self._progress("learning poison")
        owner = {uid: one.name for one in labels.attacks(self._given.scenarios) for uid in one.ids}
        learned = functools.partial(_lines, self._given.learn)
        mixed = poison.mixed(learned, _lines(self._given.test), owner, self._options.poison)
        path = self._room / "poisoned.jsonl"
        with path.open("wb") as file:
            file.writelines(line + b"\n" for line in mixed)
        told = self._told(self._learned([str(path)], "poisoned"))
        scenarios = self._given.scenarios
        budgets = [
            figures.budgeted(budget, figures.rated(alerts, scenarios)) for budget, alerts in told.budgets.items()
        ]
        rated = figures.rated(told.everything, scenarios)
        return figures.poisoned(self._options.poison, rated, budgets, clean)

    def _summary(self, asked: pl.DataFrame, days: int) -> report.Recording:
        test = asked.filter(~pl.col("learning"))
        kinds = [one.expected for one in self._given.scenarios]
        attacks = len(labels.attacks(self._given.scenarios))
        return report.Recording(
            rejected=self._rejects.total,
            learned=asked.height - test.height,
            judged=test.height,
            sessions=test["session"].n_unique(),
            days=days,
            attacks=attacks,
            benign_changes=kinds.count("no-alert"),
            for_review=kinds.count("review"),
        )


class _Weights:
    """What each kind of request weighs by habit, asked once."""

    def __init__(self, bench: judge.Judge) -> None:
        self._bench = bench
        self.known = pl.DataFrame(schema={"kind": pl.UInt64, "subject": pl.String, "score": pl.Float64})

    def take(self, events: pl.DataFrame) -> None:
        """Weigh the kinds that are new among these."""
        new = events.filter(~facts.key("audit").hash(0).is_in(self.known["kind"].implode()))
        if not new.is_empty():
            self.known = pl.concat([self.known, self._bench.weights("audit", new)]).unique(["kind", "subject"])


def _days(events: pl.DataFrame) -> set[int]:
    return set(events.select(facts.DAY).unique().drop_nulls()["day"])


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _scored(taken: Iterable[acts.Act], known: changes.Changes) -> pl.DataFrame:
    """Return what each act weighed by itself when it came, with the habits there were by then."""
    told, rows = stories.Chapters(known), list[tuple[str, str, float]]()
    for act in sorted(acts.mended(taken), key=lambda act: (act.time, act.subject, act.evidence)):
        told.take(act)
        rows += [(uid, act.subject, told.alone(act)) for uid in act.evidence[:1]]
    return pl.DataFrame(rows, {"auditID": pl.String, "subject": pl.String, "score": pl.Float64}, orient="row")


def evaluate(given: Recording, room: Path, options: Options, progress: Progress = quiet) -> report.Report:
    """Return all figures of a recording; `room` is an empty folder for what is learned."""
    if not labels.attacks(given.scenarios):
        raise errors.InputError("the labels name no attack")
    return Trial(given, room, options, progress).measured()

"""The only wiring: sources → facts → profile, and sources → facts × profile → alerts. Batch by batch, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll import engines, errors, facts, flow_profile, flow_sigma, frames, store, tables
from plimsoll.cluster import objects as inventory
from plimsoll.cluster import resolve
from plimsoll.detect import granted, judge
from plimsoll.learn import maturity, profile
from plimsoll.policies import role
from plimsoll.rbac import grants
from plimsoll.sources import follow as following
from plimsoll.sources import inputs, reading
from plimsoll.sources.rejects import Rejects, batches
from plimsoll.store import durable

Progress = Callable[[str, int], None]
"""Told the input and the records read of it so far."""
Alert = dict[str, object]

GATHERED = 0.8
"""Seconds in which records of a growing file gather, unless many wait: to judge some costs as much as 5,000 beside."""
CHEAP = 0.1
"""Seconds that what a judge knows may take to be written after every batch."""
REGROUP = 60_000
"""Distinct acts of batches after which they are added up: what bounds the memory of learning."""


class Cluster(NamedTuple):
    """The cluster's objects that were given, and what of them could not be read."""

    maps: resolve.Inventory | None = None
    rejected: int = 0
    first: str = ""
    """Where and why the first of them could not be read."""
    rights: granted.Chance | None = None
    """What the cluster's roles say of the chance of a request."""

    def resolved(self, batch: reading.Batch) -> pl.DataFrame:
        """Return a batch's events with their workloads, as far as the objects tell."""
        return batch.events if self.maps is None else resolve.resolve(batch.stream, batch.events, self.maps)


class Intake(NamedTuple):
    """What was read, and what of it could not be."""

    accepted: int
    rejects: Rejects
    cluster: Cluster = Cluster()

    def as_document(self) -> dict[str, object]:
        """Return the counts as `-o json` prints them."""
        return {"accepted": self.accepted, "rejected": self.rejects.total}


class Learned(NamedTuple):
    """What a run of `learn` added to a profile."""

    intake: Intake
    segments: int
    """Segments that were new."""
    known: int
    """Segments the profile had already."""


def quiet(_: str, __: int) -> None:
    """Show no progress."""


class Facts:
    """Facts of events that come in, added up as they come: first equal acts, then, of many acts, equal facts."""

    def __init__(self, engine: str = "polars") -> None:
        self._engine = engine
        self._tallies: dict[str, list[pl.DataFrame]] = {}
        self._facts: list[pl.DataFrame] = []
        self._acts, self._fresh, self._held = 0, 0, 0

    def take(self, stream: str, events: pl.DataFrame) -> None:
        """Take in a batch of events."""
        tally = facts.tally(stream, events)
        self._tallies.setdefault(stream, []).append(tally)
        self._acts += tally.height
        if self._acts > REGROUP:
            self._tallies = {one: [facts.added(pl.concat(parts))] for one, parts in self._tallies.items()}
            self._acts = sum(tally.height for (tally,) in self._tallies.values())
            if self._acts > REGROUP // 2:
                self._state()

    def profile(self) -> pl.DataFrame:
        """Return the profile of all that came in."""
        self._state()
        if self._fresh or len(self._facts) > 1:
            self._add_up()
        return self._facts[0] if self._held else frames.empty(tables.PROFILE)

    def _state(self) -> None:
        for stream, parts in self._tallies.items():
            self._facts.append(facts.of_tally(stream, facts.added(pl.concat(parts))))
            self._fresh += self._facts[-1].height
        self._tallies, self._acts = {}, 0
        # Half of what is held at least, so that a large profile is not added up again for every batch.
        if self._fresh > max(REGROUP, self._held // 2):
            self._add_up()

    def _add_up(self) -> None:
        self._facts = [engines.collect(profile.learn(engines.of(pl.concat(self._facts), self._engine)))]
        self._held, self._fresh = self._facts[0].height, 0


def learn(
    sources: Sequence[str],
    directory: Path,
    *,
    form: str | None = None,
    objects: Sequence[str] = (),
    engine: str = "polars",
    progress: Progress = quiet,
) -> Learned:
    """Learn these sources into the profile directory; a segment it knows already adds nothing."""
    found = inputs.inputs(sources)
    cluster = cluster_of(objects)
    known_profile: store.Profile | None = None
    rejects, accepted, added, known = Rejects(), 0, 0, 0
    for source in found:
        read = reading.Reading(source, format=form)
        taught, stated = Facts(engine), 0
        for batch in batches(source, read, rejects):
            taught.take(batch.stream, cluster.resolved(batch))
            stated += batch.events.height
            progress(read.name, read.accepted + read.rejected)
        accepted += read.accepted
        known_profile = known_profile or store.Profile.open(directory, create=True)
        if read.digest and read.accepted + read.rejected:
            new = _remember(known_profile, read, taught, stated)
            added, known = added + new, known + (not new)
    if known_profile and known_profile.needs_compaction():
        known_profile.compact(flow_profile.compacted)
    return Learned(Intake(accepted, rejects, cluster), added, known)


def _remember(kept: store.Profile, read: reading.Reading, taught: Facts, stated: int) -> bool:
    digest = read.digest or ""
    if kept.knows(digest):
        return False
    return kept.add(
        digest,
        taught.profile(),
        source=read.name,
        accepted=read.accepted,
        rejected=read.rejected,
        events=stated,
        vocabulary=str(facts.VOCABULARY),
    )


def learn_on(
    source: str,
    directory: Path,
    checkpoint: Path,
    *,
    form: str | None,
    objects: Sequence[str] = (),
    progress: Progress = quiet,
    stop: threading.Event | None = None,
) -> Iterator[Intake]:
    """Learn a file as it grows, yielding after each batch that is safely kept; the checkpoint moves only then."""
    cluster = cluster_of(objects)
    kept = store.Profile.open(directory, create=True)
    rejects, accepted = Rejects(), 0
    tail = following.Follow(Path(source), checkpoint, format=form, stop=stop)
    pace = _Pace(stop)
    for batch in tail:
        pace.begin()
        rejects.add(batch.rejects)
        accepted += batch.accepted
        taught = Facts()
        taught.take(batch.stream, cluster.resolved(batch))
        if batch.digest:
            kept.add(
                batch.digest,
                taught.profile(),
                source=batch.source,
                accepted=batch.accepted,
                rejected=len(batch.rejects),
                events=batch.events.height,
                vocabulary=str(facts.VOCABULARY),
            )
        tail.commit()
        if kept.needs_compaction():
            kept.compact(flow_profile.compacted)
        progress(batch.source, accepted + rejects.total)
        yield Intake(accepted, rejects, cluster)
        if not tail.behind:
            pace.rest()


class _Alert(msgspec.Struct):
    """What we need of an alert: whose it is, and what makes it."""

    id: str
    subject: str
    facts: list[str] = []


def facts_of_alerts(file: Path, ids: Sequence[str]) -> list[judge.Approved]:
    """Return subject, verb and object of what makes these alerts, from the JSON lines that `detect` printed."""
    found: dict[str, _Alert] = {}
    try:
        for line in file.read_bytes().splitlines():
            if line.strip():
                alert = msgspec.json.decode(line, type=_Alert)
                found[alert.id] = alert
    except (OSError, msgspec.MsgspecError, ValueError) as broken:
        raise errors.InputError(f"no alerts one can read ({broken})", file=str(file)) from broken
    if missing := [one for one in ids if one not in found]:
        raise errors.InputError(f"no alert {', '.join(missing)}", file=str(file))
    return [(found[one].subject, *_parted(fact)) for one in ids for fact in found[one].facts]


def _parted(fact: str) -> tuple[str, str]:
    verb, _, what = fact.partition(" ")
    return verb, what


class Verdicts(NamedTuple):
    """What a run of `detect` found."""

    intake: Intake
    alerts: list[Alert]
    forgone: int
    """Notable acts that memory had no room for."""


def detect(
    sources: Sequence[str],
    directory: Path | None,
    *,
    form: str | None = None,
    objects: Sequence[str] = (),
    budget: int | None = None,
    engine: str = "polars",
    sigma: Sequence[str] = (),
    progress: Progress = quiet,
) -> Verdicts:
    """Judge these sources against the profile of a directory, and by the Sigma rules of some files."""
    found = inputs.inputs(sources)
    watch = flow_sigma.Watch(
        sigma, flow_sigma.habit(flow_profile.known(directory)) if sigma and budget and directory else None
    )
    cluster = cluster_of(objects)
    bench = flow_profile.believed(directory, engine, budgeted=budget is not None).judge(cluster.rights)
    rejects, accepted, days = Rejects(), 0, set[int]()
    for source in found:
        read = reading.Reading(source, format=form, get=watch.source)
        for whole in batches(source, read, rejects):
            batch = watch.take(whole)
            bench.gather(batch.stream, cluster.resolved(batch))
            days |= set(batch.events.select(facts.DAY).unique().drop_nulls()["day"])
            progress(read.name, read.accepted + read.rejected)
        accepted += read.accepted
    shown = budget * max(1, len(days)) if budget else None
    alerts = watch.beside(bench.alerts(budget=budget, days=max(1, len(days))), shown)
    return Verdicts(Intake(accepted, rejects, cluster), alerts, bench.forgone + watch.forgone)


def detect_on(
    source: str,
    directory: Path | None,
    checkpoint: Path,
    *,
    form: str | None,
    objects: Sequence[str] = (),
    sigma: Sequence[str] = (),
    stop: threading.Event | None = None,
    shared: flow_profile.Shared | None = None,
) -> Iterator[tuple[Intake, list[Alert]]]:
    """Judge a file as it grows; yield after each batch what is counted so far and the alerts that are new.

    `shared` is the profile where others judge by it too.
    """
    watch = flow_sigma.Watch(sigma)
    cluster = cluster_of(objects)
    bench = (shared or flow_profile.Shared(directory)).get().judge(cluster.rights)
    rejects, accepted = Rejects(), 0
    tail = following.Follow(Path(source), checkpoint, format=form, stop=stop, get=watch.source, digests=False)
    kept, pace = _Kept(bench, tail, checkpoint), _Pace(stop)
    for whole in tail.looks():
        if whole:
            pace.begin()
            batch = watch.take(whole)
            rejects.add(batch.rejects)
            accepted += batch.accepted
            bench.gather(batch.stream, cluster.resolved(batch))
            if tail.behind and not pace.over:
                continue
        if pace.running:
            yield Intake(accepted, rejects, cluster), [*bench.tell(), *watch.tell()]
        kept.keep()
        pace.rest()


class _Pace:
    """Lets records gather: what comes within some time is one round's, so that those that trickle in are not judged one by one."""

    def __init__(self, stop: threading.Event | None) -> None:
        self._stop, self._end = stop or threading.Event(), 0.0
        self.running = False
        """Something came, and the round has not ended."""

    def begin(self) -> None:
        """Say that something has come: the first begins a round."""
        if not self.running:
            self.running, self._end = True, time.monotonic() + GATHERED

    @property
    def over(self) -> bool:
        """Say whether the round's time is over."""
        return time.monotonic() >= self._end

    def rest(self) -> None:
        """End the round, not before its time is over."""
        self.running = False
        self._stop.wait(max(0.0, self._end - time.monotonic()))


class _Kept:
    """What a judge knows, on disk beside the checkpoint: written first, so that a crash repeats alerts and loses none."""

    def __init__(self, bench: judge.Judge, tail: following.Follow, checkpoint: Path) -> None:
        self._bench, self._tail = bench, tail
        self._path = checkpoint.with_name(f"{checkpoint.name}.memory")
        self._next = 0.0
        if checkpoint.exists() and self._path.exists():
            try:
                bench.restore(self._path.read_bytes())
            except (OSError, msgspec.MsgspecError) as broken:
                raise errors.InputError(
                    "no memory of a judge; remove it to begin anew", file=str(self._path)
                ) from broken

    def keep(self) -> None:
        """Write it down and commit, unless nothing is new, or writing would take more than a twentieth of the time."""
        begun = time.monotonic()
        if begun < self._next or self._tail.committed:
            return
        durable.write(self._path, self._bench.memory())
        self._tail.commit()
        ended = time.monotonic()
        self._next = ended + 20 * (ended - begun) if ended - begun > CHEAP else 0.0


def cluster_of(sources: Sequence[str]) -> Cluster:
    """Return the cluster's objects of these sources."""
    if not sources:
        return Cluster()
    found = [inventory.read(source) for source in sources]
    first = next((one for each in found for one in each.rejects), None)
    told = f"{first.file}:{first.line}: {first.reason}" if first else ""
    whole = pl.concat([each.frame for each in found])
    return Cluster(resolve.inventory(whole), sum(each.rejected for each in found), told, _rights(whole))


def _rights(objects: pl.DataFrame) -> granted.Chance:
    """Return the chances that follow from the bindings among the objects."""
    rights: dict[str, list[granted.Grant]] = {}
    for binding in grants.bindings(objects):
        rules = [
            granted.Grant(rule.verbs, rule.groups, rule.resources) for rule in binding.rules or () if rule.resources
        ]
        for subject in binding.subjects:
            rights.setdefault(subject, []).extend(rules)
    return granted.chances(rights)


def matured(learned: pl.DataFrame) -> tuple[pl.DataFrame, maturity.Maturity]:
    """Return the maturity of each subject that behaves, and of all together."""
    behaving = learned.filter(~pl.col("verb").is_in(facts.CREDENTIAL_VERBS))
    lazy = engines.of(behaving)
    each = maturity.judged(engines.collect(maturity.counted(lazy))).sort("subject")
    whole = next(engines.collect(maturity.pooled(lazy)).iter_rows(named=True), {})
    counts = ("events", "singletons", "doubletons", "days")
    pooled = maturity.judge(**{name: int(whole.get(name) or 0) for name in counts})
    return each, pooled


def roles(learned: pl.DataFrame) -> list[dict[str, object]]:
    """Return the RBAC objects that allow just what the identities of a profile used."""
    return role.roles(learned)

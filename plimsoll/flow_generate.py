"""The wiring of generated policies: flows are resolved, become edges as they arrive, and the edges become files."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from plimsoll import engines, errors, frames, tables
from plimsoll.cluster import objects as inventory
from plimsoll.cluster import resolve
from plimsoll.learn import maturity
from plimsoll.policies import (
    calls,
    confidence,
    connections,
    drafts,
    edges,
    generate,
    kinds,
    lookups,
    network,
    proof,
    replay,
    sums,
    templates,
    yaml_lines,
)
from plimsoll.sources import inputs, reading
from plimsoll.sources.rejects import Rejects, batches
from plimsoll.store import folder

Progress = Callable[[str, int], None]
SIZE = 1 << 16
"""Lines read at once: addresses are looked up for all of them together."""


class Intake(NamedTuple):
    """What was read, and what of it could not be."""

    accepted: int
    rejects: Rejects
    objects: int
    objects_rejected: int
    first: str
    """Where and why the first of the objects could not be read."""


class Outcome(NamedTuple):
    """What a run made of its flows."""

    generated: drafts.Generated
    known: list[confidence.Confidence]
    """How well each workload is known, the least known first."""
    score: confidence.Score
    replayed: replay.Replayed | None
    """What the files say of the connections they were made from: read back, and judged by the engine of all policies.

    None for a kind that it does not judge.
    """
    intake: Intake
    connections: int
    """How many there were, those between ends that nobody knows too."""
    files: tuple[str, ...]
    """Those that were written or stayed as they were, below the folder."""


class Kept(NamedTuple):
    """What a run keeps beside its policies, so that another can add to it."""

    edges: pl.DataFrame
    labels: pl.DataFrame
    segments: frozenset[str]
    """Digests of the inputs that are in it: none is counted twice."""


class Edges:
    """Edges of flows that come in, added up as they come."""

    def __init__(self, maps: resolve.Inventory, names: lookups.Names) -> None:
        self._maps, self._names = maps, names
        self._edges = sums.Sum(edges.added, edges.SCHEMA.to_frame())
        self._labels = sums.Sum(edges.labels_added, edges.LABELS.to_frame())

    def take(self, stream: str, events: pl.DataFrame) -> None:
        """Take in a batch of events."""
        if stream == "audit" or events.is_empty():
            return
        if stream == "activity":
            acts = resolve.resolve("activity", events, self._maps)
            self._names.take(lookups.of_activity(acts))
            events = connections.of(acts)
        self._labels.take(edges.labels_of(events))
        flows = resolve.resolve("flow", events, self._maps)
        self._names.take(lookups.of_flows(flows))
        self._edges.take(edges.of(lookups.fill_flows(flows, self._names.told())))

    def remember(self, kept: Kept) -> None:
        """Take in what an earlier run kept."""
        self._edges.take(kept.edges)
        self._labels.take(kept.labels)

    def told(self, engine: str = "polars") -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the edges of all that came in, added up by this engine, and the labels that flows told of workloads."""
        return engines.collect(edges.merged(engines.of(self._edges.rows(), engine))), self._labels.told()


def run(
    sources: Sequence[str],
    objects: Sequence[str],
    directory: Path,
    *,
    form: str | None,
    progress: Progress,
    add: bool = False,
    kind: kinds.Name = "networkpolicy",
    engine: str = "polars",
) -> Outcome:
    """Write the policies that these flows need into a folder, as objects of a kind."""
    found = inputs.inputs(sources)
    read = [inventory.read(source) for source in objects]
    held = pl.concat([one.frame for one in read]) if read else frames.empty(tables.OBJECTS)
    first = next((reject for one in read for reject in one.rejects), None)
    kept = kept_in(directory) if add else _NOTHING
    maps, rejects, accepted, segments = resolve.inventory(held), Rejects(), 0, set(kept.segments)
    names = lookups.Names()
    taken = Edges(maps, names)
    taken.remember(kept)
    for source in found:
        progress(source.name, 0)
        one, fresh = reading.Reading(source, format=form, size=SIZE), Edges(maps, names)
        for batch in batches(source, one, rejects):
            fresh.take(batch.stream, batch.events)
            progress(one.name, one.accepted + one.rejected)
        accepted += one.accepted
        if one.digest not in segments:
            taken.remember(Kept(*fresh.told(), frozenset()))
            segments |= {one.digest} if one.digest else set()
    progress("working out policies of", accepted)
    whole, told = taken.told(engine)
    whole = edges.added([lookups.fill(whole, names.told())])
    cluster = templates.cluster(held, told)
    written_as = kinds.KINDS[kind]
    generated = generate.generate(whole, cluster, written_as.dialect)
    kept = Kept(whole, told, frozenset(segments))
    written = write(directory, written_as.files(generated), kept) if generated.policies else _nothing(directory)
    why = f"{first.file}:{first.line}: {first.reason}" if first else ""
    intake = Intake(accepted, rejects, held.height, sum(one.rejected for one in read), why)
    sound = calls.attributed(whole, cluster)
    proven = replayed(directory, held, sound, cluster) if written_as.judged else None
    counts = engines.collect(maturity.counted(engines.of(confidence.profile(whole), engine)))
    known = confidence.of(generated, maturity.judged(counts))
    return Outcome(generated, known, confidence.score(generated), proven, intake, int(whole["count"].sum()), written)


def replayed(directory: Path, objects: pl.DataFrame, seen: pl.DataFrame, cluster: templates.Cluster) -> replay.Replayed:
    """Return what the policies of a folder say of edges, in the cluster of these objects without its own policies."""
    there = inventory.read(str(directory)).frame if any(directory.glob("*/*.yaml")) else frames.empty(tables.OBJECTS)
    asked = there.filter(pl.col("kind").is_in(network.CLUSTER_KINDS))
    others = objects.filter(~pl.col("kind").str.ends_with("NetworkPolicy"))
    told = replay.known(objects)
    return replay.replayed(proof.connections(seen, cluster, told), network.read(pl.concat([others, asked])), told)


_NOTHING = Kept(edges.SCHEMA.to_frame(), edges.LABELS.to_frame(), frozenset())
_KEPT = ".edges"
"""Folder beside the policies, hidden so that nobody takes it for one of manifests."""


def _files_of(kept: Kept) -> dict[str, bytes]:
    """Return what a run keeps as files."""
    segments = pl.DataFrame({"digest": sorted(kept.segments)}, {"digest": pl.String})
    told = {"edges": kept.edges, "labels": kept.labels, "segments": segments}
    return {f"{_KEPT}/{name}.parquet": _parquet(frame) for name, frame in told.items()}


def _parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def kept_in(directory: Path) -> Kept:
    """Return what an earlier run kept; nothing where there was none."""
    place = directory / _KEPT
    if not place.is_dir():
        return _NOTHING
    try:
        told = {name: pl.read_parquet(place / f"{name}.parquet") for name in ("edges", "labels", "segments")}
        known = frozenset(told["segments"]["digest"])
        return Kept(told["edges"].cast(edges.SCHEMA), told["labels"].cast(edges.LABELS), known)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise errors.InputError("what was kept cannot be read; remove it and start anew", file=str(place)) from problem


def write(directory: Path, files: dict[str, str], kept: Kept) -> tuple[str, ...]:
    """Change a folder to these files and what is kept beside them; what we wrote and nobody needs now goes."""
    whole = {**{name: text.encode() for name, text in files.items()}, **_files_of(kept)}
    try:
        folder.change(directory, whole, _ours(directory) - {directory / name for name in files})
    except OSError as problem:
        raise errors.InputError(problem.strerror or str(problem), file=str(directory)) from problem
    return tuple(sorted(files))


def _nothing(directory: Path) -> tuple[str, ...]:
    """Leave a folder as it is: an input that shows nothing is no reason to take policies away."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise errors.InputError(problem.strerror or str(problem), file=str(directory)) from problem
    return ()


def _ours(directory: Path) -> set[Path]:
    """Return the files of a folder that an earlier run wrote."""
    mark = yaml_lines.MARK.encode()
    return {path for path in directory.glob("*/*.yaml") if path.is_file() and _begins(path, mark)}


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark

"""The wiring of network policies: manifests and flows in; who can reach whom, what is denied, what a change opens out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from plimsoll import frames, tables
from plimsoll.cluster import manifests, resolve
from plimsoll.cluster import objects as inventory
from plimsoll.policies import (
    addresses,
    amendment,
    attachments,
    connectivity,
    difference,
    edges,
    entrances,
    lookups,
    network,
    replay,
    sums,
    templates,
    workloads,
)
from plimsoll.sources import inputs, reading
from plimsoll.sources.rejects import Rejects, batches

Progress = Callable[[str, int], None]
Saying = Callable[[str], None]
"""Told what is being done."""
SIZE = 1 << 16
"""Lines read at once: addresses are looked up for all of them together."""


class Cluster(NamedTuple):
    """The objects of some manifests."""

    frame: pl.DataFrame
    """A frame of tables.OBJECTS."""
    rejects: list[manifests.Reject]
    """The first documents that could not be read."""
    rejected: int
    """How many there were."""


def quiet(_: str) -> None:
    """Say nothing of what is being done."""


def cluster(sources: Sequence[str], saying: Saying = quiet) -> Cluster:
    """Return the objects of all these sources together; raise InputError where one cannot be read at all."""
    found = [_read(source, saying) for source in sources]
    frame = pl.concat([one.frame for one in found]) if found else frames.empty(tables.OBJECTS)
    rejects = [reject for one in found for reject in one.rejects]
    return Cluster(frame, rejects[: inventory.KEPT], sum(one.rejected for one in found))


def _read(source: str, saying: Saying) -> inventory.Objects:
    saying(f"reading {source}")
    return inventory.read(source)


class Found(NamedTuple):
    """Who can reach whom, and what of the manifests could not be judged."""

    lines: list[connectivity.Line]
    problems: list[str]
    """One line each, where and why."""
    unread: int
    """How many there are."""
    objects: int
    """How many were read."""


def connectivity_of(
    sources: Sequence[str],
    *,
    ip_blocks: network.IpBlocks = "external-only",
    host_network: workloads.HostNetwork = "pods",
    family: addresses.Family = "ipv4",
    progress: Saying = quiet,
) -> Found:
    """Return who can reach whom in the cluster that these manifests make together."""
    held = cluster(sources, progress)
    policies = network.read(held.frame, ip_blocks=ip_blocks)
    running = workloads.running(held.frame, host_network)
    nets = attachments.networks(held.frame, running, policies)
    told = problems(held, [net.policies for net in nets])
    lines: list[connectivity.Line] = []
    for net in nets:
        progress(f"judging who of {len(net.members):,} reaches whom")
        lines += _lines(held.frame, net, family)
    unread = held.rejected + sum(len(one.refused) for one in {net.policies for net in nets})
    return Found(lines, told, unread, held.frame.height)


def _lines(objects: pl.DataFrame, net: attachments.Net, family: addresses.Family) -> list[connectivity.Line]:
    """Return who can reach whom in a network."""
    found = list(connectivity.lines(net.policies, net.members, family if net.outside else None, net.mark))
    if net.outside:
        found += entrances.lines(objects, net.policies, net.members, net.mark)
    return [line._replace(network=net.name) for line in found]


def problems(held: Cluster, policies: Iterable[network.PolicySet]) -> list[str]:
    """Return what could not be read and which policies the API would refuse, one line each."""
    unread = [f"{one.file}:{one.line}: {one.reason}" for one in held.rejects]
    refused = {f"{one.text}: {one.reason}": None for each in policies for one in each.refused}
    return unread + list(refused)


class Replayed(NamedTuple):
    """What policies say of recorded flows, and what of the inputs could not be judged."""

    told: replay.Replayed
    accepted: int
    rejects: Rejects
    problems: list[str]
    unread: int
    objects: int
    """How many were read of the cluster."""
    policies: int
    """How many were read of the policies that were asked."""
    proposal: amendment.Proposal | None = None
    proven: int = 0
    """Connections of the proposal that its files, read back, allow."""


def replay_of(
    sources: Sequence[str],
    policies: Sequence[str],
    objects: Sequence[str],
    *,
    form: str | None = None,
    ip_blocks: network.IpBlocks = "external-only",
    propose: bool = False,
    progress: Progress,
) -> Replayed:
    """Return which of these flows the policies, and no others, would have denied in the cluster of these objects."""
    found = inputs.inputs(sources)
    asked, held = (cluster(given, lambda what: progress(what, 0)) for given in (policies, objects))
    judge = network.read(_with_policies_of(held.frame, asked.frame), ip_blocks=ip_blocks)
    told = replay.known(held.frame)
    maps, rejects, accepted = resolve.inventory(held.frame), Rejects(), 0
    connections, names = sums.Sum(replay.added, replay.of(frames.empty(tables.FLOW))), lookups.Names()
    seen = sums.Sum(edges.added, edges.SCHEMA.to_frame())
    labels = sums.Sum(edges.labels_added, edges.LABELS.to_frame())
    for source in found:
        one = reading.Reading(source, format=form, size=SIZE)
        for batch in batches(source, one, rejects, "flow"):
            flows = resolve.resolve("flow", batch.events, maps)
            names.take(lookups.of_flows(flows))
            flows = lookups.fill_flows(flows, names.told())
            connections.take(replay.of(flows))
            if propose:
                seen.take(edges.of(flows))
                labels.take(edges.labels_of(flows))
            progress(one.name, one.accepted + one.rejected)
        accepted += one.accepted
    progress("judging connections of", accepted)
    replayed = replay.replayed(lookups.fill(connections.told(), names.told()), judge, told)
    unread = held.rejected + asked.rejected + len(judge.refused)
    told_of = problems(held, [judge]) + problems(asked, [])
    found_out = Replayed(replayed, accepted, rejects, told_of, unread, held.frame.height, asked.frame.height)
    if not propose:
        return found_out
    whole = edges.added([lookups.fill(seen.told(), names.told())])
    there = templates.cluster(held.frame, labels.told())
    proposal = amendment.propose(whole, there, judge, told)
    amended = _with_policies_of(held.frame, pl.concat([asked.frame, _added(proposal.files)]))
    proven = amendment.proven(proposal, whole, there, network.read(amended, ip_blocks=ip_blocks), told)
    return found_out._replace(proposal=proposal, proven=proven)


def _added(files: Mapping[str, str]) -> pl.DataFrame:
    """Return the objects of files that are nowhere yet, read as those of a folder are."""
    if not files:
        return frames.empty(tables.OBJECTS)
    with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
        for name, text in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return inventory.read(folder).frame


def _with_policies_of(objects: pl.DataFrame, policies: pl.DataFrame) -> pl.DataFrame:
    """Return objects with the policies of others in place of their own."""
    own = pl.col("kind").is_in(network.CLUSTER_KINDS)
    return pl.concat([objects.filter(~own), policies])


class Difference(NamedTuple):
    """What a change opens and closes, and what could not be judged."""

    changes: list[difference.Change]
    problems: list[str]
    unread: int
    objects: int
    """How many were read, those of both times counted twice."""


def difference_of(
    before: str,
    after: str,
    objects: Sequence[str] = (),
    *,
    ip_blocks: network.IpBlocks = "external-only",
    host_network: workloads.HostNetwork = "pods",
    progress: Saying = quiet,
) -> Difference:
    """Return who can reach whom otherwise after than before; the objects are there both times."""
    old, new = (
        connectivity_of(
            [one, *objects], ip_blocks=ip_blocks, host_network=host_network, family="dual", progress=progress
        )
        for one in (before, after)
    )
    told = dict.fromkeys([*old.problems, *new.problems])
    changes = difference.changes(old.lines, new.lines)
    return Difference(changes, [*told], old.unread + new.unread, old.objects + new.objects)

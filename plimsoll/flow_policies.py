"""The wiring of network policies: manifests and flows in; who can reach whom, what is denied, what a change opens out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll import frames, tables
from plimsoll.cluster import manifests
from plimsoll.cluster import objects as inventory
from plimsoll.policies import addresses, attachments, connectivity, entrances, network, workloads


class Cluster(NamedTuple):
    """The objects of some manifests."""

    frame: pl.DataFrame
    """A frame of tables.OBJECTS."""
    rejects: list[manifests.Reject]
    """The first documents that could not be read."""
    rejected: int
    """How many there were."""


def cluster(sources: Sequence[str]) -> Cluster:
    """Return the objects of all these sources together; raise InputError where one cannot be read at all."""
    found = [inventory.read(source) for source in sources]
    frame = pl.concat([one.frame for one in found]) if found else frames.empty(tables.OBJECTS)
    rejects = [reject for one in found for reject in one.rejects]
    return Cluster(frame, rejects[: inventory.KEPT], sum(one.rejected for one in found))


class Found(NamedTuple):
    """Who can reach whom, and what of the manifests could not be judged."""

    lines: list[connectivity.Line]
    problems: list[str]
    """One line each, where and why."""
    unread: int
    """How many there are."""


def connectivity_of(
    sources: Sequence[str],
    *,
    ip_blocks: network.IpBlocks = "external-only",
    host_network: workloads.HostNetwork = "pods",
    family: addresses.Family = "ipv4",
) -> Found:
    """Return who can reach whom in the cluster that these manifests make together."""
    held = cluster(sources)
    policies = network.read(held.frame, ip_blocks=ip_blocks)
    running = workloads.running(held.frame, host_network)
    nets = attachments.networks(held.frame, running, policies)
    told = problems(held, [net.policies for net in nets])
    lines = [line for net in nets for line in _lines(held.frame, net, family)]
    return Found(lines, told, held.rejected + sum(len(one.refused) for one in {net.policies for net in nets}))


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

"""What a generated policy says, whatever kind of object writes it down: who may meet a workload, at which ports, and why."""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

from plimsoll.policies.blocks import Block
from plimsoll.policies.separating import Selector
from plimsoll.policies.templates import Key

DNS = 53


class Dialect(NamedTuple):
    """What a kind of object can say beyond pods, address blocks and numbers of ports."""

    port_names: bool = False
    domain_names: bool = False
    entities: bool = False
    """Nodes and the API server are no addresses to it."""


class Seen(NamedTuple):
    """How often something was seen, on how many days, and when last."""

    times: int
    days: frozenset[int]
    last: dt.datetime | None = None

    def __add__(self, other: object) -> Seen:
        """Return both together."""
        if not isinstance(other, Seen):
            return NotImplemented
        lasts = [last for last in (self.last, other.last) if last]
        return Seen(self.times + other.times, self.days | other.days, max(lasts, default=None))


NEVER = Seen(0, frozenset())


class Port(NamedTuple):
    """A port as a rule writes it."""

    protocol: str
    number: int
    last: int | None = None
    """End of a range of ports."""
    name: str | None = None
    """Its name in the pods that are called, where it has one that means it alone."""

    @property
    def is_range(self) -> bool:
        """Whether there are more ports than one."""
        return self.last is not None and self.last != self.number


class Pods(NamedTuple):
    """The pods of a workload as a peer."""

    namespace: str
    selector: Selector
    workload: str


class Name(NamedTuple):
    """A domain name as a peer: the addresses that it leads to at the time."""

    name: str


class Entity(NamedTuple):
    """Nodes or the API server as a peer, wherever they are."""

    name: Literal["host", "remote-node", "kube-apiserver"]


Peer = Pods | Block | Name | Entity


class Source(NamedTuple):
    """A peer of a rule, and why it is there."""

    peer: Peer
    why: str


class Rule(NamedTuple):
    """Who may meet the workload, at which ports."""

    peers: tuple[Source, ...]
    ports: tuple[Port, ...]


USUAL_DNS = Rule(
    (
        Source(
            Pods("kube-system", Selector((("k8s-app", "kube-dns"),)), "DNS"), "the usual DNS: no lookup was recorded"
        ),
    ),
    (Port("TCP", DNS), Port("UDP", DNS)),
)
"""Allowed to who calls anybody, where the recording holds no DNS at all."""


class Policy(NamedTuple):
    """What a workload may do on the network, and who may call it."""

    workload: Key
    name: str
    selector: Selector
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]
    notes: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    """The service accounts of the workload."""


class Generated(NamedTuple):
    """The policies of a cluster, and what they leave out."""

    policies: tuple[Policy, ...]
    namespaces: tuple[str, ...]
    """Those that are closed by default: something was seen in them, so the recording covers them."""
    unseen: tuple[Key, ...]
    """Workloads of which no connection was seen: the default denies them all."""
    on_host: tuple[Key, ...]
    """Workloads in their node's network, which no policy rules."""
    unattributed: int
    """Connections of which an end is a pod's address that no pod had at the time."""
    pairs: int
    """Pairs of workloads and ports that were seen."""


def often(seen: Seen) -> str:
    """Say how often, in steps of ten, so that another day of the same changes no line.

    >>> often(Seen(1234, frozenset({1, 2}), None)), often(Seen(3, frozenset({1}), None))
    ('seen 1,000 times or more on 2 days', 'seen less than 10 times on 1 day')
    """
    step = 10 ** (len(str(seen.times)) - 1)
    told = f"{step:,} times or more" if step >= 10 else "less than 10 times"
    days = len(seen.days)
    return f"seen {told} on {days:,} day{'s' * (days != 1)}" if days < 7 else f"seen {told} on 7 days or more"

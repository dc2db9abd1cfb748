"""What a network policy is, whatever kind of object wrote it down: whom it is about, and rules for either way.

NetworkPolicies only allow, and whom one is about may do nothing else. Cluster-wide policies come before them
(tier `admin`) or after them (tier `baseline`): their rules are asked in order, and the first that speaks of a
connection allows it, denies it or passes it on.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from typing import Literal, NamedTuple

from plimsoll.policies import addresses, intervals, ports, selectors
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.selectors import Selector

Way = Literal["egress", "ingress"]
WAYS: tuple[Way, Way] = ("egress", "ingress")
Tier = Literal["admin", "network", "baseline"]
Action = Literal["allow", "deny", "pass"]
Labels = tuple[tuple[str, str], ...]


class NamedPort(NamedTuple):
    """A port that a container tells, by name where it has one."""

    name: str
    protocol: str
    number: int


class Workload(NamedTuple):
    """Pods that no policy can tell apart: those of one workload with the same labels."""

    namespace: str
    kind: str
    name: str
    labels: Labels = ()
    ports: tuple[NamedPort, ...] = ()
    """Those that its containers tell."""
    addresses: Intervals = ()
    """Those of its pods, as far as they are told."""
    on_host: bool = False
    """Its pods are in the network of their nodes, which policies neither select nor hold back."""

    @property
    def text(self) -> str:
        """The workload as np-guard writes it: namespace/name[Kind]."""
        return self.marked("")

    def marked(self, mark: str) -> str:
        """Return the text with a mark behind the namespace: the network it is in.

        >>> Workload("shop", "Pod", "web").marked("[udn]")
        'shop[udn]/web[Pod]'
        """
        return f"{self.namespace}{mark}/{self.name}[{self.kind}]"


class External(NamedTuple):
    """Addresses outside the cluster."""

    addresses: Intervals
    names: tuple[str, ...] = ()
    """The domain names they were reached by, where that is told."""

    @property
    def text(self) -> str:
        """The addresses as np-guard writes them: first-last[External]."""
        return ",".join(f"{one}[External]" for one in addresses.written(self.addresses))


End = Workload | External


def labels(mapping: Mapping[str, str]) -> Labels:
    """Return labels as a value.

    >>> labels({"b": "2", "a": "1"})
    (('a', '1'), ('b', '2'))
    """
    return tuple(sorted(mapping.items()))


class Pods(NamedTuple):
    """Pods of a namespace, or of the namespaces that a selector means."""

    namespace: str | None
    namespaces: Selector
    """Only asked where `namespace` is None."""
    pods: Selector

    def has(self, end: End, namespace_labels: Mapping[str, str]) -> bool:
        """Say whether an end is among them; a pod in its node's network is not."""
        if not isinstance(end, Workload) or end.on_host:
            return False
        if self.namespace is not None:
            if end.namespace != self.namespace:
                return False
        elif not selectors.selects(self.namespaces, namespace_labels):
            return False
        return selectors.selects(self.pods, dict(end.labels))


class Block(NamedTuple):
    """Addresses."""

    addresses: Intervals
    text: str


class Beyond(NamedTuple):
    """Nodes and domain names, which are no ends here: nobody is meant."""

    text: str


class Names(NamedTuple):
    """Whatever a domain name leads to, or the names that a pattern means."""

    name: str
    pattern: str = ""

    def has(self, end: End) -> bool:
        """Say whether an end was reached by such a name; `*` stands for letters within one label, or alone for any name.

        >>> Names("", "*.example.com").has(External((), ("a.example.com",))), Names("a").has(External(()))
        (True, False)
        """
        told = end.names if isinstance(end, External) else ()
        return any(one == self.name or (self.pattern and _fits(self.pattern, one)) for one in told)


def _fits(pattern: str, name: str) -> bool:
    """Say whether a name is of a pattern, label by label; no label is looked at twice."""
    wanted, told = pattern.split("."), name.split(".")
    return pattern == "*" or (len(wanted) == len(told) and all(map(fnmatch.fnmatchcase, told, wanted)))


Peer = Pods | Block | Beyond | Names


class PortRange(NamedTuple):
    """Ports of a protocol, by number or by the name that the called container gives one."""

    protocol: str | None
    """None, with a name only: whatever protocol the container tells."""
    low: int = 1
    high: int = ports.LAST
    name: str = ""

    def of(self, destination: End) -> Intervals:
        """Return these ports of an end; an end without a port of this name has none.

        >>> web = Workload("shop", "Pod", "web", ports=(NamedPort("http", "TCP", 8080),))
        >>> ports.written(PortRange("TCP", name="http").of(web)), PortRange("UDP", name="http").of(web)
        ('TCP 8080', ())
        """
        if not self.name:
            return ports.spanning(self.protocol or "", self.low, self.high)
        named = destination.ports if isinstance(destination, Workload) else ()
        return intervals.union(
            *(
                ports.spanning(one.protocol, one.number, one.number)
                for one in named
                if one.name == self.name and self.protocol in (None, one.protocol)
            )
        )


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """One rule of a policy."""

    text: str
    """Where it stands: `NetworkPolicy shop/db, ingress rule 1`."""
    action: Action
    peers: tuple[Peer, ...] | None
    """None: anybody."""
    ports: tuple[PortRange, ...] | None
    """None: all."""

    def of(self, destination: End) -> Intervals:
        """Return the ports of this end that it speaks of."""
        if self.ports is None:
            return ports.ALL_PORTS
        return intervals.union(*(one.of(destination) for one in self.ports))


class Policy(NamedTuple):
    """One policy."""

    kind: str
    namespace: str
    """Empty for a cluster-wide one."""
    name: str
    tier: Tier
    priority: int
    """The lower, the sooner it is asked."""
    subject: Pods
    ingress: tuple[Rule, ...] | None
    """None: it says nothing of this way."""
    egress: tuple[Rule, ...] | None

    @property
    def text(self) -> str:
        """Its kind and name."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def rules(self, way: Way) -> tuple[Rule, ...] | None:
        """Return its rules for a way, None where it says nothing of it."""
        return self.ingress if way == "ingress" else self.egress

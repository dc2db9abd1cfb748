"""All ends at once, as bits of a number: whom a selector, a block or a rule means is a few operations on such numbers."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from plimsoll.policies import intervals, policy
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.network import PolicySet
from plimsoll.policies.policy import End, External, Rule, Way, Workload
from plimsoll.policies.selectors import Requirement, Selector


def bits(mask: int) -> Iterator[int]:
    """Yield the places of the ones of a number, lowest first.

    >>> list(bits(0b10110))
    [1, 2, 4]
    """
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Universe:
    """Workloads and after them pieces of the outside, in order of their addresses; the place of an end is its bit."""

    def __init__(self, policies: PolicySet, workloads: Sequence[Workload], outside: Sequence[External] = ()) -> None:
        self.ends: list[End] = [*workloads, *outside]
        self.everybody = (1 << len(self.ends)) - 1
        self.outside = self.everybody ^ ((1 << len(workloads)) - 1)
        self.addresses = intervals.union(*(one.addresses for one in outside))
        self._policies, self._workloads = policies, workloads
        self._starts = [one.addresses[0][0] for one in outside]
        self._inside = _index({place: {"": one.namespace} for place, one in enumerate(workloads) if not one.on_host})
        self._labels = _index({place: dict(one.labels) for place, one in enumerate(workloads)})
        self._namespaces = _index(
            {place: policies.namespace_labels(one.namespace) for place, one in enumerate(workloads)}
        )
        self._meant: dict[policy.Peer, int] = {}

    def meant(self, peer: policy.Peer) -> int:
        """Return whom a peer means."""
        if peer not in self._meant:
            self._meant[peer] = self._mask(peer)
        return self._meant[peer]

    def spoken(self, rule: Rule) -> int:
        """Return whom a rule speaks of."""
        return self.everybody if rule.peers is None else _any(self.meant(peer) for peer in rule.peers)

    def possible(self, subject: End, way: Way) -> int:
        """Return with whom an end may talk at most, as far as the policies about it tell."""
        told = self._policies.selecting(subject, way)
        allowed = _any(self.spoken(rule) for rule in told.admin if rule.action == "allow")
        if not told.network:
            return self.everybody
        return allowed | _any(self.spoken(rule) for one in told.network for rule in one.rules(way) or ())

    def named(self, subject: End, way: Way) -> int:
        """Return whom the rules about an end name; all others are alike to them."""
        told = self._policies.selecting(subject, way)
        rules = [*told.admin, *told.baseline, *(rule for one in told.network for rule in one.rules(way) or ())]
        return _any(self.spoken(rule) for rule in rules if rule.peers is not None)

    def alike(self) -> list[list[Workload]]:
        """Return the workloads by what policies can see of them, in order."""
        seen: list[list[int]] = [[] for _ in self._workloads]
        for number, mask in enumerate(dict.fromkeys(self._masks())):
            for place in bits(mask & ~self.outside):
                seen[place].append(number)
        groups: dict[tuple[object, ...], list[Workload]] = defaultdict(list)
        for one, told in zip(self._workloads, seen, strict=True):
            groups[(one.ports, one.on_host, *told)].append(one)
        return list(groups.values())

    def _masks(self) -> Iterator[int]:
        for one in self._policies.policies:
            yield self.meant(one.subject)
            for way in policy.WAYS:
                for rule in one.rules(way) or ():
                    yield from (self.meant(peer) for peer in rule.peers or ())

    def _mask(self, peer: policy.Peer) -> int:
        if isinstance(peer, policy.Pods):
            whole = self._inside.get(("", None), 0)
            if peer.namespace is not None:
                whole = self._inside.get(("", peer.namespace), 0)
            else:
                whole &= self._selected(peer.namespaces, self._namespaces)
            return whole & self._selected(peer.pods, self._labels)
        if not isinstance(peer, policy.Block):
            return 0
        pods = _any(1 << place for place, one in enumerate(self._workloads) if self._policies.is_in(peer, one))
        return pods | self._covered(peer.addresses)

    def _selected(self, selector: Selector, index: Mapping[tuple[str, str | None], int]) -> int:
        mask = self.everybody
        for one in selector:
            mask &= self._holding(one, index)
        return mask

    def _holding(self, one: Requirement, index: Mapping[tuple[str, str | None], int]) -> int:
        within = _any(index.get((one.key, value), 0) for value in one.values)
        match one.operator:
            case "In":
                return within
            case "NotIn":
                return self.everybody & ~within
            case "Exists":
                return index.get((one.key, None), 0)
            case "DoesNotExist":
                return self.everybody & ~index.get((one.key, None), 0)

    def _covered(self, block: Intervals) -> int:
        """Return the pieces of the outside that lie in a block; none lies in it by half."""
        first = len(self._workloads)
        mask = 0
        for low, high in block:
            start, stop = bisect.bisect_left(self._starts, low), bisect.bisect_right(self._starts, high)
            mask |= ((1 << stop) - (1 << start)) << first if stop > start else 0
        return mask


def _index(labels: Mapping[int, Mapping[str, str]]) -> dict[tuple[str, str | None], int]:
    """Return who has a label with a value, and (value None) who has it at all."""
    places: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for place, told in labels.items():
        for key, value in told.items():
            places[key, value].append(place)
            places[key, None].append(place)
    return {key: _any(1 << place for place in found) for key, found in places.items()}


def _any(masks: Iterable[int]) -> int:
    whole = 0
    for mask in masks:
        whole |= mask
    return whole

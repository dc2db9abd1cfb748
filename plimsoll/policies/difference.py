"""What a change opens and what it closes: who can reach whom before it and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from plimsoll.policies import addresses, intervals, policy, ports
from plimsoll.policies.connectivity import Line
from plimsoll.policies.intervals import Intervals


class Change(NamedTuple):
    """A pair that may talk otherwise than before."""

    network: str
    src: str
    dst: str
    before: Intervals
    after: Intervals
    why: str = ""
    """Where an end is only there before or after: which."""

    @property
    def opened(self) -> Intervals:
        """The ports that are open now and were not."""
        return intervals.difference(self.after, self.before)

    @property
    def closed(self) -> Intervals:
        """The ports that were open and are not."""
        return intervals.difference(self.before, self.after)

    def as_row(self) -> dict[str, object]:
        """Return the change as it is printed."""
        texts = {
            name: ports.written(one) if one else "" for name, one in (("opened", self.opened), ("closed", self.closed))
        }
        whole = {"before": ports.written(self.before), "after": ports.written(self.after)}
        return {"src": self.src, "dst": self.dst, **texts, **whole, "network": self.network, "why": self.why}


class _Pair(NamedTuple):
    """Two ends, one of which may be the outside."""

    network: str
    src: str
    dst: str
    way: str = ""
    """`in` where the outside is the source, `out` where it is called."""


def changes(before: Iterable[Line], after: Iterable[Line]) -> list[Change]:
    """Return the pairs that may talk otherwise, in order; ranges of the outside that change alike are one.

    >>> web = Line("a/web[Pod]", "a/db[Pod]", ports.spanning("TCP", 1, 9))
    >>> [(one.opened, ports.written(one.closed)) for one in changes([web], [web._replace(ports=((65539, 65544),))])]
    [((), 'TCP 1-2,9')]
    """
    old, new = _pairs(before), _pairs(after)
    ends = _ends(old), _ends(new)
    found = [
        change._replace(why=_why(change, *ends))
        for pair in old.keys() | new.keys()
        for change in _changed(pair, old.get(pair, []), new.get(pair, []))
    ]
    return sorted(found)


def _pairs(lines: Iterable[Line]) -> dict[_Pair, list[Line]]:
    found: dict[_Pair, list[Line]] = defaultdict(list)
    for line in lines:
        found[_pair(line)].append(line)
    return found


def _pair(line: Line) -> _Pair:
    if not line.span:
        return _Pair(line.network, line.src, line.dst)
    inward = line.src == policy.External(line.span).text
    return _Pair(line.network, "" if inward else line.src, line.dst if inward else "", "in" if inward else "out")


def _ends(pairs: Iterable[_Pair]) -> set[str]:
    return {end for pair in pairs for end in (pair.src, pair.dst)}


def _changed(pair: _Pair, old: Sequence[Line], new: Sequence[Line]) -> Iterator[Change]:
    if not pair.way:
        was, now = (intervals.union(*(one.ports for one in lines)) for lines in (old, new))
        if was != now:
            yield Change(pair.network, pair.src, pair.dst, was, now)
        return
    alike: dict[tuple[Intervals, Intervals], list[Intervals]] = defaultdict(list)
    spans = [line.span for line in (*old, *new)]
    for family in (addresses.IPV4, addresses.IPV6):
        for atom in addresses.atoms(intervals.intersection(intervals.union(*spans), family), spans):
            was, now = _ports(old, atom), _ports(new, atom)
            if was != now:
                alike[was, now].append(atom)
    for (was, now), atoms in alike.items():
        for text in addresses.written(intervals.union(*atoms)):
            outside = f"{text}[External]"
            yield Change(pair.network, pair.src or outside, pair.dst or outside, was, now)


def _ports(lines: Iterable[Line], atom: Intervals) -> Intervals:
    return intervals.union(*(line.ports for line in lines if intervals.covers(line.span, atom)))


def _why(change: Change, old: set[str], new: set[str]) -> str:
    for end in (change.src, change.dst):
        if end.endswith("[External]"):
            continue
        if end not in old:
            return f"{end} had no connection before"
        if end not in new:
            return f"{end} has no connection any more"
    return ""

"""Alerts that are told only when they repeat, or only once in a while; what is held back is counted, not lost.

Time is that of the events. The event that makes the number full is told, and counting begins anew. Where alerts like
it are held back, the next one that is told, or the end, says how many they were and since when.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from plimsoll.rules import options, transform

Alert = dict[str, Any]
Group = tuple[Any, ...]
MINUTE = 60 * 10**9
MOST_GROUPS = 100_000
"""What counts together is remembered for so many; then the one that was longest quiet is told as it stands."""
MOST_MOMENTS = 1_000_000


class Repeats:
    """The alerts of rules with options on their way out.

    >>> repeats = Repeats({"r": options.Option(times=2, minutes=1)})
    >>> [bool([*repeats.take({"rule": "r"}, time * MINUTE, ("web",))]) for time in (1, 5, 6, 7)]
    [False, False, True, False]
    """

    def __init__(self, wanted: options.Options) -> None:
        self._wanted = wanted
        self._groups: OrderedDict[Group, _Together] = OrderedDict()
        self._moments = 0

    def take(self, alert: Alert, time: int, group: Group) -> Iterator[Alert]:
        """Yield the alert if it is to be told, with what was held back."""
        option = self._wanted.get(alert["rule"])
        if option is None or not option.counts:
            yield alert
            return
        key = (alert["rule"], *group)
        together = self._groups.pop(key, None) or _Together(option)
        self._groups[key] = together
        before = together.moments
        yield from together.take(alert, time)
        self._moments += together.moments - before
        while len(self._groups) > MOST_GROUPS or (self._moments > MOST_MOMENTS and len(self._groups) > 1):
            _, quiet = self._groups.popitem(last=False)
            self._moments -= quiet.moments
            yield from quiet.rest()

    def rest(self) -> Iterator[Alert]:
        """Yield what is still held back."""
        for together in self._groups.values():
            yield from together.rest()
        self._groups.clear()
        self._moments = 0


class _Together:
    """What counts together: when it happened, and what is held back."""

    def __init__(self, option: options.Option) -> None:
        self._option = option
        self._times: deque[int] = deque()
        self._told: int | None = None
        self._count, self._first, self._last = 0, 0, 0
        self._held: Alert | None = None

    @property
    def moments(self) -> int:
        return len(self._times)

    def take(self, alert: Alert, time: int) -> Iterator[Alert]:
        while self._times and abs(time - self._times[0]) > self._option.minutes * MINUTE:
            self._times.popleft()
        self._times.append(time)
        if len(self._times) < self._option.times:
            return
        self._add(len(self._times), min(self._times), max(self._times))
        self._times.clear()
        self._held = alert
        if self._told is None or abs(time - self._told) >= self._option.dedupe * MINUTE:
            self._told = time
            yield from self.rest()

    def _add(self, count: int, first: int, last: int) -> None:
        self._first = min(self._first, first) if self._count else first
        self._last = max(self._last, last) if self._count else last
        self._count += count

    def rest(self) -> Iterator[Alert]:
        """Yield the last alert that is held back, for all of them."""
        if self._held is None:
            return
        told = {"count": self._count, "first": _clock(self._first), "last": _clock(self._last)}
        alert, self._held, self._count = self._held, None, 0
        yield dict(sorted((alert | told).items()))


def _clock(time: int) -> str:
    return transform.clock(time, "%Y-%m-%dT%H:%M:%S.%9Z")

"""What rules say by themselves: an alert for each rule, actor and hour, told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from plimsoll.detect import explain
from plimsoll.detect.acts import Act

MOST = 100_000
"""Hits remembered as told; beyond it the oldest half is forgotten, and could be told again."""
Key = tuple[str, str, str, str, str]
"""Rule, subject, address, client, hour."""


def keys(act: Act) -> list[Key]:
    """Return what each rule's hit counts under."""
    hour = act.time.replace(minute=0, second=0, microsecond=0).isoformat()
    return [(rule, act.subject, act.address, act.product, hour) for rule in act.rules]


def alerts(notable: Iterable[Act]) -> list[explain.Told]:
    """Return an alert for each rule and actor and hour of these acts, which come in order of time; gravest first."""
    hit: dict[Key, list[Act]] = {}
    for act in notable:
        for key in keys(act):
            hit.setdefault(key, []).append(act)
    found = [explain.ruled(rule, alike) for (rule, *_), alike in hit.items()]
    return sorted(found, key=lambda alert: (-float(str(alert["bits"])), str(alert["time"]), str(alert["id"])))


class Teller:
    """Tells the hits of acts as they come; the same rule, actor and hour only once."""

    def __init__(self) -> None:
        self._told: dict[Key, None] = {}

    def tell(self, acts: Sequence[Act]) -> list[explain.Told]:
        """Return the alerts of hits that were not told yet."""
        fresh = [act for act in acts if any(key not in self._told for key in keys(act))]
        found = alerts(_without(act, self._told) for act in fresh)
        self._told |= dict.fromkeys(key for act in fresh for key in keys(act))
        if len(self._told) > MOST:
            self._told = dict.fromkeys(list(self._told)[len(self._told) // 2 :])
        return found

    def memory(self) -> list[Key]:
        """Return what was told."""
        return list(self._told)

    def restore(self, memory: Iterable[Key]) -> None:
        """Begin with what was told already."""
        self._told = dict.fromkeys(memory)


def _without(act: Act, told: dict[Key, None]) -> Act:
    """Return the act with only the rules that were not told of its actor and hour."""
    return structs.replace(act, rules=tuple(key[0] for key in keys(act) if key not in told))

"""Hits of Sigma's rules gathered into alerts: one for each rule, actor, address, client and hour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from plimsoll import normal
from plimsoll.detect.sigma.engine import Engine
from plimsoll.detect.sigma.rule import Rule
from plimsoll.facts.audit import CONNECTING

MOST = 100_000
"""Alerts of a run that are kept; beyond it hits are only counted."""
EVIDENCE, REASONS = 1_000, 5
KEPT = timedelta(hours=2)
"""How long, in time of events, a run that goes on remembers what it has told."""
BITS = {"critical": 12.0, "high": 9.0, "medium": 6.0, "low": 3.0, "info": 1.0}
"""What a hit is worth, by the severity that the rule's author gave it."""
_TOLD = (
    "time", "auditID", "verb", "requestURI", "user_username", "user_groups", "source_ip", "userAgent",
    "objectRef_apiGroup", "objectRef_resource", "objectRef_subresource", "objectRef_namespace", "objectRef_name",
)  # fmt: skip

Usual = Callable[[str, str, str], bool]
"""Says whether a subject asks for this, in this namespace, out of habit."""
Key = tuple[int, str, str, str, datetime]


class _Story(NamedTuple):
    first: datetime
    times: int
    asked: dict[str, None]
    evidence: dict[str, None]


class Hits:
    """What rules hit so far."""

    def __init__(self, rules: Sequence[Rule], usual: Usual | None = None) -> None:
        """Begin with nothing; what is `usual` for somebody is let go."""
        self._engine, self._usual = Engine(rules), usual
        self._stories: dict[Key, _Story] = {}
        self._told: set[Key] = set()
        self.forgone = 0
        """Hits there was no room for."""

    @property
    def reads_events(self) -> bool:
        """Whether events need their JSON beside them (fields.EVENT)."""
        return self._engine.reads_events

    def take(self, events: pl.DataFrame) -> None:
        """Judge a batch of audit events (tables.AUDIT)."""
        found = self._engine.hits(events)
        if found.is_empty():
            return
        rows = found["row"].unique(maintain_order=True)
        told = dict(zip(rows, events.select(_TOLD)[rows].iter_rows(named=True), strict=True))
        for number, row in found.iter_rows():
            self._add(number, told[row])

    def _add(self, number: int, event: dict[str, Any]) -> None:
        subject = normal.identity(event["user_username"] or "", event["user_groups"] or [])
        request, namespace = _request(event), event["objectRef_namespace"] or "(cluster)"
        time = event["time"]
        if time is None or (self._usual and self._usual(subject, request, namespace)):
            return
        product = normal.agent(event["userAgent"] or "")[0]
        hour = time.replace(minute=0, second=0, microsecond=0)
        key = (number, subject, event["source_ip"] or "", product, hour)
        if key not in self._stories:
            if len(self._stories) >= MOST:
                self.forgone += 1
                return
            self._stories[key] = _Story(time, 0, {}, {})
        story = self._stories[key]
        story = self._stories[key] = story._replace(first=min(time, story.first), times=story.times + 1)
        if len(story.asked) < REASONS:
            story.asked[
                f"`{request}` in {namespace}" + f" of {event['objectRef_name']}" * bool(event["objectRef_name"])
            ] = None
        if len(story.evidence) < EVIDENCE:
            story.evidence[event["auditID"] or ""] = None

    def alerts(self) -> list[dict[str, object]]:
        """Return the alerts (tables.ALERTS) of all that was taken, gravest first."""
        made = [self._alert(key, story) for key, story in self._stories.items()]
        return sorted(made, key=lambda one: (-float(str(one["bits"])), str(one["time"]), str(one["id"])))

    def tell(self) -> list[dict[str, object]]:
        """Return the alerts that began since the last call; their later hits are not told again."""
        fresh = {key: story for key, story in self._stories.items() if key not in self._told}
        newest = max((hour for *_, hour in self._stories), default=None)
        self._stories = {key: one for key, one in self._stories.items() if newest and newest - key[-1] <= KEPT}
        self._told = set(self._stories)
        return [self._alert(key, story) for key, story in fresh.items()]

    def _alert(self, key: Key, story: _Story) -> dict[str, object]:
        number, subject, address, product, hour = key
        known = self._engine.rules[number]
        whence = f"from {address or 'nowhere'} with {product or 'no client name'}"
        name = f"sigma\n{known.id}\n{subject}\n{address}\n{product}\n{hour.isoformat()}"
        return {
            "id": hashlib.sha256(name.encode()).hexdigest()[:16],
            "time": story.first,
            "subject": subject,
            "title": known.title,
            "severity": known.severity,
            "bits": BITS[known.severity],
            "why": [
                *_why(known),
                f"{', '.join(story.asked)} {whence}, {story.times:,} event{'s' * (story.times != 1)}",
            ],
            "evidence": list(story.evidence),
            "attack": list(known.attack),
            "kind": "rule",
            "controls": [f"sigma:{known.id}"],
            "maturity": "unknown",
            "facts": [],
        }


def _why(known: Rule) -> Iterator[str]:
    if known.description:
        yield known.description[:500]


def _request(event: dict[str, Any]) -> str:
    """Return what was asked for, as facts have it."""
    resource, sub, group = (event[f"objectRef_{name}"] for name in ("resource", "subresource", "apiGroup"))
    if not resource:
        return f"{event['verb']} {(event['requestURI'] or '').partition('?')[0][:100]}"
    verb = "create" if sub in CONNECTING and event["verb"] == "get" else event["verb"]
    return f"{verb} {resource}" + (f".{group}" if group else "") + (f"/{sub}" if sub else "")

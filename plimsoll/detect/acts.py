"""An act on trial: what somebody did, each of its facts weighed, ready for the story it belongs to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from plimsoll import facts as stated
from plimsoll.detect import evidence, weigh


class Fact(msgspec.Struct, frozen=True, gc=False):
    """A fact with what the profile knows of it."""

    subject: str
    verb: str
    given: str
    object: str
    bits: float
    p: float
    q: float
    own_weight: int
    own_total: int
    own_taken: int
    own_count: int
    own_days: int
    own_context_count: int
    own_since: datetime | None
    peer: str
    peer_shown: int
    peer_members: int
    subject_count: int
    subject_days: int
    approved: bool = False
    """Somebody said that it is normal."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is the same fact elsewhere."""
        return self.subject, self.verb, self.given, self.object

    @property
    def view(self) -> str:
        """source, client, credential or deed."""
        return weigh.VIEWS[self.verb].group

    @property
    def new(self) -> bool:
        """Whether the subject never showed it while learning."""
        return self.own_weight == 0

    @property
    def beneath(self) -> float:
        """Bits by which a habit is more usual than `bits` tells, which has a floor; 0 or less."""
        return min(0.0, math.log2(max(self.q, 1e-12) / max(self.p, 1e-12)) - self.bits) if self.bits < 0 else 0.0

    def bits_after(self, seen: int) -> float:
        """Return the bits once the subject has shown it `seen` more times without harm."""
        if not seen:
            return self.bits
        unit, discount, strength = evidence.UNIT, weigh.DISCOUNT, weigh.STRENGTH
        weight, total, taken = self.own_weight / unit, self.own_total / unit, self.own_taken / unit
        parent = (self.p * (total + strength) - max(weight - discount, 0.0)) / (strength + taken)
        taken += discount - min(weight, discount)
        p = (weight + seen - discount + (strength + taken) * max(parent, 0.0)) / (total + seen + strength)
        return min(self.bits, math.log2(max(self.q, 1e-12) / p))


class Act(msgspec.Struct, frozen=True, gc=False):
    """Something a subject did, at a time and from a source, with its facts."""

    stream: str
    subject: str
    time: datetime
    last: datetime
    count: int
    network: str
    product: str
    evidence: tuple[str, ...]
    facts: tuple[Fact, ...]
    request: str = ""
    namespace: str = ""
    name: str = ""
    outcome: str = ""
    address: str = ""
    bound: bool = False
    """Made with a token that is bound to a pod: the ledger watches where it comes from."""
    findings: tuple[str, ...] = ()
    """What the token ledger says of it."""
    rules: tuple[str, ...] = ()
    """Rules that hit it (audit_rules), by their id."""
    key: int = 0
    """What tells it apart from other acts (facts.key), as a number."""

    @property
    def habitual(self) -> bool:
        """Whether the subject asked for just this while learning, in this place and by this name, or was allowed to."""
        asked = [fact for fact in self.facts if fact.verb in ("request", "within", "touch")]
        if any(fact.approved for fact in asked if fact.verb == "request"):
            return True
        return bool(asked) and not any(fact.new for fact in asked)

    @property
    def tactic(self) -> str:
        """The ATT&CK tactic of what was asked for, empty where no attack is known to need it."""
        known = weigh.sensitive().get(self.request)
        return known.tactic if known else ""


_FACT = tuple(Fact.__struct_fields__)


def of(stream: str, happened: pl.DataFrame, weighed: pl.DataFrame) -> list[Act]:
    """Return the acts (rows of facts.acts with a column `act`) with their weighed facts (column `act` too), by time."""
    facts: dict[int, list[Fact]] = {}
    for act, *fact in weighed.select("act", *_FACT).rows():
        facts.setdefault(act, []).append(Fact(*fact))
    return [_act(stream, row, facts.get(row["act"], [])) for row in _ordered(happened)]


def _ordered(happened: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
    return happened.sort("first", "subject", "act").iter_rows(named=True)


def _act(stream: str, row: Mapping[str, Any], facts: list[Fact]) -> Act:
    return Act(
        stream=stream,
        subject=row["subject"],
        time=row["first"],
        last=row["last"],
        count=row["count"],
        network=row.get("network") or "",
        product=row.get("product") or "",
        evidence=tuple(row["evidence"] or ()),
        facts=tuple(facts),
        request=row.get("action") or "",
        namespace=row.get("namespace") or "",
        name=row.get("name") or "",
        outcome=row.get("outcome") or "",
        address=row.get("source_ip") or "",
        bound=bool(row.get("user_pod_uid")),
        findings=tuple(row.get("findings") or ()),
        rules=tuple((row.get("rules") or "").split()),
        key=row.get("key") or 0,
    )


def mended(acts: Iterable[Act]) -> list[Act]:
    """Return acts, given in the order of their batches, with those put together that the end of a batch cut apart."""
    whole: dict[tuple[str, str, int, datetime], Act] = {}
    for act in acts:
        minute = act.time.replace(second=0, microsecond=0)
        place = (act.stream, act.subject, act.key, minute)
        whole[place] = _joined(whole[place], act) if place in whole else act
    return list(whole.values())


def _joined(one: Act, other: Act) -> Act:
    return msgspec.structs.replace(
        one,
        time=min(one.time, other.time),
        last=max(one.last, other.last),
        count=one.count + other.count,
        evidence=(*one.evidence, *other.evidence)[: stated.EVIDENCE],
        findings=tuple(dict.fromkeys((*one.findings, *other.findings))),
    )

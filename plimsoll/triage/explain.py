"""A judgement in words: why an alert is shown, or why it is muted and what would make it loud."""

from __future__ import annotations

import datetime as dt
from typing import Any

from plimsoll.triage import gates, judging, weights
from plimsoll.triage.belief import FRESH, NEEDED, History
from plimsoll.triage.memory import Habit
from plimsoll.triage.scoring import Judgement, Policy, Scorer

KINDS = {
    "HIST": "its history is harmless",
    "AUTH": "a ticket, change or grant that others approved allows it",
    "IDENT": "an administrator with a strong factor, from where he usually is",
    "WIN": "a window of the calendar in which it was seen before",
}

REPEATED = ("its case is called malicious", "anything but its time differs", "its case does not wait any more")
"""What would make a repeat loud."""


def why(decision: judging.Decision, scorer: Scorer) -> list[str]:
    """Return the reasons of a decision, the decisive one first."""
    judgement = decision.judgement
    if decision.turned:
        return [f"it was muted until {decision.turned}"]
    if folded(decision):
        return ["told already in its case, which is open; its count goes up", *_gates(judgement)]
    if decision.mute:
        return [f"{kind}: {KINDS[kind]}{_counts(kind, decision, scorer)}" for kind in judgement.kinds]
    if judgement.mute:
        return ["audit: it would be muted, and is shown to check what muting hides"]
    found = _gates(judgement)
    if judgement.state in ("demoted", "annotated"):
        found.append(f"{judgement.state}: {_held_back(scorer.policy)}")
    return found or [_lacking(decision)]


def beside(decision: judging.Decision) -> list[dict[str, str]]:
    """Return what stands beside a decision, and decided nothing of it: a rollout just before."""
    one = decision.beside
    return [{"what": one.words, "evidence": one.link}] if one else []


def folded(decision: judging.Decision) -> bool:
    """Say whether an alert is muted only because its open case told the same before."""
    return decision.mute and not decision.judgement.mute


def _gates(judgement: Judgement) -> list[str]:
    return [f"{gate.name}: {gate.says}" for gate in judgement.gates]


def _held_back(policy: Policy) -> str:
    return "the certificate's bound does not hold" if policy.frozen else "its rules may not be muted by themselves"


def _counts(kind: str, decision: judging.Decision, scorer: Scorer) -> str:
    history = _history(decision, scorer) if kind == "HIST" else None
    return f" ({len(history.by)} said so of {history.benign} or more, last {_day(history.last)})" if history else ""


def _lacking(decision: judging.Decision) -> str:
    shape, judgement = decision.seen.shape, decision.judgement
    if shape.actor:
        kinds = ", ".join(judgement.kinds) or "none"
        return f"a person did it: that takes two kinds of evidence, one of them AUTH or WIN; there is {kinds}"
    if judgement.kinds:
        return f"the evidence is {judgement.z * weights.DECIBANS:.0f} decibans, less than {_least()}"
    return f"nobody called it harmless yet, {NEEDED[decision.seen.severity]} times being enough"


def _least() -> str:
    return f"{weights.MUTED_FROM * weights.DECIBANS:.0f}"


def _history(decision: judging.Decision, scorer: Scorer) -> History | None:
    seen = decision.seen
    return scorer.beliefs.source(seen.shape.keys, seen.severity, seen.time, detailed=seen.shape.detailed)


def _day(time: int) -> str:
    return dt.datetime.fromtimestamp(time / 1e6, dt.UTC).date().isoformat()


def contributions(judgement: Judgement, scorer: Scorer) -> dict[str, float]:
    """Return in decibans what history and each feature add to the score."""
    history = round(weights.DECIBANS * weights.logit(judgement.theta), 1)
    return {"history": history, **scorer.weights.parts(judgement.features)}


def suppression(decision: judging.Decision, scorer: Scorer, habit: Habit | None) -> dict[str, Any]:
    """Return what goes with a muted alert for ever: by what it was muted, how long that holds, what would undo it."""
    judgement, history = decision.judgement, _history(decision, scorer)
    ends = [judgement.until] if judgement.until is not None else []
    ends += [history.last + FRESH] if history else []
    return {
        "state": "folded" if folded(decision) else judgement.state,
        "gates": [gate.name for gate in judgement.gates],
        "evidence": list(judgement.urls),
        "kinds": list(judgement.kinds),
        "z": round(judgement.z, 3),
        "contributions": contributions(judgement, scorer),
        "policy": f"{scorer.policy.most}, at most {scorer.policy.alpha:.2%} of campaigns missed",
        "expires": _day(min(ends)) if ends else None,
        "would_be_loud_if": list(REPEATED) if folded(decision) else loud_if(habit, history),
    }


def loud_if(habit: Habit | None, history: History | None) -> list[str]:
    """Return what would make a muted alert loud."""
    most = int(gates.ceiling(habit, habit.hour if habit else 0))
    found = [f"more than {most} in an hour", gates.CHAINED.says, "its signature is called malicious"]
    return [*found, gates.IMAGE.says] if history and history.digests else found

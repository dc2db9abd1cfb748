"""From counts to bits: how much likelier a fact is under attack than by habit.

By habit, a fact's probability is an interpolated Pitman-Yor back-off over the levels of `evidence`

    p(x|h) = (max(w(x) - d, 0) + (t + T) p(x|parent)) / (W + t),   T = sum of min(w, d)

(Teh 2006, "A hierarchical Bayesian language model based on Pitman-Yor processes", eq. 4), from the subject to its
peers, its class, everyone, and at last 1/V: upper levels count subjects, not events (continuation counts, as Kneser-Ney).
Under attack it is q: a mixture of habit and of what attackers are known to do. The evidence is log2(q/p).
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll.detect import evidence

DISCOUNT, STRENGTH = evidence.TAKEN / evidence.UNIT, 1.5
APPLIES = 0.05
"""Share of what an account patches and updates that it may as well create."""
FLOOR = -1.0
"""Least bits of a deed: usual surroundings must not hide an attack in them."""
AT_MOST = {"version": 3.0, "platform": 4.0, "address": 7.0, "from": 10.0, "zone": 12.0, "agent": 10.0}
"""Most bits of what changes by itself: clients are upgraded, machines get other addresses."""
HUMAN_LOOK = 0.03
"""How much of the prior for looking around is left for people, who do that by trade."""
UNHEARD = 1.0
"""Most bits of a namespace where nobody ever did anything: what is worth taking is where others are at work."""
CAP = 4.0
"""Most bits of a request that no attack is known to need."""


class View(NamedTuple):
    """How a verb is weighed: 1/choices is the chance of a value nobody ever showed; q = habit·p + (1 - habit)·novel."""

    choices: int
    habit: float
    novel: float
    group: str
    """source, client and credential are weighed once a story; deed is what was done."""


VIEWS: dict[str, View] = {
    "request": View(300, 0.0, 0.0, "deed"),  # q is the table of what attackers ask for
    "within": View(50, 0.5, 1 / 50, "deed"),
    "touch": View(50, 0.5, 1 / 25, "deed"),
    "outcome": View(3, 0.0, 0.0, "deed"),
    "impersonate": View(200, 0.3, 1 / 10, "deed"),
    "zone": View(24, 0.5, 1 / 12, "source"),
    "from": View(64, 0.5, 1 / 16, "source"),
    "address": View(64, 0.5, 1 / 16, "source"),
    "credential": View(64, 0.5, 1 / 8, "credential"),
    "agent": View(64, 0.5, 1 / 12, "client"),
    "version": View(12, 0.8, 1 / 6, "client"),
    "platform": View(8, 0.7, 1 / 4, "client"),
    "exec": View(1000, 0.2, 1 / 40, "deed"),
    "spawn": View(200, 0.5, 1 / 20, "deed"),
    "read": View(1000, 0.4, 1 / 60, "deed"),
    "write": View(500, 0.4, 1 / 40, "deed"),
    "delete": View(200, 0.5, 1 / 40, "deed"),
    "connect": View(1000, 0.3, 1 / 40, "deed"),
    "listen": View(500, 0.3, 1 / 20, "deed"),
    "accept": View(300, 0.6, 1 / 40, "deed"),
    "resolve": View(1000, 0.4, 1 / 40, "deed"),
    "syscall": View(100, 0.3, 1 / 10, "deed"),
    "rule": View(200, 0.3, 1 / 20, "deed"),
}
"""One view a verb; the test of the vocabulary fails when one is missing."""

_OUTCOME_UNDER_ATTACK = {"denied": 0.35, "error": 0.10, "ok": 0.55}
_SYSTEM_NAMESPACES = ("kube-system", "default", "(cluster)")
_FROM_ANY_CONTEXT = ("within", "outcome")
"""Verbs for which the subject's own habit in any context is asked before its peers'."""


class Sensitive(msgspec.Struct, frozen=True):
    """A request that attackers are known to make."""

    request: str
    prior: float
    tactic: str
    attack: tuple[str, ...]


@functools.cache
def sensitive() -> dict[str, Sensitive]:
    """Return the requests attackers are known to make, with how often among them, tactic and ATT&CK techniques."""
    text = importlib.resources.files("plimsoll.detect").joinpath("sensitive_requests.json").read_bytes()
    return {row.request: row for row in msgspec.json.decode(text, type=list[Sensitive])}


def weigh(counted: pl.DataFrame) -> pl.DataFrame:
    """Return the evidence (from `evidence.evidence`) with columns p (by habit), q (under attack), bits, and approved (by nobody yet).

    That somebody new has a certificate of his own says nothing.
    """
    counted = counted if "granted" in counted.columns else counted.with_columns(granted=pl.lit(0.0))
    frame = counted.join(_views(), on="verb", how="left", maintain_order="left").join(
        _requests(), on=["verb", "object"], how="left", maintain_order="left"
    )
    by_habit, under_attack, bits = _weights()
    frame = frame.with_columns(p=by_habit).with_columns(q=under_attack)
    return frame.with_columns(bits=bits, approved=pl.lit(value=False))


@functools.cache
def _views() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"verb": verb, "choices": view.choices, "habit": view.habit, "unknown": view.novel, "group": view.group}
            for verb, view in VIEWS.items()
        ]
    )


@functools.cache
def _requests() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"verb": "request", "object": row.request, "prior": row.prior, "looking": row.tactic == "discovery"}
            for row in sensitive().values()
        ]
    )


@functools.cache
def _weights() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return p, q and the bits as expressions, each of columns and the ones before: to build them costs as much as to use them."""
    return habit().clip(upper_bound=1.0), _attack(), _bounded((pl.col("q") / pl.col("p")).log(2))


def alone(weighed: pl.DataFrame) -> pl.DataFrame:
    """Return what each act (column `act` beside its weighed facts) says by itself: act, score.

    Surroundings take off one bit a view at most, a name nothing, and a usual deed as much as it is usual.
    """
    bits, deed = pl.col("bits"), pl.col("group") == "deed"
    usual = pl.min_horizontal(bits, (pl.col("q") / pl.col("p")).log(2))
    telling = (
        pl.when(pl.col("verb") == "touch")
        .then(bits.clip(lower_bound=0.0))
        .when(deed & (bits < 0))
        .then(usual)
        .otherwise(bits)
    )
    views = weighed.group_by("act", "group").agg(score=telling.sum())
    floored = pl.when(deed).then(pl.col("score")).otherwise(pl.col("score").clip(lower_bound=FLOOR))
    return views.group_by("act").agg(score=floored.sort_by("group").sum())


def _bounded(bits: pl.Expr) -> pl.Expr:
    """Keep what a fact can say within reason, by what is known of its verb and of who said it."""
    col, verb = pl.col, pl.col("verb")
    usual = pl.when(col("group") == "deed").then(bits.clip(lower_bound=FLOOR)).otherwise(bits)
    harmless = (verb == "request") & col("prior").is_null()
    # An error is a thing that is not there, or a conflict: it happens to everybody.
    # The scheduler decides where a kubelet's pods live, and its authorizer lets it ask for nothing else.
    scheduled = (col("kind") == "node") & verb.is_in(["within", "touch"])
    changing = verb.replace_strict(AT_MOST, default=None, return_dtype=pl.Float64)
    failed = (verb == "outcome") & (col("object") == "error")
    certified = (verb == "credential") & (col("subject_count") == 0)
    unheard = (verb == "within") & (col("heard") == 0) & ~col("object").is_in(_SYSTEM_NAMESPACES)
    return (
        pl.when(harmless)
        .then(usual.clip(upper_bound=CAP))
        .when(scheduled | failed)
        .then(usual.clip(upper_bound=1.0))
        .when(unheard)
        .then(usual.clip(upper_bound=UNHEARD))
        .when(certified)
        .then(0.0)
        .otherwise(pl.min_horizontal(usual, changing))
    )


def habit() -> pl.Expr:
    """The probability of the object by habit, backing off over the levels."""
    col = pl.col
    chance: pl.Expr = pl.max_horizontal(1 / col("choices"), "granted")
    for level in ("everyone", "kind", "peer"):
        chance = _backed(col(f"{level}_shown"), col(f"{level}_total"), DISCOUNT * col(f"{level}_kinds"), chance)
    anywhere = _backed(col("any_shown"), col("any_total"), DISCOUNT * col("any_kinds"), chance)
    chance = pl.when(col("verb").is_in(_FROM_ANY_CONTEXT)).then(anywhere).otherwise(chance)
    unit = evidence.UNIT
    own = _backed(col("own_weight") / unit, col("own_total") / unit, col("own_taken") / unit, chance)
    return own + APPLIES * col("applied_weight") / (col("own_total") + STRENGTH * unit)


def _backed(shown: pl.Expr, total: pl.Expr, taken: pl.Expr, parent: pl.Expr) -> pl.Expr:
    left = (shown - DISCOUNT).clip(lower_bound=0.0)
    return (left + (STRENGTH + taken) * parent) / (total + STRENGTH)


def _attack() -> pl.Expr:
    """The probability of the object under attack."""
    col = pl.col
    system = col("object").is_in(_SYSTEM_NAMESPACES) & (col("verb") == "within")
    novel = pl.when(system).then(0.15).otherwise(col("unknown"))
    human = (col("kind") == "user") & col("looking").fill_null(value=False)
    prior = col("prior").fill_null(0.0) * pl.when(human).then(HUMAN_LOOK).otherwise(1.0)
    outcome = col("object").replace_strict(_OUTCOME_UNDER_ATTACK, default=0.1, return_dtype=pl.Float64)
    return (
        pl.when(col("verb") == "request")
        .then(0.85 * prior + 0.15 / 300)
        .when(col("verb") == "outcome")
        .then(outcome)
        .otherwise(col("habit") * col("p") + (1 - col("habit")) * novel)
    )

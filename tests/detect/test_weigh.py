"""Bits are the logarithm of a real probability: a Pitman-Yor back-off, checked against a slow and simple one."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import engines, facts, frames, tables
from plimsoll.detect import evidence, weigh
from tests import told

TODAY = 20_600
SUBJECTS = ("sa:shop/web", "sa:shop/api", "sa:ci/deployer", "user:ann", "node:n1")
PEERS = {"sa:shop/web": "sa:shop", "sa:shop/api": "sa:shop", "sa:ci/deployer": "sa:ci", "user:ann": "user", "node:n1": "node"}  # fmt: skip
KINDS = {"sa:shop/web": "sa", "sa:shop/api": "sa", "sa:ci/deployer": "sa", "user:ann": "user", "node:n1": "node"}
OBJECTS = ("get pods", "list secrets", "patch deployments.apps", "get /healthz")
NAMESPACES = ("shop", "ci", "kube-system")

Row = tuple[str, str, str, str, int, int]
"""subject, verb, given, object, day, count"""

REQUESTED = st.tuples(
    st.sampled_from(SUBJECTS), st.just("request"), st.just(""), st.sampled_from(OBJECTS), st.integers(0, 150), st.integers(1, 9_000)
)  # fmt: skip
WITHIN = st.tuples(
    st.sampled_from(SUBJECTS), st.just("within"), st.sampled_from(OBJECTS), st.sampled_from(NAMESPACES), st.integers(0, 150), st.integers(1, 9_000)
)  # fmt: skip
AGED = st.lists(REQUESTED | WITHIN, max_size=30, unique_by=lambda row: row[:5])


def table(rows: list[Row]) -> pl.DataFrame:
    return frames.of_rows(
        tables.FACTS,
        [
            {
                "subject": subject,
                "peer": PEERS[subject],
                "verb": verb,
                "given": given,
                "object": what,
                "day": TODAY - age,
                "count": count,
                "first": told.at(days=-age),
                "last": told.at(days=-age),
            }
            for subject, verb, given, what, age, count in rows
        ],
    )


def weighed(profile: list[Row], asked: list[Row]) -> pl.DataFrame:
    levels = evidence.levels(engines.of(table(profile)), TODAY)
    counted = engines.collect(evidence.evidence(engines.of(table(asked)), levels))
    return weigh.weigh(counted)


class Slow:
    """The same probability, from the definition: one level at a time, over dictionaries."""

    def __init__(self, rows: list[Row]) -> None:
        self.own: dict[tuple[str, ...], float] = {}
        days = {subject: {row[4] for row in rows if row[0] == subject} for subject in {row[0] for row in rows}}
        for *fact, age, count in rows:
            spread = max(power for power in (1, 2, 4, 8, 16) if power <= len(days[fact[0]]))
            weight = min(count, evidence.BURST // spread) * 0.5 ** min(age // 14, 8)
            self.own[tuple(fact)] = self.own.get(tuple(fact), 0) + weight

    def p(self, subject: str, verb: str, given: str, what: str) -> float:
        everyone = self.backed(what, self.showing(verb, given, lambda _: True), 1 / weigh.VIEWS[verb].choices)
        kind = self.backed(what, self.showing(verb, given, lambda one: KINDS[one] == KINDS[subject]), everyone)
        parent = self.backed(what, self.showing(verb, given, lambda one: PEERS[one] == PEERS[subject]), kind)
        if verb in ("within", "outcome"):
            contexts: dict[str, float] = {}
            for one, said, _, shown in self.own:
                if (one, said) == (subject, verb):
                    contexts[shown] = contexts.get(shown, 0) + 1
            parent = self.backed(what, contexts, parent)
        own = {key[3]: weight for key, weight in self.own.items() if key[:3] == (subject, verb, given)}
        written = (
            [f"{one} {what.removeprefix('create ')}" for one in ("patch", "update")]
            if what.startswith("create ")
            else []
        )
        applied = sum(own.get(one, 0) for one in written) if verb == "request" else 0
        return self.backed(what, own, parent) + weigh.APPLIES * applied / (sum(own.values()) + weigh.STRENGTH)

    def showing(self, verb, given, among) -> dict[str, float]:
        shown: dict[str, float] = {}
        for subject, said, under, what in self.own:
            if (said, under) == (verb, given) and among(subject):
                shown[what] = shown.get(what, 0) + 1
        return shown

    def backed(self, what: str, shown: dict[str, float], parent: float) -> float:
        d, t = weigh.DISCOUNT, weigh.STRENGTH
        taken = sum(min(weight, d) for weight in shown.values())
        return (max(shown.get(what, 0) - d, 0) + (t + taken) * parent) / (sum(shown.values()) + t)


EVERYTHING = [
    (subject, "request", "", what, 0, 1) for subject in SUBJECTS for what in (*OBJECTS, "never seen")
] + [(subject, "within", given, space, 0, 1) for subject in SUBJECTS for given in OBJECTS for space in (*NAMESPACES, "new")]  # fmt: skip


@given(AGED)
@settings(max_examples=20)
def test_the_probability_by_habit_is_pitman_and_yors(rows):
    slow = Slow(rows)
    for row in weighed(rows, EVERYTHING).iter_rows(named=True):
        wanted = slow.p(row["subject"], row["verb"], row["given"], row["object"])
        assert row["p"] == pytest.approx(wanted, rel=1e-9), row


@given(AGED)
@settings(max_examples=20)
def test_probabilities_are_above_zero_and_sum_to_no_more_than_one(rows):
    found = weighed(rows, EVERYTHING)
    assert (found["p"] > 0).all()
    assert (found["p"] <= 1 + 1e-12).all()
    assert (found["q"] > 0).all()
    assert (found["q"] <= 1).all()
    unseen = pl.col("object").is_in(["never seen", "new"])
    for (verb, _, _), context in found.group_by("verb", "subject", "given"):
        others = weigh.VIEWS[str(verb)].choices - context.filter(~unseen).height
        rest = context.filter(unseen)["p"].item() * others
        assert context.filter(~unseen)["p"].sum() + rest <= 1 + 1e-9


@given(AGED)
@settings(max_examples=8)
def test_bits_are_how_much_likelier_under_attack(rows):
    for row in weighed(rows, EVERYTHING).iter_rows(named=True):
        if row["verb"] != "request" or row["object"] in weigh.sensitive():
            assert row["bits"] == pytest.approx(bounded(row))


def bounded(row: dict[str, object]) -> float:
    """The bits of a request or of a namespace, no lower than the floor, and no more than one of a kubelet's namespace or of one nobody knows."""
    bits = max(math.log2(row["q"] / row["p"]), weigh.FLOOR)
    unheard = row["heard"] == 0 and row["object"] not in ("kube-system", "default", "(cluster)")
    node = row["subject"].startswith("node:")
    return min(bits, 1.0) if row["verb"] == "within" and (node or unheard) else bits


def bits(profile: list[Row], subject: str, verb: str, given: str, what: str) -> float:
    return float(weighed(profile, [(subject, verb, given, what, 0, 1)])["bits"].item())


HABIT: list[Row] = [("sa:shop/web", "request", "", "get pods", age, 40) for age in range(14)]


def test_a_habit_weighs_less_than_nothing_and_a_known_attack_never_seen_weighs_much():
    assert bits(HABIT, "sa:shop/web", "request", "", "get pods") < 0
    assert bits(HABIT, "sa:shop/web", "request", "", "list secrets") > 8


def test_what_no_attack_is_known_to_need_weighs_little_however_new():
    long: list[Row] = [(*row[:4], age, 4_000) for age, row in enumerate(HABIT)]
    assert bits(long, "sa:shop/web", "request", "", "patch widgets.example.com") == weigh.CAP


def test_what_peers_do_weighs_less_than_what_nobody_does():
    others: list[Row] = [("sa:shop/api", "request", "", "list secrets", age, 9) for age in range(9)]
    alone = bits(HABIT, "sa:shop/web", "request", "", "list secrets")
    among_peers = bits(HABIT + others, "sa:shop/web", "request", "", "list secrets")
    elsewhere = [("user:ann", *row[1:]) for row in others]
    assert among_peers < bits(HABIT + elsewhere, "sa:shop/web", "request", "", "list secrets") < alone


def test_a_namespace_where_nobody_ever_was_weighs_little_and_one_of_others_much():
    others: list[Row] = [*HABIT, ("sa:shop/web", "within", "get pods", "shop", 0, 90), ("sa:ci/deployer", "within", "patch deployments.apps", "ci", 0, 40)]  # fmt: skip
    assert bits(others, "sa:shop/web", "within", "get pods", "born-today") == weigh.UNHEARD
    assert bits(others, "sa:shop/web", "within", "get pods", "ci") > weigh.UNHEARD


def test_what_an_act_says_by_itself_is_its_deed_and_where_it_came_from_with_one_bit_off_at_most():
    facts = pl.DataFrame({
        "act": [0, 0, 0, 0, 1],
        "verb": ["request", "touch", "from", "address", "request"],
        "group": ["deed", "deed", "source", "source", "deed"],
        "bits": [3.0, -0.5, -2.0, 0.5, -1.0],
        "q": [0.8, 0.1, 0.1, 0.1, 0.1],
        "p": [0.1, 0.2, 0.4, 0.1, 0.8],
    })  # fmt: skip
    assert dict(weigh.alone(facts).rows()) == {0: 2.0, 1: pytest.approx(-3.0)}


def test_a_habit_long_past_weighs_more_than_a_fresh_one():
    mixed: list[Row] = [*HABIT, ("sa:shop/web", "request", "", "list secrets", 0, 5)]
    faded: list[Row] = [*HABIT, ("sa:shop/web", "request", "", "list secrets", 100, 5)]
    assert bits(mixed, "sa:shop/web", "request", "", "list secrets") < bits(
        faded, "sa:shop/web", "request", "", "list secrets"
    )


def test_that_somebody_new_has_a_certificate_says_nothing():
    known: list[Row] = [("user:ann", "credential", "", "X509SHA256=one", 0, 50)]
    assert bits(known, "node:n1", "credential", "", "X509SHA256=two") == 0
    known.append(("user:ann", "request", "", "get pods", 0, 50))
    assert bits(known, "user:ann", "credential", "", "X509SHA256=two") > 1


def test_every_verb_of_facts_has_a_view():
    assert {verb.name for verbs in facts.VERBS.values() for verb in verbs} == set(weigh.VIEWS)


def test_what_attackers_ask_for_is_spelled_as_facts_say_it():
    for request in weigh.sensitive():
        assert told.said("audit", "request", told.request(request)) == {("", request)}


def test_what_attackers_ask_for_is_a_share_of_all_they_do_with_its_techniques():
    rows = weigh.sensitive().values()
    assert sum(row.prior for row in rows) <= 1.001
    assert all(0 < row.prior < 1 and row.tactic and row.attack for row in rows)

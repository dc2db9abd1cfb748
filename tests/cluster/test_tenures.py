"""Claims become an unbroken line of holders, equal to asking every claim at every moment."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.cluster import tenures

KEYS = st.sampled_from("kl")
Claim = tuple[str, int, int, int, str, int]


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    def one(number: int) -> Claim:
        since = draw(st.just(tenures.ALWAYS) | st.integers(0, 10))
        until = draw(st.just(tenures.STILL) | st.integers(0, 10))
        return draw(KEYS), draw(st.integers(0, 3)), since, until, draw(st.sampled_from("abc")), number

    return [one(number) for number in range(draw(st.integers(0, 8)))]


def frame(made: list[Claim]) -> pl.DataFrame:
    return pl.DataFrame(made, tenures.CLAIMS, orient="row")


def held(made: list[Claim], key: str, time: int) -> int | None:
    """Who holds the key, asked the long way."""
    active = [claim for claim in made if claim[0] == key and claim[2] <= time < claim[3]]
    if not active:
        return None
    rank = max(claim[1] for claim in active)
    best = [claim for claim in active if claim[1] == rank]
    if rank == tenures.FORESEEN:
        return min(best, key=lambda claim: (claim[3], claim[5]))[5]
    since = max(claim[2] for claim in best)
    rivals = {claim[4] for claim in made if claim[:3] == (key, rank, since) and claim[2] < claim[3]}
    return None if len(rivals) > 1 else min((claim[3], claim[5]) for claim in best if claim[2] == since)[1]


@given(claims())
def test_the_holder_is_the_one_that_claims_it_best(made: list[Claim]) -> None:
    asked = [(key, time) for key in "kl" for time in range(-1, 12)]
    found = tenures.holders(
        pl.DataFrame(asked, {"key": pl.String, "time": pl.Int64}, orient="row"), tenures.tenures(frame(made))
    )
    assert found.to_list() == [held(made, key, time) for key, time in asked]


@given(claims())
def test_a_line_of_holders_changes_at_each_of_its_times(made: list[Claim]) -> None:
    for _, line in tenures.tenures(frame(made)).group_by("key"):
        assert line["time"].is_sorted()
        assert (line["claim"].ne_missing(line["claim"].shift())).slice(1).all()


def test_who_asks_without_key_or_time_is_told_nobody() -> None:
    known = tenures.tenures(frame([("k", 1, tenures.ALWAYS, tenures.STILL, "a", 0)]))
    asked = pl.DataFrame([(None, 1), ("k", None), ("k", 1)], {"key": pl.String, "time": pl.Int64}, orient="row")
    assert tenures.holders(asked, known).to_list() == [None, None, 0]


def test_many_claims_on_one_key_are_sorted_out_in_no_time() -> None:
    made = [("k", 1, n, tenures.STILL if n % 2 else n + 5, "a", n) for n in range(100_000)]
    assert tenures.tenures(frame(made)).height <= 200_000

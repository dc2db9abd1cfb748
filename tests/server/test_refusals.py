from __future__ import annotations

from plimsoll.server import refusals


def test_only_a_full_server_says_when_to_come_again() -> None:
    assert refusals.Full("no room", 15).retry_after == 15
    assert {kind("x").retry_after for kind in (refusals.Refused, refusals.TooLarge, refusals.Unauthorised)} == {None}


def test_each_kind_is_counted_under_a_word_of_its_own() -> None:
    kinds = [refusals.Refused, *refusals.Refused.__subclasses__()]
    assert len({kind.kind for kind in kinds}) == len(kinds)

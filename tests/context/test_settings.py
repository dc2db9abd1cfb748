from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from plimsoll.context.settings import Options


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), 10_000, "5"])
def test_an_answer_holds_for_a_sound_time(minutes: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "jira", "minutes": minutes}, Options)


def test_the_time_can_be_shortened_but_not_stretched() -> None:
    usual = timedelta(minutes=5)
    assert Options(kind="x").ttl(usual) == usual
    assert Options(kind="x", minutes=1).ttl(usual) == timedelta(minutes=1)
    assert Options(kind="x", minutes=600).ttl(usual) == usual

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules.events import TYPES, Kinds

kinds = st.builds(lambda names, all_but: Kinds(names, all_but=all_but), st.sets(st.sampled_from("abc")), st.booleans())


def members(some: Kinds) -> set[str]:
    return {name for name in "abcd" if (name in some.names) != some.all_but}


@given(kinds, kinds)
def test_sets_of_kinds_are_sets(one: Kinds, two: Kinds) -> None:
    assert members(one | two) == members(one) | members(two)
    assert members(one & two) == members(one) & members(two)
    assert members(~one) == set("abcd") - members(one)


def test_the_calls_that_rules_speak_of_are_known() -> None:
    assert {"execve", "openat2", "bpf", "userfaultfd", "container", "asyncevent"} <= TYPES
    assert "some_invalid_event" not in TYPES

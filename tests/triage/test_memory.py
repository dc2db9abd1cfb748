"""What is remembered, and what is let go of."""

from __future__ import annotations

import msgspec

from plimsoll.triage import memory
from plimsoll.triage.memory import Case, Memory
from tests.triage.told import DAY, START


def case(id_, state="open", kind="session", last=START):
    return Case(
        id=id_, kind=kind, title="t", workload="w", actor="a", severity="low", first=last, last=last, state=state
    )


def test_a_memory_comes_back_from_bytes_as_it_was():
    past = Memory(cases={"c": case("c")}, loud={"pod": 3}, clock=START)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(past), type=Memory) == past


def test_two_memories_share_nothing():
    one, two = Memory(), Memory()
    one.loud["x"] = 1
    assert two.loud == {}


def test_what_happened_half_an_hour_ago_is_let_go():
    cases = {"now": case("now"), "old": case("old", last=START - DAY), "done": case("done", "judged")}
    audit = case("audit", kind="audit", last=START - DAY)
    past = Memory(
        clock=START,
        cases=cases | {"audit": audit},
        loud={"now": START, "old": START - DAY},
        near={"pod": {"now": START, "old": START - DAY}, "gone": {"old": START - DAY}},
        gaps={"a": START, "b": START - DAY},
        sessions={"1": "now", "2": "old", "3": "done", "4": "audit", "5": "unknown"},
        episodes={START // DAY: 1, START // DAY - 9: 1},
    )
    memory.prune(past)
    assert (past.loud, past.near, past.gaps) == ({"now": START}, {"pod": {"now": START}}, {"a": START})
    assert past.sessions == {"1": "now", "4": "audit"}
    assert list(past.episodes) == [START // DAY]

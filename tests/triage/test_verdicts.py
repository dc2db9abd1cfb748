"""Who may say what, and a log that cannot be changed afterwards."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import errors
from plimsoll.triage import verdicts
from plimsoll.triage.belief import Answer
from plimsoll.triage.memory import Case, Part
from plimsoll.triage.verdicts import Entry
from tests.triage.told import DAY, START

CASE = Case(id="c", kind="session", title="t", workload="w", actor="bob", severity="low", first=START, last=START)


def log(*entries):
    found = []
    for entry in entries:
        found.append(verdicts.chained(entry, found[-1].hash if found else ""))
    return found


def entry(number, *, by="ann", at=START, **more):
    answer = Answer(at, by, "benign", ("1", "2", "3", "4"), 1)
    return Entry(number, at, "now", by, case=f"c{number}", verdict="benign", answers=(answer,), **more)


@pytest.mark.parametrize("by", ["bob", "user:bob", "BOB@acme.io", " bob "])
def test_nobody_judges_himself_however_he_is_written(by):
    assert "himself" in verdicts.refused(CASE, "benign", by, scope=3)
    assert "himself" in verdicts.refused(CASE, "benign", "ann", scope=1, second=by)


@pytest.mark.parametrize("second", ["", "ann", "Ann@acme.io"])
def test_a_wider_scope_takes_a_second_person(second):
    assert "second person" in verdicts.refused(CASE, "benign", "ann", scope=2, second=second)
    assert verdicts.refused(CASE, "benign", "ann", scope=2, second="eve") == ""


def test_a_warning_may_be_as_wide_as_one_person_likes():
    assert verdicts.refused(CASE, "true_positive", "ann", scope=1) == ""


@pytest.mark.parametrize(
    ("verdict", "by", "scope"), [("good", "ann", 3), ("benign", "", 3), ("benign", "ann", 0), ("benign", "ann", 5)]
)
def test_what_is_no_verdict_is_refused(verdict, by, scope):
    assert verdicts.refused(CASE, verdict, by, scope=scope)


@given(st.integers(0, 3), st.sampled_from(["verdict", "by", "at", "case", "note", "scope"]))
def test_a_change_of_the_log_shows(place, field):
    said = log(*(entry(number) for number in range(1, 5)))
    assert verdicts.broken(said) is None
    changed = list(said)
    changed[place] = msgspec.structs.replace(said[place], **{field: 9 if field in ("at", "scope") else "x"})
    assert verdicts.broken(changed) == place + 1


def test_an_entry_taken_out_shows():
    said = log(*(entry(number) for number in range(1, 5)))
    assert verdicts.broken([*said[:1], *said[2:]]) == 3


def test_what_was_undone_teaches_nothing():
    said = log(entry(1), entry(2), Entry(3, START, "now", "eve", undoes=(1,)))
    assert [one.case for one in verdicts.live(said)] == ["c2"]
    assert len(verdicts.answers(said)) == 1


def test_undoing_asks_for_a_person_a_case_or_a_time():
    said = log(entry(1, by="eve"), entry(2, by="ann", at=START + DAY), entry(3, by="eve", at=START + 2 * DAY))
    assert [one.number for one in verdicts.chosen(said, by="Eve@acme.io")] == [1, 3]
    assert [one.number for one in verdicts.chosen(said, by="eve", since=START + 1)] == [3]
    assert [one.number for one in verdicts.chosen(said, until=START + DAY)] == [1, 2]
    assert [one.number for one in verdicts.chosen(said, case="c2")] == [2]
    with pytest.raises(errors.UsageError):
        verdicts.chosen(said)


def test_audits_are_counted_from_the_log():
    said = log(
        entry(1, audited="shell"), Entry(2, START, "now", "ann", case="x", verdict="true_positive", audited="shell")
    )
    assert (verdicts.records(said)["shell"].clean, verdicts.records(said)["shell"].malicious) == (1, 1)


def test_a_preview_counts_what_a_verdict_would_reach():
    def of(id_, key, verdict="", last=START):
        part = Part(keys=("r", "i", "s", key), title="t", rule="r", severity="low", count=10)
        return Case(id_, "signature", "t", key, "", "low", START, last, verdict=verdict, parts={key: part})

    mine, other, bad, old = (
        of("a", "1"),
        of("b", "2"),
        of("c", "3", "true_positive"),
        of("d", "4", last=START - 31 * DAY),
    )
    assert verdicts.preview(mine, [mine, other, bad, old], 3, START) == verdicts.Preview(20, 10, 2)
    assert verdicts.preview(mine, [mine, other, bad, old], 4, START) == verdicts.Preview(0, 0, 0)

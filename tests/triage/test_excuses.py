"""What speaks for a person's act, and every way in which it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from plimsoll import frames, tables
from plimsoll.triage import reading
from plimsoll.triage.excuses import Context
from tests.triage import told
from tests.triage.told import DAY, HOUR, MINUTE, START


def excuses(*statements, usual=True, **row):
    return Context(statements).excuses(reading.of(told.shell(**row)), usual_place=usual)


def test_a_change_of_others_for_this_workload_and_class_is_authority():
    assert excuses(told.ticket()).authority.id == "CHG1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"creator": "bob"},
        {"creator": ""},
        {"approver": "bob"},
        {"approver": ""},
        {"approved": START + 1},
        {"approved": None},
        {"created": None},
        {"created": START - 9 * MINUTE, "approved": START - 8 * MINUTE},
        {"since": START + 1},
        {"until": START - 1},
        {"subjects": ("carol",)},
        {"scope": ()},
        {"scope": ("shop/Deployment/db",)},
        {"scope": ("shop/*",)},
        {"scope": ("*",)},
        {"scope": ("shop/Deployment/we?",)},
        {"allows": ()},
        {"allows": ("file-copy",)},
        {"allows": ("*",)},
        {"edited": START + 1},
        {"fetched": None},
        {"fetched": START - 6 * MINUTE},
    ],
    ids=str,
)
def test_no_other_change_is(wrong):
    assert excuses(told.ticket(**wrong)).authority is None


def test_a_scope_may_leave_the_kind_open():
    assert excuses(told.ticket(scope=("shop/*/web",))).authority


def test_a_scope_that_covers_more_than_the_workload_is_weak():
    assert excuses(told.ticket(scope=("shop/*",))).weak_authority


def test_a_group_may_be_whom_it_speaks_for():
    assert excuses(told.ticket(subjects=("ops",)), groups=["ops"]).authority


def test_a_source_not_heard_in_time_is_named():
    assert excuses(told.ticket(fetched=START - 6 * MINUTE)).stale == ("files",)


def test_an_administrator_needs_a_second_factor_and_his_usual_place():
    assert excuses(told.admin()).identity
    assert excuses(told.admin(), usual=False).identity is None
    assert excuses(told.admin(strong=False)).weak_identity
    assert excuses(told.admin(allows=("file-copy",))).identity is None


@pytest.mark.parametrize(
    "wrong", [{"subjects": ()}, {"subjects": ("carol",)}, {"fetched": START - 6 * MINUTE}, {"creator": "bob"}], ids=str
)
def test_no_other_is_an_administrator(wrong):
    assert excuses(told.admin(**wrong)).identity is None


def test_an_approved_window_that_was_settled_before_it_began_counts():
    assert excuses(told.window(START - HOUR)).window


@pytest.mark.parametrize(
    "wrong",
    [
        {"approver": ""},
        {"approver": "bob"},
        {"edited": None},
        {"edited": START - HOUR - 30 * MINUTE},
        {"edited": START + MINUTE},
        {"scope": ("lab/*",)},
    ],
    ids=str,
)
def test_no_other_window_does(wrong):
    assert excuses(told.window(START - HOUR, **wrong)).window is None


def test_nothing_speaks_for_what_nobody_did():
    assert Context([told.ticket()]).excuses(reading.of(told.noise()), usual_place=True) == ((None,) * 5 + ((),))


def test_a_frame_of_context_says_the_same():
    def at(time):
        return None if time is None else datetime.fromtimestamp(time / 1e6, UTC)

    one = told.ticket()
    row = {name: getattr(one, name, None) for name in tables.names(tables.CONTEXT)}
    row |= {name: at(row[name]) for name in ("created", "approved", "since", "until", "edited", "fetched")}
    row |= {name: list(row[name]) for name in ("subjects", "scope", "allows")}
    context = Context.of(frames.of_rows(tables.CONTEXT, [row]))
    assert context.excuses(reading.of(told.shell()), usual_place=False).authority == one


def test_a_row_of_nothing_but_nulls_says_nothing():
    context = Context.of(
        frames.of_rows(tables.CONTEXT, [{}, {"kind": "ticket"}, {"kind": "window"}, {"kind": "admin"}])
    )
    assert not any(context.excuses(reading.of(told.shell()), usual_place=True)[:5])


def test_a_grant_that_runs_out_in_a_day_counts_as_a_ticket_does():
    assert excuses(told.ticket(kind="grant", until=START + DAY)).authority

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll.context import ical
from plimsoll.context.statements import Said, Silent
from tests.context.said import NOW, at, said
from tests.context.services import Question, Reply, service


def event(*lines: str, uid: str = "a@acme.example") -> str:
    told = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        "ORGANIZER:mailto:Ann@acme.example",
        *lines,
        "END:VEVENT",
    ]
    return "\r\n".join(told)


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//", *events, "END:VCALENDAR", ""])


NIGHTLY = event(
    "SUMMARY:patch night",
    "DTSTART;TZID=Europe/Berlin:20260101T020000",
    "DTEND;TZID=Europe/Berlin:20260101T040000",
    "RRULE:FREQ=WEEKLY;BYDAY=TU",
    "EXDATE;TZID=Europe/Berlin:20260210T020000",
    "CATEGORIES:k8s:shop/Deployment/web,allow:package-management",
    "LAST-MODIFIED:20260102T000000Z",
)


def read(folder: Path, text: str, **options: object) -> Said:
    (folder / "c.ics").write_text(text, newline="")
    return said("ical", file=str(folder / "c.ics"), organizers=["ann@acme.example"], **options)


def test_a_series_is_written_out_without_its_exceptions(tmp_path: Path) -> None:
    told = read(tmp_path, calendar(NIGHTLY)).statements
    assert [f"{one.since:%m-%d %H:%M}" for one in told if one.since] == [
        "02-03 01:00",
        "02-17 01:00",
        "02-24 01:00",
        "03-03 01:00",
    ]
    assert {one.until - one.since for one in told if one.since and one.until} == {timedelta(hours=2)}
    one = told[0]
    assert (one.scope, one.allows) == (("shop/Deployment/web",), ("package-management",))
    assert (one.creator, one.approver, one.edited) == ("ann@acme.example", "ann@acme.example", at("2026-01-02T00:00"))


def test_one_of_a_series_may_be_moved_or_called_off(tmp_path: Path) -> None:
    moved = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260303T020000",
        "DTSTART;TZID=Europe/Berlin:20260304T120000",
        "DTEND;TZID=Europe/Berlin:20260304T130000",
        "CATEGORIES:k8s:shop/Deployment/web",
    )
    off = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260224T020000",
        "DTSTART;TZID=Europe/Berlin:20260224T020000",
        "DTEND;TZID=Europe/Berlin:20260224T030000",
        "CATEGORIES:k8s:shop/Deployment/web",
        "STATUS:CANCELLED",
    )
    told = read(tmp_path, calendar(NIGHTLY, moved, off)).statements
    assert sorted(f"{one.since:%m-%d %H}" for one in told if one.since) == ["02-03 01", "02-17 01", "03-04 11"]


@pytest.mark.parametrize("status", ["TENTATIVE", "CANCELLED"])
def test_a_window_that_is_not_confirmed_is_none(status: str, tmp_path: Path) -> None:
    text = event("DTSTART:20260304T110000Z", "DTEND:20260304T130000Z", f"STATUS:{status}", "CATEGORIES:k8s:shop/web")
    assert read(tmp_path, calendar(text)).statements == []


def test_who_may_not_announce_windows_approves_none(tmp_path: Path) -> None:
    text = event("DTSTART:20260304T110000Z", "DTEND:20260304T130000Z", "CATEGORIES:k8s:shop/web").replace(
        "Ann@", "eve@"
    )
    assert read(tmp_path, calendar(text)).statements[0].approver is None


def test_whole_days_and_times_without_a_zone_are_of_the_zone_that_is_given(tmp_path: Path) -> None:
    text = event("DTSTART;VALUE=DATE:20260304", "DTEND;VALUE=DATE:20260305", "CATEGORIES:k8s:shop/web")
    assert read(tmp_path, calendar(text), zone="Europe/Berlin").statements[0].since == at("2026-03-03T23:00")
    text = event("DTSTART:20260304T110000", "DTEND:20260304T130000", "CATEGORIES:k8s:shop/web")
    assert read(tmp_path, calendar(text), zone="Europe/Berlin").statements[0].since == at("2026-03-04T10:00")


def test_a_calendar_may_be_about_some_workloads_as_a_whole(tmp_path: Path) -> None:
    text = event("DTSTART:20260304T110000Z", "DTEND:20260304T130000Z")
    assert read(tmp_path, calendar(text)).statements == []
    assert read(tmp_path, calendar(text), scope=["shop/*/*"]).statements[0].scope == ("shop/*/*",)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;COUNT=9",
        "FREQ=DAILY;BYHOUR=1,2,3,4,5,6;BYMINUTE=1,2,3,4,5",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=99991231T000000Z",
    ],
)
def test_a_rule_cannot_keep_us_busy(rule: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    bomb = event(
        "DTSTART:20200101T000000Z", "DTEND:20200101T000100Z", f"RRULE:{rule}", "CATEGORIES:k8s:shop/web", uid="b"
    )
    told = read(tmp_path, calendar(*[bomb.replace("UID:b", f"UID:b{n}") for n in range(20)], NIGHTLY))
    assert time.monotonic() - begun < 15
    assert len([one for one in told.statements if "a@acme" in one.id]) in (0, 4)


def test_a_series_from_long_ago_is_told_and_left(tmp_path: Path) -> None:
    told = read(tmp_path, calendar(event("DTSTART:00010101T000000Z", "DTEND:00010101T010000Z", "RRULE:FREQ=DAILY")))
    assert told.statements == []
    assert told.problems


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at_letter=st.integers(0, 600), put=st.text(max_size=5))
def test_a_damaged_calendar_is_silent_or_says_less(at_letter: int, put: str, tmp_path: Path) -> None:
    text = calendar(NIGHTLY)
    try:
        told = read(tmp_path, text[:at_letter] + put + text[at_letter + 2 :])
    except Silent:
        return
    assert len(told.statements) <= 40


def test_a_calendar_is_fetched_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICAL", "s3cr3t")
    seen: list[Question] = []

    def answer(question: Question) -> Reply:
        seen.append(question)
        return Reply(calendar(NIGHTLY).encode())

    with service(answer) as there:
        told = said("ical", url=f"{there.url}/team/windows.ics?key=7", token={"env": "ICAL"})
    assert len(told.statements) == 4
    assert (seen[0].path, seen[0].query) == ("/team/windows.ics", {"key": ["7"]})
    assert seen[0].headers["authorization"] == "Bearer s3cr3t"
    assert NOW - timedelta(days=31) <= min(one.since for one in told.statements if one.since)


def test_a_calendar_that_is_not_there_is_silent() -> None:
    with pytest.raises(Silent, match="No such file"):
        said("ical", file="/nowhere/c.ics")
    assert timedelta(minutes=60) == ical.TTL

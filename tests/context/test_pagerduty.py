from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll import context
from plimsoll.context import pagerduty
from plimsoll.context.statements import Said
from tests.context.said import NOW, PEOPLE, at, said
from tests.context.services import Question, Reply, service


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PD_TOKEN", "s3cr3t")


WEB = {"id": "P1", "type": "service", "name": "web", "summary": "web"}
ANN = {"id": "U1", "type": "user", "summary": "Ann", "email": "ann@acme.example"}


def incident(uid: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": uid,
        "title": "web is down",
        "status": "acknowledged",
        "created_at": "2026-03-04T11:00:00Z",
        "updated_at": "2026-03-04T11:30:00Z",
        "html_url": "https://acme.pagerduty.com/incidents/Q1",
        "service": WEB,
        "assignments": [{"at": "2026-03-04T11:00:00Z", "assignee": ANN}],
        "first_trigger_log_entry": {"type": "trigger_log_entry", "agent": {"id": "P1", "type": "service_reference"}},
        **fields,
    }


WINDOW = {
    "id": "W1",
    "type": "maintenance_window",
    "description": "kernel updates",
    "start_time": "2026-03-04T10:00:00+01:00",
    "end_time": "2026-03-04T14:00:00+01:00",
    "services": [WEB],
    "created_by": ANN,
}


def answering(incidents: list[Any], windows: list[Any], seen: list[Question] | None = None) -> Any:
    def answer(question: Question) -> Reply:
        if seen is not None:
            seen.append(question)
        assert question.headers["authorization"] == "Token token=s3cr3t"
        name, rows = ("incidents", incidents) if question.path == "/incidents" else ("maintenance_windows", windows)
        offset, limit = int(question.query["offset"][0]), int(question.query["limit"][0])
        more = offset + limit < len(rows)
        return Reply(
            {name: rows[offset : offset + limit], "limit": limit, "offset": offset, "more": more, "total": None}
        )

    return answer


def asked(incidents: list[Any], windows: list[Any], seen: list[Question] | None = None, **options: Any) -> Said:
    with service(answering(incidents, windows, seen)) as there:
        given = {"url": there.url, "token": {"env": "PD_TOKEN"}, "services": {"P1": ["shop/*/web"]}, **options}
        return said("pagerduty", **given)


def test_an_incident_is_a_ticket_of_whoever_is_at_work_on_it() -> None:
    seen: list[Question] = []
    told = asked([incident("Q1")], [], seen).statements[0]
    assert (told.kind, told.subjects, told.creator, told.approver) == (
        "ticket",
        ("ann@acme.example",),
        "pagerduty:P1",
        None,
    )
    assert seen[0].query["statuses[]"] == ["triggered", "acknowledged"]
    assert seen[0].query["service_ids[]"] == ["P1"]
    assert seen[1].query["filter"] == ["ongoing"]


def test_an_incident_that_its_worker_opened_says_so() -> None:
    told = asked([incident("Q1", first_trigger_log_entry={"agent": ANN})], []).statements[0]
    assert told.creator == "ann@acme.example"


def test_an_incident_that_is_over_says_nothing() -> None:
    assert asked([incident("Q1", status="resolved")], []).statements == []


def test_a_window_is_approved_by_those_the_configuration_trusts() -> None:
    assert asked([], [WINDOW]).statements[0].approver is None
    told = asked([], [WINDOW], approvers=["ann@acme.example"]).statements[0]
    assert (told.approver, told.since) == ("ann@acme.example", at("2026-03-04T09:00"))


def test_a_window_counts_as_changed_when_it_was_first_seen_so(tmp_path: Path) -> None:
    windows = [dict(WINDOW)]
    with service(answering([], windows)) as there:
        source = {"kind": "pagerduty", "url": there.url, "token": {"env": "PD_TOKEN"}, "people": PEOPLE}
        (tmp_path / "c.json").write_bytes(
            msgspec.json.encode({"sources": [source | {"services": {"P1": ["shop/*/web"]}}]})
        )
        sources, later = context.Sources(tmp_path / "c.json"), NOW + timedelta(minutes=10)
        assert sources.read(NOW).frame["edited"].to_list() == [NOW]
        assert sources.read(later).frame["edited"].to_list() == [NOW]
        windows[0]["end_time"] = "2026-03-04T20:00:00+01:00"
        assert sources.read(later + timedelta(minutes=5)).frame["edited"].to_list() == [later + timedelta(minutes=5)]


def test_all_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerduty, "PAGE", 2)
    assert len(asked([incident(f"Q{n}") for n in range(5)], []).statements) == 5
    monkeypatch.setattr(pagerduty, "PAGES", 2)
    told = asked([incident(f"Q{n}") for n in range(5)], [])
    assert (len(told.statements), len(told.problems)) == (4, 1)


def test_a_broken_record_spoils_no_other() -> None:
    told = asked([{"id": 7}, incident("Q2")], [{"id": "W", "services": "x"}])
    assert [one.id for one in told.statements] == ["Q2"]
    assert len(told.problems) == 2

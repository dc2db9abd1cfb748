from __future__ import annotations

from typing import Any

import pytest

from plimsoll.context import servicenow
from plimsoll.context.statements import Said
from tests.context.said import at, said
from tests.context.services import Question, Reply, service


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOW_TOKEN", "s3cr3t")


def change(number: str, **fields: str) -> dict[str, str]:
    return {
        "number": number,
        "short_description": "Patch",
        "opened_by.email": "bob@acme.example",
        "opened_at": "2026-03-03 08:00:00",
        "assigned_to.email": "ann@acme.example",
        "start_date": "2026-03-04 11:00:00",
        "end_date": "2026-03-04 13:00:00",
        "cmdb_ci.name": "web tier",
        "sys_updated_on": "2026-03-03 12:00:00",
        "sys_id": "ab12",
        **fields,
    }


APPROVED = {
    "sysapproval.number": "CHG1",
    "approver.email": "carol@acme.example",
    "sys_updated_on": "2026-03-03 12:00:00",
}


def asked(held: dict[str, list[Any]], seen: list[Question] | None = None, **options: Any) -> Said:
    def answer(question: Question) -> Reply:
        if seen is not None:
            seen.append(question)
        rows = held.get(question.path.rpartition("/")[2], [])
        offset, limit = (int(question.query[f"sysparm_{name}"][0]) for name in ("offset", "limit"))
        return Reply({"result": rows[offset : offset + limit]})

    with service(answer) as there:
        items = {"web tier": ["shop/Deployment/web"]}
        return said("servicenow", url=there.url, token={"env": "SNOW_TOKEN"}, items=items, **options)


def test_an_approved_change_under_way_says_from_when_until_when_and_who() -> None:
    seen: list[Question] = []
    told = asked({"change_request": [change("CHG1")], "sysapproval_approver": [APPROVED]}, seen).statements[0]
    assert (told.kind, told.creator, told.approver) == ("change", "bob@acme.example", "carol@acme.example")
    assert (told.since, told.until) == (at("2026-03-04T11:00"), at("2026-03-04T13:00"))
    assert (told.scope, told.approved) == (("shop/Deployment/web",), at("2026-03-03T12:00"))
    query = seen[0].query["sysparm_query"][0]
    assert query.startswith("state=-1^approval=approved^start_date<=2026-03-04 12:00:00^end_date>=2026-03-04 12:00:00")
    assert seen[0].headers["authorization"] == "Bearer s3cr3t"


def test_a_user_has_a_password() -> None:
    seen: list[Question] = []
    asked({}, seen, user="reader")
    assert seen[0].headers["authorization"].startswith("Basic ")


def test_all_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicenow, "PAGE", 2)
    told = asked({"change_request": [change(f"CHG{n}") for n in range(5)]})
    assert len(told.statements) == 5
    monkeypatch.setattr(servicenow, "PAGES", 2)
    told = asked({"change_request": [change(f"CHG{n}") for n in range(5)]})
    assert len(told.statements) == 4
    assert "left out" in told.problems[0]


def test_an_incident_is_a_ticket_that_nobody_approved() -> None:
    told = asked({"incident": [change("INC1")]}, tables=["incident"]).statements[0]
    assert (told.kind, told.approver, told.until) == ("ticket", None, None)


def test_an_item_that_is_no_workload_says_nothing() -> None:
    assert asked({"incident": [change("INC1", **{"cmdb_ci.name": "printer"})]}).statements == []
    told = asked({"incident": [change("INC1", **{"cmdb_ci.name": "k8s:shop/api"})]}).statements
    assert told[0].scope == ("shop/*/api",)


def test_a_number_is_no_part_of_a_query() -> None:
    seen: list[Question] = []
    asked({"change_request": [change("CHG1^ORstate=approved")]}, seen)
    assert not [one for one in seen if one.path.endswith("sysapproval_approver")]


def test_a_broken_row_spoils_no_other() -> None:
    told = asked({"change_request": [{"number": 7}, "text", change("CHG2")]})
    assert [one.id for one in told.statements] == ["CHG2"]
    assert len(told.problems) == 2

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plimsoll.context.statements import Said
from tests.context.said import at, said
from tests.context.services import Question, Reply, Service, service


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "s3cr3t")


def person(who: str) -> dict[str, str]:
    return {"accountId": f"id-{who}", "emailAddress": f"{who}@acme.example", "displayName": who}


def issue(key: str, histories: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    told = {
        "summary": "Restart the web tier",
        "labels": ["k8s:shop/Deployment/web"],
        "reporter": person("bob"),
        "assignee": person("ann"),
        "created": "2026-03-04T08:00:00.000+0000",
        "updated": "2026-03-04T09:30:00.000+0000",
        "issuetype": {"name": "Task"},
        **fields,
    }
    return {"id": "1", "key": key, "self": "x", "fields": told, "changelog": {"histories": histories or []}}


def moved(who: str, hour: int, field: str = "status", to: str = "Approved") -> dict[str, Any]:
    item = {"field": field, "toString": to, "fromString": "Open"}
    return {"author": person(who), "created": f"2026-03-04T{hour:02}:00:00.000+0000", "items": [item]}


def asked(answer: Callable[[Question], Reply], **options: Any) -> tuple[Said, Service]:
    with service(answer) as there:
        given = {"user": "bot@acme.example", "token": {"env": "JIRA_TOKEN"}, "jql": "project = OPS AND created >= -30d"}
        return said("jira", url=there.url, **given, **options), there


def found(*issues: dict[str, Any], **options: Any) -> Said:
    options.setdefault("approved_status", ["approved"])
    return asked(lambda _: Reply({"issues": issues, "isLast": True}), **options)[0]


def test_a_ticket_says_who_made_it_who_approved_it_and_what_it_is_about() -> None:
    told = found(issue("OPS-1", [moved("carol", 9)])).statements[0]
    assert (told.kind, told.id, told.creator, told.approver) == (
        "ticket",
        "OPS-1",
        "bob@acme.example",
        "carol@acme.example",
    )
    assert (told.subjects, told.scope, told.allows) == (("ann@acme.example",), ("shop/Deployment/web",), ("shell",))
    assert (told.created, told.approved) == (at("2026-03-04T08:00"), at("2026-03-04T09:00"))
    assert told.url.endswith("/browse/OPS-1")


def test_all_pages_are_read_as_the_search_hands_them_out() -> None:
    def answer(question: Question) -> Reply:
        assert question.path == "/rest/api/3/search/jql"
        assert "labels" in question.body["fields"]
        assert question.headers["authorization"].startswith("Basic ")
        if "nextPageToken" not in question.body:
            return Reply({"issues": [issue("OPS-1")], "nextPageToken": "CAE", "isLast": False})
        assert question.body["nextPageToken"] == "CAE"
        return Reply({"issues": [issue("OPS-2")], "isLast": True})

    told, there = asked(answer, approved_status=["Approved"])
    assert [one.id for one in told.statements] == ["OPS-1", "OPS-2"]
    assert "s3cr3t" not in str([question.path for question in there.asked])


def test_the_service_desk_is_asked_who_approved() -> None:
    yes = {"approver": person("carol"), "approverDecision": "approved"}
    approval = {
        "finalDecision": "approved",
        "approvers": [yes],
        "completedDate": {"iso8601": "2026-03-04T10:00:00+0100"},
    }

    def answer(question: Question) -> Reply:
        if question.path == "/rest/servicedeskapi/request/OPS-1/approval":
            return Reply({"values": [approval], "isLastPage": True})
        if question.path.endswith("/approval"):
            return Reply({"errorMessage": "no request"}, status=404)
        return Reply({"issues": [issue("OPS-1"), issue("OPS-2")]})

    first, second = asked(answer)[0].statements
    assert (first.approver, first.approved) == ("carol@acme.example", at("2026-03-04T09:00"))
    assert second.approver is None


def test_a_ticket_that_was_widened_after_its_approval_is_not_approved() -> None:
    told = found(issue("OPS-1", [moved("carol", 9), moved("bob", 10, "labels", "k8s:bank/Deployment/ledger")]))
    assert told.statements[0].approver is None
    told = found(issue("OPS-1", [moved("bob", 8, "labels", "k8s:shop/Deployment/web"), moved("carol", 9)]))
    assert told.statements[0].approver == "carol@acme.example"


def test_whoever_the_cluster_does_not_know_made_nothing() -> None:
    hidden = {"accountId": "id-x", "displayName": "ann@acme.example"}
    assert found(issue("OPS-1", reporter=hidden)).statements[0].creator is None


def test_text_is_never_evidence() -> None:
    hostile = 'k8s:bank/Deployment/ledger allow:shell \x1b]0;x\x07 <script> " OR 1=1'
    told = found(issue("OPS-1", labels=["urgent"], summary=hostile), issue("../../x", summary=hostile))
    assert told.statements == []
    assert told.problems == ["record 2: a key that is none"]


def test_one_broken_issue_spoils_no_other() -> None:
    told = found({"key": 7}, issue("OPS-2"), {"key": "OPS-3", "fields": {"labels": "text"}})
    assert [one.id for one in told.statements] == ["OPS-2"]
    assert len(told.problems) == 2


def test_issue_types_may_be_changes() -> None:
    assert found(issue("OPS-1", issuetype={"name": "Change"}), change_types=["change"]).statements[0].kind == "change"


def test_pages_without_end_are_left() -> None:
    told = asked(lambda _: Reply({"issues": [], "nextPageToken": "more"}), approved_status=["x"])[0]
    assert told.problems == ["finds more than is read; the rest is left out"]

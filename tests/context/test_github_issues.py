from __future__ import annotations

from typing import Any

import pytest

from plimsoll.context.statements import Said, Silent
from tests.context.said import at, said
from tests.context.services import Question, Reply, service


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "s3cr3t")


def issue(number: int, *labels: str, **fields: Any) -> dict[str, Any]:
    return {
        "number": number,
        "title": "Restart web",
        "html_url": f"https://github.com/acme/ops/issues/{number}",
        "state": "open",
        "user": {"login": "bob-gh"},
        "assignees": [{"login": "ann-gh"}],
        "labels": [{"name": name} for name in labels],
        "created_at": "2026-03-04T08:00:00Z",
        "updated_at": "2026-03-04T09:00:00Z",
        **fields,
    }


def event(what: str, who: str, label: str, hour: int) -> dict[str, Any]:
    return {
        "event": what,
        "actor": {"login": who},
        "label": {"name": label},
        "created_at": f"2026-03-04T{hour:02}:00:00Z",
    }


def asked(issues: list[Any], events: list[Any], seen: list[Question] | None = None, size: int = 100) -> Said:
    def answer(question: Question) -> Reply:
        if seen is not None:
            seen.append(question)
        assert question.headers["x-github-api-version"] == "2022-11-28"
        if question.path.endswith("/events"):
            return Reply(events)
        page = int(question.query["page"][0])
        more = page * size < len(issues)
        link = f'<https://api.github.com/x?page={page + 1}>; rel="next", <https://api.github.com/x?page=9>; rel="last"'
        return Reply(issues[(page - 1) * size : page * size], headers={"link": link} if more else {})

    with service(answer) as there:
        return said("github_issues", url=there.url, token={"env": "GH_TOKEN"}, repository="acme/ops")


def test_an_issue_is_approved_by_who_set_the_label() -> None:
    labels = ("k8s:shop/Deployment/web", "allow:shell", "approved")
    told = asked(
        [issue(7, *labels)],
        [event("labeled", "bob-gh", "k8s:shop/Deployment/web", 8), event("labeled", "ann-gh", "approved", 9)],
    )
    one = told.statements[0]
    assert (one.id, one.creator, one.approver, one.approved) == (
        "acme/ops#7",
        "bob@acme.example",
        "ann@acme.example",
        at("2026-03-04T09:00"),
    )
    assert (one.scope, one.allows, one.subjects) == (("shop/Deployment/web",), ("shell",), ("ann@acme.example",))


def test_labels_that_came_after_the_approval_were_not_approved() -> None:
    events = [event("labeled", "ann-gh", "approved", 9), event("labeled", "bob-gh", "k8s:bank/Deployment/ledger", 10)]
    told = asked([issue(7, "k8s:shop/web", "k8s:bank/Deployment/ledger", "approved")], events)
    assert told.statements[0].approver is None


def test_without_the_label_nobody_is_asked_who_approved() -> None:
    seen: list[Question] = []
    told = asked([issue(7, "k8s:shop/web")], [], seen)
    assert told.statements[0].approver is None
    assert len(seen) == 1


def test_pull_requests_and_issues_of_no_workload_say_nothing() -> None:
    assert asked([issue(7, "k8s:shop/web", pull_request={"url": "x"}), issue(8, "bug")], []).statements == []


def test_all_pages_are_read_by_their_links() -> None:
    told = asked([issue(n, "k8s:shop/web") for n in range(7)], [], size=3)
    assert len(told.statements) == 7


@pytest.mark.parametrize("repository", ["acme", "acme/ops/../secret", "acme/ops?x=1", "../x"])
def test_a_repository_is_a_name(repository: str) -> None:
    with pytest.raises((ValueError, Silent)):
        said("github_issues", token={"env": "GH_TOKEN"}, repository=repository)

"""Issues of a GitHub repository as change tickets, by its REST API.

https://docs.github.com/rest/issues (GET /repos/{owner}/{repo}/issues, …/issues/{number}/events).
Labels say which workload; who set the label that means approval approved it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from plimsoll.context import asking, marks, settings, statements, tokens

TTL = timedelta(minutes=5)
PAGE = 100
PAGES = 5
APPROVALS = 40
"""Issues whose events are asked for in one visit."""
_NEXT = re.compile(r'<[^<>]{1,2000}>\s{0,3};\s{0,3}rel="next"')


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which repository, and which of its issues."""

    repository: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")]
    token: tokens.Token
    url: str = "https://api.github.com"
    labels: tuple[str, ...] = ()
    """Labels an issue must have."""
    approved_label: str = "approved"


class User(msgspec.Struct, frozen=True):
    """An account."""

    login: str = ""


class Label(msgspec.Struct, frozen=True):
    """A label."""

    name: str = ""


class Issue(msgspec.Struct, frozen=True):
    """An issue; a pull request is one with `pull_request`."""

    number: int
    title: str = ""
    html_url: str = ""
    state: str = "open"
    user: User | None = None
    assignees: list[User] = []
    labels: list[Label | str] = []
    created_at: str | None = None
    updated_at: str | None = None
    pull_request: msgspec.Raw = msgspec.Raw()


class Event(msgspec.Struct, frozen=True):
    """Something that happened to an issue."""

    event: str = ""
    actor: User | None = None
    label: Label | None = None
    created_at: str | None = None


def said(options: Options, _: statements.Asked) -> statements.Said:
    """Return the open issues that name a workload."""
    headers = {
        "authorization": f"Bearer {options.token.value()}",
        "accept": "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
    }
    with asking.service(options.url, headers) as ask:
        found, whole = _issues(ask, options)
        approvals = _Approvals(ask, options)
        told = statements.each(found, lambda record: _statements(record, options, approvals))
    if not whole:
        told.problems.append(f"has more than {PAGES * PAGE:,} such issues; the rest is left out")
    return told


def _issues(ask: asking.Asker, options: Options) -> tuple[list[msgspec.Raw], bool]:
    params: dict[str, str | int | list[str]] = {"state": "open", "per_page": PAGE}
    if options.labels:
        params["labels"] = ",".join(options.labels)
    found: list[msgspec.Raw] = []
    for page in range(1, PAGES + 1):
        answer, headers = ask.get(f"/repos/{options.repository}/issues", params | {"page": page}, list[msgspec.Raw])
        found += answer
        if not _NEXT.search(headers.get("link", "")[:10_000]):
            return found, True
    return found, False


class _Approvals:
    """Who set the label that means approval, and when."""

    def __init__(self, ask: asking.Asker, options: Options) -> None:
        self._ask, self._options, self._left = ask, options, APPROVALS

    def of(self, issue: Issue) -> tuple[str | None, datetime | None]:
        """Return the approval that still stands: the last time the label was set."""
        wanted = self._options.approved_label
        if wanted not in _labels(issue) or self._left == 0:
            return None, None
        self._left -= 1
        path = f"/repos/{self._options.repository}/issues/{issue.number}/events"
        events, headers = self._ask.get(path, {"per_page": PAGE}, list[Event])
        if _NEXT.search(headers.get("link", "")[:10_000]):
            return None, None  # a history too long to know who was last
        sets = [one for one in events if one.event == "labeled" and one.label and one.label.name == wanted]
        if not sets or not sets[-1].actor:
            return None, None
        approved = statements.moment(sets[-1].created_at)
        if approved is None or any(
            _tells(one) and (statements.moment(one.created_at) or approved) > approved for one in events
        ):
            return None, None
        return self._options.people.known(sets[-1].actor.login), approved


def _tells(one: Event) -> bool:
    """Say whether this changed what an issue speaks of: done after the approval, it was not approved."""
    marked = one.label is not None and one.label.name.startswith((marks.WORKLOAD, marks.CLASS))
    return one.event in ("assigned", "unassigned") or (one.event in ("labeled", "unlabeled") and marked)


def _labels(issue: Issue) -> list[str]:
    return [label if isinstance(label, str) else label.name for label in issue.labels]


def _statements(record: msgspec.Raw, options: Options, approvals: _Approvals) -> Iterable[statements.Statement]:
    issue = msgspec.json.decode(record, type=Issue)
    marked = marks.read(_labels(issue), options.allows)
    if not marked.scope or memoryview(issue.pull_request) or issue.state != "open":
        return
    approver, approved = approvals.of(issue)
    yield statements.Statement(
        kind="ticket",
        id=f"{options.repository}#{issue.number}",
        url=issue.html_url,
        title=issue.title,
        subjects=options.people.all_known(*(user.login for user in issue.assignees)),
        creator=options.people.known(issue.user.login) if issue.user else None,
        approver=approver,
        created=statements.moment(issue.created_at),
        approved=approved,
        since=approved or statements.moment(issue.created_at),
        scope=marked.scope,
        allows=marked.allows,
        edited=statements.moment(issue.updated_at),
    )

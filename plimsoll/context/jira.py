"""Tickets of Jira Cloud: search by JQL, and who approved what.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/ (POST /rest/api/3/search/jql).
The approval is that of a service desk, or who moved the issue to a status that means it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from plimsoll.context import asking, marks, settings, statements, tokens

TTL = timedelta(minutes=5)
FIELDS = ["summary", "labels", "reporter", "creator", "assignee", "created", "updated", "issuetype"]
TELLING = frozenset({"labels", "reporter", "assignee"})
"""Fields that say whom a ticket is about: changed after the approval, they were not approved."""
PAGE = 50
APPROVALS = 30
"""Service desk approvals asked for in one visit; further tickets stay without."""


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the tickets are, and which of them speak of work on the cluster."""

    url: str
    user: str
    token: tokens.Token
    jql: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    """Must be bounded, as Jira wants it: `project = OPS AND statusCategory != Done AND created >= -30d`."""
    approved_status: tuple[str, ...] = ()
    """Names of statuses that mean approval; without any the service desk is asked."""
    change_types: tuple[str, ...] = ()
    """Names of issue types that are changes; the others are tickets."""


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """A user of Jira; the e-mail address is there only where its owner shows it."""

    account_id: str = ""
    email_address: str | None = None


class Named(msgspec.Struct, frozen=True):
    """An issue type."""

    name: str = ""


class Fields(msgspec.Struct, frozen=True):
    """What is asked of an issue."""

    summary: str | None = None
    issuetype: Named | None = None
    labels: tuple[str, ...] = ()
    reporter: Account | None = None
    creator: Account | None = None
    assignee: Account | None = None
    created: str | None = None
    updated: str | None = None


class Item(msgspec.Struct, frozen=True, rename={"to": "toString"}):
    """One field that was changed."""

    field: str = ""
    to: str | None = None


class History(msgspec.Struct, frozen=True):
    """One change to an issue."""

    author: Account | None = None
    created: str | None = None
    items: list[Item] = []


class Changelog(msgspec.Struct, frozen=True):
    """All changes."""

    histories: list[History] = []


class Issue(msgspec.Struct, frozen=True):
    """An issue as the search gives it."""

    key: str
    fields: Fields
    changelog: Changelog = Changelog()


class Page(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the search; issues one by one, so that a broken one spoils no other."""

    issues: list[msgspec.Raw] = []
    next_page_token: str | None = None


class Stamp(msgspec.Struct, frozen=True):
    """A date of the service desk."""

    iso8601: str | None = None


class Decision(msgspec.Struct, frozen=True, rename="camel"):
    """What one approver said."""

    approver: Account = Account()
    approver_decision: str = ""


class Approval(msgspec.Struct, frozen=True, rename="camel"):
    """One approval of a request."""

    final_decision: str = ""
    approvers: list[Decision] = []
    completed_date: Stamp | None = None


class Approvals(msgspec.Struct, frozen=True):
    """GET /rest/servicedeskapi/request/{key}/approval."""

    values: list[Approval] = []


Approved = tuple[str | None, datetime | None]


def said(options: Options, _: statements.Asked) -> statements.Said:
    """Return the tickets that the query finds."""
    with asking.service(options.url, basic=(options.user, options.token.value())) as ask:
        found, whole = _found(ask, options)
        approvals = _Approvals(ask, options)
        told = statements.each(found, lambda issue: _statements(issue, options, approvals))
    if not whole:
        told.problems.append("finds more than is read; the rest is left out")
    return told


def _found(ask: asking.Asker, options: Options) -> tuple[list[msgspec.Raw], bool]:
    found: list[msgspec.Raw] = []
    question: dict[str, object] = {
        "jql": options.jql,
        "fields": FIELDS,
        "maxResults": PAGE,
        "expand": "changelog",
    }
    for _ in range(asking.MOST - APPROVALS):
        page = ask.post("/rest/api/3/search/jql", question, Page)
        found += page.issues
        if not page.next_page_token:
            return found, True
        question["nextPageToken"] = page.next_page_token
    return found, False


class _Approvals:
    """Who approved an issue, and when."""

    def __init__(self, ask: asking.Asker, options: Options) -> None:
        self._ask, self._options, self._left = ask, options, APPROVALS

    def of(self, issue: Issue) -> Approved:
        """Return the last approval, unless what was approved is no longer what the ticket says."""
        approver, approved = self._last(issue)
        return (None, None) if approved and _altered(issue, approved) else (approver, approved)

    def _last(self, issue: Issue) -> Approved:
        if self._options.approved_status:
            return _moved(issue, self._options)
        if self._left == 0:
            return None, None
        self._left -= 1
        try:
            told, _ = self._ask.get(f"/rest/servicedeskapi/request/{_key(issue.key)}/approval", {}, Approvals)
        except statements.Silent as silent:
            if "HTTP 404" in str(silent):  # an issue that is no request of a service desk
                return None, None
            raise
        return _decided(told.values, self._options)


def _key(key: str) -> str:
    """Return an issue's key where it is one: it becomes part of a path."""
    if not key.replace("-", "").replace("_", "").isalnum() or len(key) > 255:
        raise ValueError("a key that is none")
    return key


def _altered(issue: Issue, approved: datetime) -> bool:
    """Say whether after its approval a ticket was made to speak of something or somebody else."""
    later = [one for one in issue.changelog.histories if (statements.moment(one.created) or approved) > approved]
    return any(item.field in TELLING for one in later for item in one.items)


def _decided(approvals: Iterable[Approval], options: Options) -> Approved:
    for one in reversed([one for one in approvals if one.final_decision.casefold() == "approved"]):
        yes = [said.approver for said in one.approvers if said.approver_decision.casefold() == "approved"]
        for account in yes:
            if name := _name(account, options):
                return name, statements.moment(one.completed_date.iso8601 if one.completed_date else None)
    return None, None


def _moved(issue: Issue, options: Options) -> Approved:
    wanted = {name.casefold() for name in options.approved_status}
    last: Approved = (None, None)
    for history in sorted(issue.changelog.histories, key=lambda one: one.created or ""):
        if any(item.field == "status" and (item.to or "").casefold() in wanted for item in history.items):
            last = _name(history.author, options), statements.moment(history.created)
    return last


def _statements(record: msgspec.Raw, options: Options, approvals: _Approvals) -> Iterable[statements.Statement]:
    issue = msgspec.json.decode(record, type=Issue)
    fields = issue.fields
    marked = marks.read(fields.labels, options.allows)
    if not marked.scope:
        return  # it speaks of no workload
    approver, approved = approvals.of(issue)
    changes = {name.casefold() for name in options.change_types}
    yield statements.Statement(
        kind="change" if fields.issuetype and fields.issuetype.name.casefold() in changes else "ticket",
        id=issue.key,
        url=f"{options.url.rstrip('/')}/browse/{_key(issue.key)}",
        title=fields.summary or "",
        subjects=tuple(name for name in [_name(fields.assignee, options)] if name),
        creator=_name(fields.reporter or fields.creator, options),
        approver=approver,
        created=statements.moment(fields.created),
        approved=approved,
        since=approved or statements.moment(fields.created),
        scope=marked.scope,
        allows=marked.allows,
        edited=statements.moment(fields.updated),
    )


def _name(account: Account | None, options: Options) -> str | None:
    return options.people.known(account.account_id, account.email_address) if account else None

"""Changes being carried out and open incidents of ServiceNow, by its Table API.

https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
A change counts while its state is Implement (-1), it is approved, and the clock is between its dates.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from plimsoll.context import asking, marks, settings, statements, tokens

TTL = timedelta(minutes=5)
PAGE = 200
PAGES = 10
CHANGE = "number,short_description,opened_by.email,opened_at,assigned_to.email,start_date,end_date,cmdb_ci.name,sys_updated_on,sys_id"
INCIDENT = "number,short_description,opened_by.email,opened_at,assigned_to.email,cmdb_ci.name,sys_updated_on,sys_id"
APPROVAL = "sysapproval.number,approver.email,sys_updated_on"
IMPLEMENT, CLOSED = "-1", "6,7,8"


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is, and which configuration items are which workloads."""

    url: str
    token: tokens.Token
    user: str = ""
    """With a user the credential is his password, without one a bearer token."""
    items: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Workload globs by the name of the configuration item; an item called `k8s:ns/name` needs no entry."""
    tables: tuple[Literal["change_request", "incident"], ...] = ("change_request", "incident")


class Record(msgspec.Struct, frozen=True):
    """A row of a table, fields as text; an empty one is absent."""

    number: str
    short_description: str = ""
    opened_by: str = msgspec.field(default="", name="opened_by.email")
    opened_at: str = ""
    assigned_to: str = msgspec.field(default="", name="assigned_to.email")
    start_date: str = ""
    end_date: str = ""
    item: str = msgspec.field(default="", name="cmdb_ci.name")
    sys_updated_on: str = ""
    sys_id: str = ""


class Approval(msgspec.Struct, frozen=True):
    """A row of sysapproval_approver."""

    number: str = msgspec.field(default="", name="sysapproval.number")
    approver: str = msgspec.field(default="", name="approver.email")
    sys_updated_on: str = ""


class Rows(msgspec.Struct, frozen=True):
    """An answer of the Table API."""

    result: list[msgspec.Raw]


Approvals = dict[str, tuple[str, datetime | None]]


def said(options: Options, asked: statements.Asked) -> statements.Said:
    """Return the changes that are under way now, and the incidents that are open."""
    now = f"{asked.now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    told = statements.Said([], [])
    with _service(options) as ask:
        if "change_request" in options.tables:
            query = f"state={IMPLEMENT}^approval=approved^start_date<={now}^end_date>={now}"
            rows = _rows(ask, "change_request", query, CHANGE, told)
            approvals = _approvals(ask, [_number(row) for row in rows], options, told)
            told.add(statements.each(rows, lambda row: _change(row, options, approvals)))
        if "incident" in options.tables:
            rows = _rows(ask, "incident", f"active=true^stateNOT IN{CLOSED}", INCIDENT, told)
            told.add(statements.each(rows, lambda row: _incident(row, options)))
    return told


def _service(options: Options) -> AbstractContextManager[asking.Asker]:
    token = options.token.value()
    if options.user:
        return asking.service(options.url, basic=(options.user, token))
    return asking.service(options.url, {"authorization": f"Bearer {token}"})


def _rows(ask: asking.Asker, table: str, query: str, fields: str, told: statements.Said) -> list[msgspec.Raw]:
    rows: list[msgspec.Raw] = []
    for page in range(PAGES):
        params: asking.Params = {
            "sysparm_query": f"{query}^ORDERBYsys_id",
            "sysparm_fields": fields,
            "sysparm_display_value": "false",
            "sysparm_exclude_reference_link": "true",
            "sysparm_limit": PAGE,
            "sysparm_offset": page * PAGE,
        }
        answer, _ = ask.get(f"/api/now/table/{table}", params, Rows)
        rows += answer.result
        if len(answer.result) < PAGE:
            return rows
    told.problems.append(f"{table} holds more than {PAGES * PAGE:,} rows; the rest is left out")
    return rows


def _number(row: msgspec.Raw) -> str:
    """Return the number of a change where it is one: it becomes part of a query."""
    try:
        number = msgspec.json.decode(row, type=Record).number
    except statements.BROKEN:
        return ""
    return number if number.isascii() and number.isalnum() else ""


def _approvals(ask: asking.Asker, numbers: list[str], options: Options, told: statements.Said) -> Approvals:
    """Return by change who approved it last, of those the cluster knows."""
    made: Approvals = {}
    wanted = sorted({number for number in numbers if number})
    for start in range(0, len(wanted), 50):
        query = f"state=approved^sysapproval.numberIN{','.join(wanted[start : start + 50])}"
        for row in _rows(ask, "sysapproval_approver", query, APPROVAL, told):
            one = msgspec.json.decode(row, type=Approval)
            if name := options.people.known(one.approver):
                made[one.number] = max(made.get(one.number, (name, None)), (name, _time(one.sys_updated_on)), key=_when)
    return made


def _when(approval: tuple[str, datetime | None]) -> datetime:
    return approval[1] or statements.EARLIEST


def _change(row: msgspec.Raw, options: Options, approvals: Approvals) -> Iterable[statements.Statement]:
    one, scope = _record(row, options)
    if scope:
        approver, approved = approvals.get(one.number, (None, None))
        yield _statement(one, "change", options)._replace(
            approver=approver,
            approved=approved,
            since=_time(one.start_date),
            until=_time(one.end_date),
            scope=scope,
        )


def _incident(row: msgspec.Raw, options: Options) -> Iterable[statements.Statement]:
    one, scope = _record(row, options)
    if scope:
        yield _statement(one, "ticket", options)._replace(since=_time(one.opened_at), scope=scope)


def _record(row: msgspec.Raw, options: Options) -> tuple[Record, tuple[str, ...]]:
    one = msgspec.json.decode(row, type=Record)
    named = options.items.get(one.item)
    return one, tuple(named) if named is not None else marks.read([one.item]).scope


def _statement(one: Record, kind: Literal["change", "ticket"], options: Options) -> statements.Statement:
    return statements.Statement(
        kind=kind,
        id=one.number,
        url=f"{options.url.rstrip('/')}/nav_to.do?uri=task.do?sys_id={one.sys_id}" if one.sys_id.isalnum() else "",
        title=one.short_description,
        subjects=options.people.all_known(one.assigned_to),
        creator=options.people.known(one.opened_by),
        created=_time(one.opened_at),
        allows=options.allows,
        edited=_time(one.sys_updated_on),
    )


def _time(text: str) -> datetime | None:
    """Return a moment of the Table API, which tells UTC without saying so.

    >>> _time("2026-01-02 03:04:05"), _time("")
    (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), None)
    """
    return statements.moment(f"{text}+00:00") if text else None

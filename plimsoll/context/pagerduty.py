"""Open incidents and maintenance windows of PagerDuty, by its REST API (version 2).

https://developer.pagerduty.com/api-reference/ (GET /incidents, GET /maintenance_windows).
Nobody approves an incident, so by itself it is weak evidence. PagerDuty does not tell when a window was changed:
it counts as changed when we first saw it so, and a run that asks once has no use of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from plimsoll.context import asking, marks, settings, statements, tokens

TTL = timedelta(minutes=5)
PAGE = 100
PAGES = 10


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which services are which workloads."""

    token: tokens.Token
    url: str = "https://api.pagerduty.com"
    services: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Workload globs by the id of the service; only these are asked for. A service called `k8s:ns/name` needs none."""
    approvers: tuple[str, ...] = ()
    """User names of the cluster whose maintenance windows count as approved: PagerDuty itself has no approval."""


class Who(msgspec.Struct, frozen=True):
    """A user, a service: a reference, or the whole of it where `include[]` asked for that."""

    id: str = ""
    type: str = ""
    summary: str | None = None
    name: str | None = None
    email: str | None = None


class Assignment(msgspec.Struct, frozen=True):
    """Who is at work on an incident."""

    assignee: Who = Who()


class Entry(msgspec.Struct, frozen=True):
    """The log entry of what opened an incident."""

    agent: Who | None = None


class Incident(msgspec.Struct, frozen=True):
    """An incident."""

    id: str
    title: str | None = None
    html_url: str | None = None
    status: str = ""
    created_at: str | None = None
    updated_at: str | None = None
    service: Who = Who()
    assignments: list[Assignment] = []
    first_trigger_log_entry: Entry = Entry()


class Window(msgspec.Struct, frozen=True):
    """A maintenance window."""

    id: str
    summary: str | None = None
    description: str | None = None
    html_url: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    services: list[Who] = []
    created_by: Who | None = None


class Page(msgspec.Struct, frozen=True):
    """A page of either list."""

    incidents: list[msgspec.Raw] = []
    maintenance_windows: list[msgspec.Raw] = []
    more: bool = False


def said(options: Options, asked: statements.Asked) -> statements.Said:
    """Return open incidents, and the maintenance that goes on now."""
    headers = {"authorization": f"Token token={options.token.value()}", "accept": "application/json"}
    with asking.service(options.url, headers) as ask:
        longer: list[str] = []
        incidents = _pages(ask, "/incidents", options, longer)
        windows = _pages(ask, "/maintenance_windows", options, longer)
    told = statements.each(incidents, lambda record: _incident(record, options))
    told.add(statements.each(windows, lambda record: _window(record, options, asked)))
    told.problems.extend(longer)
    return told


def _pages(ask: asking.Asker, path: str, options: Options, longer: list[str]) -> list[msgspec.Raw]:
    params: dict[str, str | int | list[str]] = {"limit": PAGE, "service_ids[]": sorted(options.services)}
    if path == "/incidents":
        params |= {"statuses[]": ["triggered", "acknowledged"]}
        params |= {"include[]": ["users", "services", "first_trigger_log_entries"]}
    else:
        params |= {"filter": "ongoing", "include[]": ["users", "services"]}
    found: list[msgspec.Raw] = []
    for number in range(PAGES):
        page, _ = ask.get(path, params | {"offset": number * PAGE}, Page)
        found += page.incidents + page.maintenance_windows
        if not page.more:
            return found
    longer.append(f"{path} has more than {PAGES * PAGE:,}; the rest is left out")
    return found


def _incident(record: msgspec.Raw, options: Options) -> Iterable[statements.Statement]:
    one = msgspec.json.decode(record, type=Incident)
    scope = _scope([one.service], options)
    if scope and one.status in ("triggered", "acknowledged"):
        yield statements.Statement(
            kind="ticket",
            id=one.id,
            url=one.html_url or "",
            title=one.title or "",
            subjects=tuple(name for who in one.assignments if (name := _name(who.assignee, options))),
            creator=_opened(one, options),
            created=statements.moment(one.created_at),
            since=statements.moment(one.created_at),
            scope=scope,
            allows=options.allows,
            edited=statements.moment(one.updated_at),
        )


def _window(record: msgspec.Raw, options: Options, asked: statements.Asked) -> Iterable[statements.Statement]:
    one = msgspec.json.decode(record, type=Window)
    scope, since, until = (
        _scope(one.services, options),
        statements.moment(one.start_time),
        statements.moment(one.end_time),
    )
    creator = _name(one.created_by, options)
    if scope and since and until:
        yield statements.Statement(
            kind="window",
            id=one.id,
            url=one.html_url or "",
            title=one.description or one.summary or "",
            creator=creator,
            approver=creator if creator in options.approvers else None,
            since=since,
            until=until,
            scope=scope,
            allows=options.allows,
            edited=asked.first_seen(f"{one.id} {since} {until} {creator} {scope}"),
        )


def _opened(one: Incident, options: Options) -> str | None:
    """Return who opened an incident: a user, or the service's own monitoring."""
    agent = one.first_trigger_log_entry.agent
    if agent is None:
        return None
    return _name(agent, options) if agent.type.startswith("user") else f"pagerduty:{agent.id}"


def _name(who: Who | None, options: Options) -> str | None:
    return options.people.known(who.id, who.email) if who else None


def _scope(services: Iterable[Who], options: Options) -> tuple[str, ...]:
    told: list[str] = []
    for one in services:
        named = options.services.get(one.id)
        told.extend(named if named is not None else marks.read([one.name or one.summary]).scope)
    return tuple(told)

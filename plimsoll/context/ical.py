"""Maintenance windows of a calendar: iCalendar (RFC 5545) from a file or a URL, what repeats written out.

A window counts as approved where its organizer is one of those the configuration names. Labels are CATEGORIES:
`k8s:shop/Deployment/web`, `allow:shell`.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plimsoll.context import asking, marks, settings, statements, tokens

TTL = timedelta(minutes=60)
AHEAD = timedelta(days=1)
LARGEST = 4 << 20
REPEATING = 300
"""Series of one calendar."""
PATIENCE = 5.0
"""Seconds for writing out all series."""
OLDEST = timedelta(days=20 * 366)
"""A series begun before is not written out: it costs a step for each day since."""
ZONE = "X-WR-TIMEZONE"
FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the calendar is, and whom it is believed."""

    url: str = ""
    file: str = ""
    token: tokens.Token | None = None
    """A bearer token for the URL."""
    organizers: tuple[str, ...] = ()
    """E-mail addresses whose windows are approved."""
    scope: tuple[str, ...] = ()
    """Workload globs where an event names no workload."""
    zone: str = "UTC"
    """Zone of times that have none."""

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.file):
            raise ValueError("a calendar has a `url` or a `file`")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {self.zone!r}") from None


def said(options: Options, asked: statements.Asked) -> statements.Said:
    """Return each confirmed window, those of a series one by one."""
    try:
        import icalendar  # noqa: PLC0415  an extra
        import recurring_ical_events  # noqa: PLC0415  an extra
    except ImportError:
        raise statements.Silent("no calendars without icalendar (pip install 'plimsoll[context]')") from None
    try:
        calendar = icalendar.Calendar.from_ical(_text(options))
    except statements.BROKEN as broken:
        raise statements.Silent(f"is no calendar ({broken})") from broken
    told = statements.Said([], [])
    until = time.monotonic() + PATIENCE
    for number, series in enumerate(_series(calendar), 1):
        if number > REPEATING or time.monotonic() > until:
            told.problems.append("has more series than can be written out; the rest is left out")
            break
        try:
            _bounded(series, asked)
            part = _alone(calendar, series)
            events = recurring_ical_events.of(part).between(asked.since, asked.now + AHEAD)
            told.add(statements.each(events[: statements.MOST], lambda event: _window(event, options)))
        except statements.BROKEN as broken:
            told.problems.append(statements.plain(f"{series[0].get('UID')}: {broken}"))
    return told


def _text(options: Options) -> bytes:
    if options.url:
        headers = {"accept": "text/calendar"}
        if options.token:
            headers["authorization"] = f"Bearer {options.token.value()}"
        with asking.service(options.url, headers) as ask:
            text = ask.text(options.url)
    else:
        try:
            with Path(options.file).open("rb") as file:
                text = file.read(LARGEST + 1)
        except (OSError, ValueError) as problem:
            raise statements.Silent(f"{options.file}: {problem}") from problem
    if len(text) > LARGEST:
        raise statements.Silent(f"is larger than {LARGEST >> 20} MiB")
    return text


def _series(calendar: Any) -> Iterable[list[Any]]:
    """Return the events by their UID: a series with its exceptions (RFC 5545 section 3.8.4.4)."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in calendar.walk("VEVENT"):
        found[str(event.get("UID", ""))].append(event)
    return found.values()


def _alone(calendar: Any, series: list[Any]) -> Any:
    """Return a calendar of one series, with the zones and the name of zone of the whole."""
    part = type(calendar)()
    if ZONE in calendar:
        part.add(ZONE, calendar[ZONE])
    for zone in calendar.walk("VTIMEZONE"):
        part.add_component(zone)
    for event in series:
        part.add_component(event)
    return part


def _bounded(series: list[Any], asked: statements.Asked) -> None:
    """Give each rule an end, or raise where it would still be too much: a rule is a program of its writer."""
    for event in series:
        rules = event.get("RRULE")
        if rules is None:
            continue
        for rule in rules if isinstance(rules, list) else [rules]:
            if {str(one).upper() for one in rule.get("FREQ", [])} - FREQUENCIES or not rule.get("FREQ"):
                raise ValueError("repeats more often than daily")
            if math.prod(max(1, len(rule.get(part, []))) for part in ("BYHOUR", "BYMINUTE", "BYSECOND")) > 24:
                raise ValueError("repeats too often in a day")
            start = _moment(event.get("DTSTART").dt, UTC)
            if start is None or asked.now - start > OLDEST:
                raise ValueError("a series begun too long ago")
            if "COUNT" not in rule:
                _ended(rule, event.get("DTSTART").dt, asked.now + 2 * AHEAD)


def _ended(rule: Any, start: date, last: datetime) -> None:
    """End a rule where nobody asks further; UNTIL is of the kind of the start (RFC 5545 section 3.3.10)."""
    given = [told for one in rule.get("UNTIL", []) if (told := _moment(one, UTC))]
    if given and min(given) <= last:
        return
    rule["UNTIL"] = [last if isinstance(start, datetime) else last.date()]


def _window(event: Any, options: Options) -> Iterator[statements.Statement]:
    zone = ZoneInfo(options.zone)
    since, until = _moment(_of(event, "DTSTART"), zone), _moment(_of(event, "DTEND"), zone)
    if str(event.get("STATUS", "CONFIRMED")).upper() != "CONFIRMED" or since is None or until is None or until <= since:
        return
    marked = marks.read(_categories(event), options.allows)
    scope = marked.scope or options.scope
    if not scope:
        return
    organizer = str(event.get("ORGANIZER", "")).casefold().removeprefix("mailto:")
    approved = organizer in {one.casefold() for one in options.organizers}
    creator = options.people.known(organizer)
    edited = _moment(_of(event, "LAST-MODIFIED") or _of(event, "DTSTAMP"), UTC)
    yield statements.Statement(
        kind="window",
        id=f"{str(event.get('UID', ''))[:200]}@{since:%Y-%m-%dT%H:%M}",
        url=str(event.get("URL", "")),
        title=str(event.get("SUMMARY", "")),
        creator=creator,
        approver=creator if approved else None,
        created=_moment(_of(event, "CREATED"), UTC),
        approved=edited if approved else None,
        since=since,
        until=until,
        scope=scope,
        allows=marked.allows,
        edited=edited,
    )


def _of(event: Any, name: str) -> Any:
    return getattr(event.get(name), "dt", None)


def _categories(event: Any) -> list[str]:
    told = event.get("CATEGORIES", [])
    each = told if isinstance(told, list) else [told]
    return [str(one) for part in each for one in getattr(part, "cats", [])]


def _moment(told: Any, zone: Any) -> datetime | None:
    """Return a moment in UTC; a day begins at midnight, and what has no zone is of the one that is given.

    >>> _moment(date(2026, 7, 1), ZoneInfo("Europe/Berlin"))
    datetime.datetime(2026, 6, 30, 22, 0, tzinfo=datetime.timezone.utc)
    """
    if not isinstance(told, date):
        return None
    whole = told if isinstance(told, datetime) else datetime(told.year, told.month, told.day, tzinfo=zone)
    return statements.moment(whole if whole.tzinfo else whole.replace(tzinfo=zone))

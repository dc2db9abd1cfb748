"""Alerts, statements and judges that the tests of triage share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from plimsoll.triage import excuses, judging, reading
from plimsoll.triage.excuses import Context, Statement
from plimsoll.triage.scoring import Policy

START = 1_790_000_000_000_000  # a Monday, 12:53 UTC
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEB = "shop/Deployment/web"


def moment(time: int) -> str:
    return dt.datetime.fromtimestamp(time / 1e6, dt.UTC).isoformat()


def noise(time: int = START, **told: Any) -> dict[str, Any]:
    """A machine's alert, as any tool may write it."""
    row = {"id": f"n{time}", "time": moment(time), "subject": "host:mail", "title": "Disk is busy", "severity": "low"}
    return row | {"kind": "check"} | told


def shell(time: int = START, **told: Any) -> dict[str, Any]:
    """A person's shell in a container."""
    row = {"id": f"s{time}", "time": moment(time), "title": "Terminal shell in container", "severity": "low"}
    more = {"kind": "rule", "workload": WEB, "actor": "bob", "exe": "/bin/bash", "command": "bash", "pod": "shop/web-1"}
    return row | more | {"ip": "203.0.113.7", "agent": "kubectl/v1.34.1 (linux/amd64)"} | told


def take(judge: judging.Judge, *rows: dict[str, Any]) -> list[judging.Decision]:
    return judge.take([reading.of(row) for row in rows])


def one(judge: judging.Judge, row: dict[str, Any]) -> judging.Decision:
    return take(judge, row)[0]


def every(row_at: Any, times: Iterable[int]) -> list[dict[str, Any]]:
    return [row_at(time) for time in times]


def ticket(time: int = START, **told: Any) -> Statement:
    """A change that others made and approved a day before, for bob's shells in the shop's web."""
    plain: dict[str, Any] = {
        "kind": "change",
        "id": "CHG1",
        "source": "files",
        "subjects": ("bob",),
        "creator": "ann",
        "approver": "eve",
        "created": time - DAY,
        "approved": time - DAY,
        "since": time - HOUR,
        "until": time + 30 * DAY,
        "scope": (WEB,),
        "allows": ("shell",),
        "edited": time - DAY,
        "fetched": time + 60 * DAY,
    }
    return Statement(**(plain | told))


def admin(time: int = START, **told: Any) -> Statement:
    plain: dict[str, Any] = {"kind": "admin", "id": "g", "source": "groups", "subjects": ("bob",), "creator": "ann"}
    return Statement(**(plain | {"strong": True, "fetched": time + 60 * DAY} | told))


def window(since: int, **told: Any) -> Statement:
    plain: dict[str, Any] = {
        "kind": "window",
        "id": "w",
        "source": "calendar",
        "creator": "ann",
        "approver": "eve",
        "since": since,
        "until": since + 2 * HOUR,
        "scope": ("shop/*",),
        "edited": since - DAY,
        "fetched": since + 60 * DAY,
    }
    return Statement(**(plain | told))


def quiet(statements: Sequence[excuses.Statement] = (), **options: Any) -> judging.Judge:
    """A judge to whom bob's shells and the mail host's noise are known as harmless; it draws no audits."""
    policy = msgspec.structs.replace(options.pop("policy", None) or Policy(), audit=False)
    judge = judging.Judge(policy=policy, **options)
    before = START - 10 * DAY
    for row in (noise, shell):
        [*decisions] = take(judge, *every(row, (before, before + HOUR)))
        for case in dict.fromkeys(decision.case for decision in decisions):
            judge.answer(case, "benign", "ann", at=before + HOUR)
    judge.hear(Context(statements))
    return judge

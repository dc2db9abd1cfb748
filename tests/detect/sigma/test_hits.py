"""Hits become alerts: one for each rule, actor, address, client and hour."""

from __future__ import annotations

import pytest

from plimsoll import frames, tables
from plimsoll.detect.sigma import hits
from tests import told
from tests.detect.sigma import written

RULE = written.one("a: {verb: get}\ncondition: a")


def taken(*rows: told.Row, usual: hits.Usual | None = None) -> hits.Hits:
    found = hits.Hits([RULE], usual)
    for row in rows:
        found.take(frames.of_rows(tables.AUDIT, [row]))
    return found


def test_an_alert_has_what_an_alert_has() -> None:
    (alert,) = taken(told.request("get pods", name="web-1")).alerts()
    assert set(alert) == set(tables.names(tables.ALERTS))
    assert frames.of_rows(tables.ALERTS, [alert]).height == 1
    assert alert["controls"] == ["sigma:0c9b3bda-0000-4000-8000-000000000001"]
    assert (alert["subject"], alert["severity"], alert["attack"]) == ("sa:shop/web", "high", ["T1609", "T1552.007"])
    assert alert["why"] == ["It watches.", "`get pods` in shop of web-1 from 10.244.1.7 with web, 1 event"]


def test_what_one_actor_does_in_an_hour_is_one_alert_with_all_its_evidence() -> None:
    rows = [told.request("get pods", auditID=f"a-{n}", time=told.at(n)) for n in range(5)]
    (alert,) = taken(*rows[::-1]).alerts()
    assert alert["time"] == told.at(0)
    assert sorted(map(str, alert["evidence"])) == [f"a-{n}" for n in range(5)]  # type: ignore[call-overload]
    apart = [told.request("get pods", time=told.at(3600)), told.request("get pods", source_ip="1.1.1.1")]
    assert len(taken(*rows, *apart).alerts()) == 3


def test_a_habit_is_let_go() -> None:
    seen: list[tuple[str, str, str]] = []

    def usual(subject: str, request: str, namespace: str) -> bool:
        seen.append((subject, request, namespace))
        return namespace == "shop"

    rows = told.request("get pods/exec"), told.request("get nodes", namespace=None)
    assert len(taken(*rows, usual=usual).alerts()) == 1
    assert seen == [("sa:shop/web", "create pods/exec", "shop"), ("sa:shop/web", "get nodes", "(cluster)")]


def test_a_run_that_goes_on_tells_each_alert_once() -> None:
    found = taken(told.request("get pods"))
    assert len(found.tell()) == 1
    found.take(frames.of_rows(tables.AUDIT, [told.request("get pods", time=told.at(5))]))
    assert found.tell() == []
    found.take(frames.of_rows(tables.AUDIT, [told.request("get pods", time=told.at(3 * 3600))]))
    assert len(found.tell()) == 1
    assert len(found.alerts()) == 1  # what is long past is forgotten


def test_beyond_memory_hits_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "MOST", 1)
    found = taken(told.request("get pods"), told.request("get pods", source_ip="1.1.1.1"))
    assert (len(found.alerts()), found.forgone) == (1, 1)

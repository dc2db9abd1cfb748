"""A rule's hit is told once for each actor and hour, at the end as on the way."""

from __future__ import annotations

import pytest

from plimsoll.detect import acts, rule_alerts
from tests import told


def hits(*minutes: int, rule: str = "exec", subject: str = "user:ann") -> list[acts.Act]:
    return [
        acts.Act("audit", subject, told.at(60 * minute), told.at(60 * minute), 1, "", "kubectl", (), (), rules=(rule,))
        for minute in minutes
    ]


def test_the_hits_of_an_hour_are_one_alert_and_another_actor_s_are_another():
    assert len(rule_alerts.alerts(hits(1, 2, 3))) == 1
    assert len(rule_alerts.alerts([*hits(1), *hits(2, subject="user:bob"), *hits(3, rule="attach")])) == 3
    assert len(rule_alerts.alerts(hits(1, 61))) == 2


def test_told_as_they_come_they_are_told_once():
    teller, found = rule_alerts.Teller(), []
    for act in hits(1, 2, 61, 62, 3):
        found += teller.tell([act])
    assert [alert["id"] for alert in found] == [alert["id"] for alert in rule_alerts.alerts(hits(1, 61))]


def test_a_restart_does_not_tell_them_again():
    first, second = rule_alerts.Teller(), rule_alerts.Teller()
    assert first.tell(hits(1))
    second.restore(first.memory())
    assert second.tell(hits(2)) == []


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rule_alerts, "MOST", 10)
    teller = rule_alerts.Teller()
    for hour in range(50):
        teller.tell(hits(60 * hour))
        assert len(teller.memory()) <= 10

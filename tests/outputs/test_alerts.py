"""A row as an alert of which every field is there."""

from __future__ import annotations

import pytest

from plimsoll import tables
from plimsoll.outputs import alerts


def test_an_alert_has_the_fields_of_the_table():
    assert alerts.Alert.__struct_fields__ == tables.names(tables.ALERTS)


def test_a_row_without_anything_is_an_empty_alert():
    alert = alerts.of({})
    assert alert == alerts.of(dict.fromkeys(tables.names(tables.ALERTS)))
    assert (alert.time, alert.bits, alert.why, alert.title) == (alerts.NO_TIME, None, (), "")


def test_values_of_other_types_do_no_harm():
    alert = alerts.of({"time": "yesterday", "bits": "many", "why": "one", "attack": 7, "id": 5})
    assert (alert.time, alert.bits, alert.why, alert.attack, alert.id) == (alerts.NO_TIME, None, ("one",), (), "5")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("rule", "Webhook created"), ("deviation", "Plimsoll deviation"), ("", "Plimsoll alert")],
)
def test_receivers_count_by_rule_or_kind_never_by_sentence(kind, name):
    assert alerts.of({"kind": kind, "title": "Webhook created"}).name == name

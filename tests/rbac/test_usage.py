"""Granted against used: what was used, what was not, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.rbac import grants, usage
from tests import told
from tests.rbac import rights


def report(path: Path, rows: list[told.Row], *objects: rights.Object, days: int | None = None) -> usage.Report:
    return usage.report(rights.used(rows), grants.bindings(rights.held(path, *objects)), days=days)


WEB = (
    rights.role("web", rights.rule("get,list,delete pods,secrets"), rights.rule("* deployments.apps")),
    rights.binding("web", "Role/web", rights.WEB),
)


def test_what_was_not_used_is_listed_by_resource(tmp_path: Path) -> None:
    (found,) = report(tmp_path, [rights.did("get pods"), rights.did("list pods")], *WEB).grants
    assert found.state == "used"
    assert found.unused == ("* deployments.apps", "delete pods", "delete,get,list secrets")
    assert (found.granted_count, found.used_count, found.requests) == (7, 2, 2)


def test_a_wildcard_in_use_tells_what_for(tmp_path: Path) -> None:
    (found,) = report(tmp_path, [rights.did("patch deployments.apps")], *WEB).grants
    assert found.wide == (("* deployments.apps", ("patch deployments.apps",)),)


def test_a_binding_without_use_says_how_likely_it_is_needed(tmp_path: Path) -> None:
    rows = [rights.did("get pods", rights.EVERYWHERE, day=day) for day in range(30)]
    (_, idle) = report(tmp_path, rows, *WEB).grants
    assert (idle.state, idle.last) == ("unused", None)
    assert idle.tomorrow == pytest.approx(0.099, abs=0.001)


def test_a_log_of_one_day_is_sure_of_nothing(tmp_path: Path) -> None:
    (found,) = report(tmp_path, [rights.did("get pods")] * 9, *WEB).grants
    assert found.tomorrow == 1.0


def test_a_binding_that_only_the_log_knows_is_gone(tmp_path: Path) -> None:
    (found,) = report(tmp_path, [rights.did("get pods")]).grants
    assert (found.state, found.subject, found.binding.rules) == ("gone", rights.WEB, None)


def test_a_right_that_was_taken_away_since_is_told(tmp_path: Path) -> None:
    (found,) = report(tmp_path, [rights.did("get nodes", namespace=None)], *WEB).grants
    assert found.outgrown == ("get nodes",)


def test_only_the_last_days_count_when_asked(tmp_path: Path) -> None:
    rows = [rights.did("get pods", day=0), rights.did("list nodes", rights.EVERYWHERE, day=9)]
    found = report(tmp_path, rows, *WEB, days=3).grants
    assert [one.state for one in found] == ["gone", "unused"]


def test_without_a_reason_the_narrowest_binding_that_allows_it_is_the_one(tmp_path: Path) -> None:
    wide = (
        rights.role("all", rights.rule("* *.*"), namespace=None),
        rights.binding("all", "ClusterRole/all", "group:system:serviceaccounts", namespace=None),
    )
    rows = [
        rights.did("get pods", "", annotations_decision=None),
        rights.did("get pods", "", annotations_decision=None, namespace="bank"),
        rights.did("get /healthz", "", annotations_decision=None),
    ]
    found = report(tmp_path, rows, *WEB, *wide)
    assert [(one.binding.name, one.requests) for one in found.grants] == [("all", 1), ("web", 1)]
    assert found.unexplained == 1


def test_names_decide_which_rule_was_used(tmp_path: Path) -> None:
    objects = (
        rights.role("web", rights.rule("get secrets", "tls"), rights.rule("get secrets", "other")),
        rights.binding("web", "Role/web", rights.WEB),
    )
    (found,) = report(tmp_path, [rights.did("get secrets", name="tls")], *objects).grants
    assert found.unused == ("get secrets named other",)


def test_it_is_the_same_every_time_and_in_order(tmp_path: Path) -> None:
    rows = [rights.did(what, reason) for what in ("get pods", "list pods") for reason in (rights.EVERYWHERE, rights.BECAUSE)]  # fmt: skip
    assert report(tmp_path, rows, *WEB) == report(tmp_path, rows[::-1], *WEB)

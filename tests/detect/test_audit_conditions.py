from __future__ import annotations

import polars as pl
import pytest

from plimsoll import frames, tables
from plimsoll.detect import audit_conditions
from tests.detect.requests import row


def prepared(*rows: dict[str, object]) -> pl.DataFrame:
    return audit_conditions.prepared(frames.of_rows(tables.AUDIT, rows))


def test_the_daily_round_of_a_cluster_is_not_looked_at() -> None:
    daily = [
        row("list pods"),
        row("update leases", user="system:node:n1", agent="kubelet/v1.34"),
        row("update configmaps", user="system:serviceaccount:kube-system:cluster-autoscaler", name="status", ns="kube-system"),
        row("get secrets", user="system:serviceaccount:shop:web", ns="shop", name="db"),
    ]  # fmt: skip
    assert prepared(*daily).is_empty()


def test_what_shares_its_audit_id_is_looked_at_even_if_dull() -> None:
    dull = row("get secrets", user="system:serviceaccount:shop:web", ns="shop", id="a")
    assert prepared(dull, row("list pods", id="a"))["collides"].to_list() == [True, True]


@pytest.mark.parametrize(
    "strange",
    [
        {"ips": ["198.51.100.7"]},
        {"ips": ["10.0.0.1", "10.0.0.2"]},
        {"as_user": "bob"},
        {"agent": "kube-hunter"},
        {"user": "system:serviceaccount:kube-system:job-controller", "agent": "tool"},
        {"user": "system:node:n1", "agent": "tool"},
        {"code": 403},
    ],
)
def test_what_is_dull_is_looked_at_when_somebody_strange_does_it(strange: dict[str, object]) -> None:
    dull = {"user": "system:serviceaccount:shop:web", "ns": "shop", "name": "db"}
    assert prepared(row("get secrets", **dull)).is_empty()
    assert not prepared(row("get secrets", **dull | strange)).is_empty()


def test_a_long_chain_does_not_hide_its_end() -> None:
    seen = prepared(row("list pods", ips=[*["10.0.0.1"] * 99, "198.51.100.7"]))
    assert seen["forged"].to_list() == [True]


def test_no_condition_is_null() -> None:
    nothing = frames.of_rows(tables.AUDIT, [{"verb": None, "stage": None}])
    seen = audit_conditions.prepared(nothing)
    assert seen.height == 1
    assert not [series.name for series in seen if series.dtype == pl.Boolean and series.null_count()]


@pytest.mark.parametrize(
    ("user", "platform"),
    [
        ("system:kube-scheduler", True),
        ("system:node:n1", True),
        ("system:serviceaccount:kube-system:coredns", True),
        ("eks:addon-manager", True),
        ("system:serviceaccount:shop:web", False),
        ("system:admin", False),
        ("ann@acme.io", False),
        ("system:anonymous", False),
    ],
)
def test_the_platform_is_who_it_is(user: str, platform: bool) -> None:
    assert prepared(row("create pods", user=user, ns="a"))["platform"].to_list() == [platform]


def test_applied_by_the_server_is_made() -> None:
    assert prepared(row("patch pods", code=201), row("patch pods"))["made"].to_list() == [True, False]

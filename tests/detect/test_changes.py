"""Changes that the log tells of explain news, for a while and for those they concern; they never clear anything."""

from __future__ import annotations

import pytest

from plimsoll.detect import changes
from tests import told

CI = {"user_username": "system:serviceaccount:ci:deployer", "user_pod_uid": None}


def seen(*rows: told.Row) -> changes.Changes:
    known = changes.Changes()
    known.take(told.events("audit", list(rows)))
    return known


def made(what: str, namespace: str | None, name: str | None, **columns: object) -> told.Row:
    return told.request(what, namespace, name, responseStatus_code=201, **(CI | columns))


@pytest.mark.parametrize(("minutes", "explained"), [(-1, False), (0, True), (9, True), (11, False)])
def test_a_new_namespace_explains_what_is_new_in_it_for_ten_minutes(minutes, explained):
    known = seen(made("create namespaces", "loyalty", "loyalty"))
    assert known.explains("sa:shop/web", "loyalty", told.at(60 * minutes)) is explained
    assert not known.explains("sa:shop/web", "orders", told.at(60 * minutes))


def test_a_namespace_born_while_judging_can_be_known_by_nobody():
    known = seen(made("create namespaces", "loyalty", "loyalty"))
    assert known.unheard("loyalty", told.at(10_000))
    assert not known.unheard("loyalty", told.at(-1))
    assert not known.unheard("shop", told.at(10_000))


@pytest.mark.parametrize(
    ("subject", "explained"),
    [("node:n1", True), ("sa:kube-system/replicaset-controller", True), ("sa:shop/web", True), ("sa:ci/other", False), ("user:ann", False)],
)  # fmt: skip
def test_a_rollout_explains_news_of_those_who_serve_it_only(subject, explained):
    known = seen(told.request("patch deployments.apps", "shop", "web", **CI))
    assert known.explains(subject, "shop", told.at(60)) is explained
    assert not known.explains(subject, "shop", told.at(600))


def test_nobody_is_excused_by_his_own_rollout():
    known = seen(told.request("patch deployments.apps", "shop", "web"))
    assert not known.explains("sa:shop/web", "shop", told.at(60))


def test_what_was_refused_is_no_change():
    known = seen(made("create namespaces", "loyalty", "loyalty") | {"responseStatus_code": 403})
    assert not known.unheard("loyalty", told.at(60))


def test_one_may_delete_what_one_made_and_only_later():
    known = seen(made("create deployments.apps", "shop", "canary", time=told.at(10)))
    mine = ("delete deployments.apps", "shop", "canary")
    assert known.own("sa:ci/deployer", *mine, told.at(20))
    assert not known.own("sa:ci/deployer", *mine, told.at(5))
    assert not known.own("user:ann", *mine, told.at(20))
    assert not known.own("sa:ci/deployer", "delete deployments.apps", "shop", "web", told.at(20))
    assert not known.own("sa:ci/deployer", "create deployments.apps", "shop", "canary", told.at(20))


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(changes, "MOST", 10)
    rows = [made("create configmaps", "shop", f"settings-{n}x", time=told.at(n)) for n in range(30)]
    known = seen(*rows)
    assert known.own("sa:ci/deployer", "delete configmaps", "shop", "settings-29x", told.at(100))
    assert not known.own("sa:ci/deployer", "delete configmaps", "shop", "settings-0x", told.at(100))


def test_a_cluster_that_is_being_set_up_explains_everything_for_a_while():
    known = seen(made("create namespaces", None, "kube-system", user_username="system:apiserver"))
    assert known.founding(told.at(60))
    assert known.explains("user:ann", "shop", told.at(60))
    assert not known.founding(told.at(3_600))


def test_of_pods_it_is_known_when_one_was_placed_and_when_one_changed():
    known = seen(
        told.request("create pods/binding", name="web-1", responseStatus_code=201),
        told.request("patch pods/status", name="web-2", user_username="system:node:n1"),
    )
    assert known.placed("shop")
    assert not known.placed("orders")
    assert known.restarted("shop", "web-2", told.at(60))
    assert not known.restarted("shop", "web-1", told.at(60))


def test_what_is_remembered_of_pods_is_bounded(monkeypatch):
    monkeypatch.setattr(changes, "MOST", 10)
    known = changes.Changes()
    for n in range(100):
        known.take(told.events("audit", [told.request("patch pods/status", name=f"web-{n}")]))
    assert len(known._pods) <= 11

"""What requests say of those who make them."""

from __future__ import annotations

import polars as pl
import pytest

from plimsoll import facts
from tests import told

WEB = "sa:shop/web"


def test_a_request_says_what_where_how_it_ended_whence_and_with_what():
    row = told.request("get secrets", "shop", "payments-db", user_credential_id="X509SHA256=c0ffee", user_pod_uid=None)
    assert told.stated("audit", row) == {
        (WEB, "request", "", "get secrets"),
        (WEB, "within", "get secrets", "shop"),
        (WEB, "touch", "get secrets in shop", "payments-db"),
        (WEB, "outcome", "get secrets", "ok"),
        (WEB, "zone", "", "private 10.244.0.0/16"),
        (WEB, "from", "private 10.244.0.0/16", "10.244.1.0/24"),
        (WEB, "address", "10.244.1.0/24", "10.244.1.7"),
        (WEB, "agent", "", "web"),
        (WEB, "version", "web", "v1.4"),
        (WEB, "platform", "web", "linux/amd64"),
        (WEB, "credential", "", "X509SHA256=c0ffee"),
    }


@pytest.mark.parametrize("connection", ["exec", "attach", "portforward"])
def test_a_connection_asked_for_by_get_is_the_one_asked_for_by_create(connection):
    over_websocket = told.request(f"get pods/{connection}", name="redis-0", responseStatus_code=101)
    over_spdy = told.request(f"create pods/{connection}", name="redis-0", responseStatus_code=101)
    assert told.stated("audit", over_websocket) == told.stated("audit", over_spdy)
    assert told.said("audit", "request", over_websocket) == {("", f"create pods/{connection}")}


def test_reading_a_pod_is_no_connection_to_it():
    assert told.said("audit", "request", told.request("get pods")) == {("", "get pods")}


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        ({"responseStatus_code": 200}, "ok"),
        ({"responseStatus_code": None}, "ok"),
        ({"responseStatus_code": 101}, "ok"),
        ({"responseStatus_code": 401}, "denied"),
        ({"responseStatus_code": 403}, "denied"),
        ({"responseStatus_code": 200, "annotations_decision": "forbid"}, "denied"),
        ({"responseStatus_code": 404}, "error"),
        ({"responseStatus_code": 500}, "error"),
    ],
)
def test_an_answer_is_ok_denied_or_an_error(columns, outcome):
    assert told.said("audit", "outcome", told.request(**columns)) == {("get pods", outcome)}


def test_what_is_not_answered_yet_or_has_no_time_teaches_nothing():
    assert told.stated("audit", told.request(stage="RequestReceived"), told.request(time=None)) == set()
    assert told.stated("activity", told.deed(time=None)) == set()
    assert told.stated("flow", told.flow(time=None)) == set()


def test_a_request_about_no_resource_is_known_by_its_path():
    rows = [told.request("get /healthz"), told.request("get /apis/apps/v1?timeout=32s")]
    assert told.said("audit", "request", *rows) == {("", "get /healthz"), ("", "get /apis/*")}
    assert told.said("audit", "within", *rows) == {("get /healthz", "(cluster)"), ("get /apis/*", "(cluster)")}


def test_names_matter_where_secrets_are_read_or_something_is_changed_and_lose_what_was_made_up():
    assert told.said("audit", "touch", told.request("get pods", name="redis-0")) == set()
    assert told.said("audit", "touch", told.request("update leases", name="holder")) == set()
    deleted = [told.request("delete pods", name=f"web-7d9c5b8f6d-{ending}") for ending in ("x2k4q", "h7p9z")]
    assert told.said("audit", "touch", *deleted) == {("delete pods in shop", "web-*")}


def test_acting_as_somebody_else_is_said():
    assert told.said("audit", "impersonate", told.request(impersonatedUser_username="admin")) == {("", "admin")}
    assert told.said("audit", "impersonate", told.request()) == set()


def test_days_are_told_apart():
    rows = [told.request(time=told.at(days=day)) for day in (0, 0, 2)]
    counted = facts.of("audit", told.events("audit", rows)).filter(pl.col("verb") == "request")
    assert sorted(counted.select("day", "count").rows()) == [(20_514, 2), (20_516, 1)]


NODE = {"user_username": "system:node:n1", "user_pod_uid": None, "user_credential_id": "X509SHA256=n1"}


@pytest.mark.parametrize(
    ("columns", "subject", "fact"),
    [
        ({}, "pod:uid-web", ("at", "", "10.244.1.7")),
        ({"user_credential_id": None}, "pod:uid-web", ("at", "", "10.244.1.7")),
        ({"user_pod_uid": None}, "token:web", ("used", "private 10.244.0.0/16", "10.244.1.0/24")),
        (
            {"user_pod_uid": None, "user_credential_id": None},
            "legacy:shop/web",
            ("used", "private 10.244.0.0/16", "10.244.1.0/24"),
        ),
        (NODE, "kubelet:n1", ("at", "", "10.244.1.7")),
        (NODE, "kubelet:n1", ("client", "", "web")),
    ],
)
def test_a_token_is_known_by_the_pod_it_is_bound_to_else_by_itself(columns, subject, fact):
    assert (subject, *fact) in told.stated("audit", told.request(**columns))


@pytest.mark.parametrize(
    "columns",
    [
        {"responseStatus_code": 401},
        {"responseStatus_code": 403},
        {"source_ip": None},
        {"user_username": "ann", "user_pod_uid": None, "user_credential_id": None},
    ],
)
def test_a_refused_token_or_one_from_nowhere_teaches_the_ledger_nothing(columns):
    verbs = {verb for _, verb, _, _ in told.stated("audit", told.request(**columns))}
    assert not verbs & set(facts.CREDENTIAL_VERBS)


@pytest.mark.parametrize(
    ("user", "issuer"),
    [("ann", {("account:ci/deployer", "issued", "", "user:ann")}), ("system:node:n1", set()), ("system:kube-controller-manager", set())],
)  # fmt: skip
def test_who_takes_a_token_is_a_fact_of_its_account_unless_it_serves_pods(user, issuer):
    minted = told.request("create serviceaccounts/token", "ci", "deployer", user_username=user, user_groups=[])
    assert {fact for fact in told.stated("audit", minted) if fact[1] == "issued"} == issuer


def test_a_new_token_of_the_same_identity_is_no_new_fact_about_it():
    one, other = told.request(user_credential_id="JTI=one"), told.request(user_credential_id="JTI=two")
    assert told.said("audit", "credential", one, other) == {("", "token")}


def test_peers_are_those_who_should_behave_alike():
    rows = [told.request(), told.request(user_username="ann", user_groups=["dev", "system:authenticated"])]
    stated = facts.of("audit", told.events("audit", rows)).filter(pl.col("verb") == "request")
    assert dict(stated.select("subject", "peer").rows()) == {WEB: "sa:shop", "user:ann": "group:dev"}

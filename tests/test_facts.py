"""Everything observed is a fact, however it was cut, named by a pod or spelled by a client."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import engines, facts, frames, tables
from plimsoll.learn import profile
from tests import told

WEB = "sa:shop/web"
FEW = settings(max_examples=40)

MOMENTS = st.integers(0, 3 * 86_400).map(told.at)
NAMES = st.sampled_from(["", "redis-0", "web-7d9c5b8f6d-x2k4q", "web-7d9c5b8f6d-h7p9z", "db", "ä\x00"])
ADDRESSES = st.sampled_from([None, "", "10.244.1.7", "10.244.1.8", "203.0.113.9", "2001:db8::7", "no address"])
REQUESTS = st.builds(
    told.request,
    st.sampled_from(["get pods", "get pods/exec", "create pods/exec", "list secrets", "patch deployments.apps", "get /healthz", "get /apis/apps/v1"]),
    st.sampled_from([None, "", "shop", "ci"]),
    NAMES | st.none(),
    time=MOMENTS | st.none(),
    stage=st.sampled_from(["ResponseComplete", "ResponseStarted", "RequestReceived", "Panic"]),
    user_username=st.sampled_from([None, "", "ann", "system:serviceaccount:ci:deployer", "system:node:n1"]),
    user_groups=st.just(["dev", "system:nodes", "system:authenticated"]),
    user_credential_id=st.sampled_from([None, "", "JTI=one", "JTI=two", "X509SHA256=c0ffee"]),
    user_pod_uid=st.sampled_from([None, "", "uid-1"]),
    source_ip=ADDRESSES,
    userAgent=st.sampled_from([None, "", "kubectl/v1.34.1 (linux/amd64)", "curl/8.5.0"]),
    responseStatus_code=st.sampled_from([None, 101, 200, 403, 500]),
    annotations_decision=st.sampled_from([None, "allow", "forbid"]),
    impersonatedUser_username=st.sampled_from([None, "admin"]),
)  # fmt: skip
DEEDS = st.builds(
    told.deed,
    st.sampled_from(["execve", "openat", "connect", "listen", "accept", "unlink", "rename", "dns", "setuid", "close", None]),
    time=MOMENTS | st.none(),
    evt_arg_flags=st.sampled_from([None, "O_RDONLY", "O_WRONLY|O_CREAT"]),
    fd_name=st.sampled_from([None, "", "/etc/shadow", "/data/temp-13.rdb", "relative", "10.0.0.1:1->10.0.0.2:2"]),
    fd_cip=ADDRESSES,
    fd_sip=ADDRESSES,
    fd_sport=st.sampled_from([None, 0, 6379]),
    dns_name=st.sampled_from([None, "Redis.Shop.svc"]),
    k8s_pod_name=NAMES | st.none(),
    container_id=st.sampled_from([None, "0123456789abcdef"]),
    rule=st.sampled_from([None, "", "Terminal shell in container"]),
)  # fmt: skip
FLOWS = st.builds(
    told.flow,
    time=MOMENTS | st.none(),
    verdict=st.sampled_from([None, "FORWARDED", "DROPPED"]),
    is_reply=st.sampled_from([None, True, False]),
    source_pod_name=NAMES | st.none(),
    source_identity=st.sampled_from([None, "world", "host"]),
    destination_pod_name=NAMES | st.none(),
    destination_names=st.sampled_from([None, [], ["api.example.com"]]),
    destination_port=st.sampled_from([None, 443]),
)
TOLD = st.one_of(
    st.tuples(st.just("audit"), st.lists(REQUESTS, max_size=12)),
    st.tuples(st.just("activity"), st.lists(DEEDS, max_size=12)),
    st.tuples(st.just("flow"), st.lists(FLOWS, max_size=12)),
)


def learned(*parts: pl.DataFrame) -> str:
    return engines.digest(engines.collect(profile.merge([engines.of(part) for part in parts])))


@given(TOLD, st.integers(0, 12), st.randoms(use_true_random=False))
@FEW
def test_facts_do_not_depend_on_how_the_events_are_split_or_ordered(what, cut, chance):
    stream, rows = what
    shuffled = chance.sample(rows, len(rows))
    whole = facts.of(stream, told.events(stream, rows))
    parts = [facts.of(stream, told.events(stream, part)) for part in (shuffled[:cut], shuffled[cut:])]
    assert learned(whole) == learned(*parts)


@given(TOLD)
@FEW
def test_what_is_judged_is_what_is_learned(what):
    stream, rows = what
    events = told.events(stream, rows)
    told_of_credentials = pl.col("verb").is_in(facts.CREDENTIAL_VERBS)
    judged = facts.said(stream, facts.acts(stream, events, by=[facts.DAY]))
    assert learned(judged) == learned(facts.of(stream, events).filter(~told_of_credentials))


@given(TOLD)
@FEW
def test_facts_are_rows_of_their_table_and_say_who_and_what(what):
    stream, rows = what
    stated = facts.of(stream, told.events(stream, rows))
    assert stated.schema == frames.schema(tables.FACTS)
    assert stated.null_count().sum_horizontal().item() == 0
    assert (stated["count"] > 0).all()
    assert (stated["first"] <= stated["last"]).all()
    assert (stated["subject"] != "").all()


@given(TOLD)
@FEW
def test_acts_with_one_key_are_one_act(what):
    stream, rows = what
    keyed = told.events(stream, rows).with_columns(key=facts.key(stream).hash(7))
    alone, among_all = facts.acts(stream, keyed, by=[pl.col("key")]), facts.acts(stream, keyed)
    names = [name for name in among_all.columns if name not in ("count", "first", "last", "evidence", "groups")]
    assert set(alone.select(names).rows()) == set(among_all.select(names).rows())
    sides = 2 if stream == "flow" else 1  # both ends of a flow act
    assert alone.group_by("key").len().filter(pl.col("len") > sides).is_empty()


def test_an_act_counts_its_events_and_shows_the_first_of_them():
    rows = told.numbered(told.request(time=told.at(60 - second)) for second in range(5))
    (act,) = facts.acts("audit", told.events("audit", rows)).iter_rows(named=True)
    assert (act["count"], act["first"], act["last"]) == (5, told.at(56), told.at(60))
    assert act["evidence"] == ["a-5", "a-4", "a-3"]


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


@pytest.mark.parametrize(
    ("columns", "subject", "fact"),
    [
        ({}, "pod:uid-web", ("at", "", "10.244.1.7")),
        ({"user_pod_uid": None}, "token:web", ("used", "private 10.244.0.0/16", "10.244.1.0/24")),
    ],
)
def test_a_token_is_known_by_the_pod_it_is_bound_to_else_by_itself(columns, subject, fact):
    assert (subject, *fact) in told.stated("audit", told.request(**columns))


@pytest.mark.parametrize(
    "columns",
    [{"responseStatus_code": 401}, {"responseStatus_code": 403}, {"source_ip": None}, {"user_credential_id": None}],
)
def test_a_refused_token_or_one_from_nowhere_teaches_the_ledger_nothing(columns):
    verbs = {verb for _, verb, _, _ in told.stated("audit", told.request(**columns))}
    assert not verbs & set(facts.CREDENTIAL_VERBS)


def test_a_new_token_of_the_same_identity_is_no_new_fact_about_it():
    one, other = told.request(user_credential_id="JTI=one"), told.request(user_credential_id="JTI=two")
    assert told.said("audit", "credential", one, other) == {("", "token")}


@pytest.mark.parametrize("verb", ["execve", "openat", "connect"])
def test_a_workload_is_the_same_one_after_a_rollout(verb):
    columns = {"fd_name": "/etc/redis.conf", "fd_sip": "10.244.2.9", "fd_sport": 80}
    before = told.deed(verb, k8s_pod_name="redis-6b8d5f7c9d-x2k4q", container_id="aa", hostname="node-1", **columns)
    after = told.deed(verb, k8s_pod_name="redis-7d9c5b8f6d-h7p9z", container_id="bb", hostname="node-2", **columns)
    stated = told.stated("activity", before)
    assert stated == told.stated("activity", after)
    assert {subject for subject, *_ in stated} == {"shop/Deployment/redis:redis"}


def test_what_the_cluster_said_of_a_workload_wins_over_the_name_of_its_pod():
    row = told.deed(k8s_workload_kind="Rollout", k8s_workload_name="cache")
    assert {subject for subject, *_ in told.stated("activity", row)} == {"shop/Rollout/cache:redis"}


def test_without_a_pod_the_container_acts_and_without_a_container_the_node():
    bare = {"k8s_ns_name": None, "k8s_pod_name": None}
    subjects = {
        subject
        for row in (
            told.deed(**bare),
            told.deed(**bare, container_name=None),
            told.deed(**bare, container_name=None, container_id=None),
        )
        for subject, *_ in told.stated("activity", row)
    }
    assert subjects == {
        "host/Container/redis:redis",
        "host/Container/0123456789ab:0123456789ab",
        "host/Node/node-1:host",
    }


@pytest.mark.parametrize(
    ("row", "verb", "fact"),
    [
        (told.deed(), "exec", ("", "/usr/bin/redis-server")),
        (told.deed(), "spawn", ("/bin/sh", "/usr/bin/redis-server")),
        (told.deed("openat", evt_arg_flags="O_RDONLY", fd_name="/etc/shadow"), "read", ("", "/etc/shadow")),
        (told.deed("openat", evt_arg_flags="O_RDONLY", fd_name="/usr/lib/x.so"), "read", ("", "/usr/lib/*")),
        (told.deed("openat", evt_arg_flags="O_WRONLY|O_CREAT", fd_name="/data/temp-13.rdb"), "write", ("", "/data/*")),
        (told.deed("creat", fd_name="/data/dump.rdb"), "write", ("", "/data/*")),
        (told.deed("rename", fd_name="/data/temp-13.rdb"), "write", ("", "/data/*")),
        (told.deed("unlink", fd_name="/var/log/app.log"), "delete", ("", "/var/log/*")),
        (told.deed("connect", fd_sip="203.0.113.9", fd_sport=443), "connect", ("", "203.0.113.0/24:443/tcp")),
        (
            told.deed("connect", fd_sip="203.0.113.9", fd_sip_name="API.example.com", fd_sport=443),
            "connect",
            ("", "api.example.com:443/tcp"),
        ),
        (told.deed("listen", fd_sport=6379), "listen", ("", "6379/tcp")),
        (told.deed("accept", fd_cip="10.244.1.7", fd_sport=6379), "accept", ("6379/tcp", "10.244.1.0/24")),
        (told.deed("dns", dns_name="Redis.shop.svc"), "resolve", ("", "redis.shop.svc")),
        (told.deed("setuid"), "syscall", ("", "setuid")),
        (told.deed("close", rule="Terminal shell in container"), "rule", ("", "Terminal shell in container")),
    ],
)
def test_a_process_says_by_each_verb_what_it_did(row, verb, fact):
    assert told.said("activity", verb, row) == {fact}


def test_every_verb_has_a_name_of_its_own_in_its_stream_and_a_sentence():
    for verbs in facts.VERBS.values():
        names = [verb.name for verb in verbs]
        assert len(set(names)) == len(names)
        assert all(verb.doc for verb in verbs)
    assert facts.vocabulary().height == sum(map(len, facts.VERBS.values()))


def test_both_ends_of_a_connection_learn_of_each_other():
    assert told.stated("flow", told.flow()) == {
        ("shop/Deployment/web", "connect", "", "shop/Deployment/redis:6379/tcp"),
        ("shop/Deployment/redis", "accept", "6379/tcp", "shop/Deployment/web"),
    }


@pytest.mark.parametrize("columns", [{"is_reply": True}, {"verdict": "DROPPED"}, {"verdict": "ERROR"}])
def test_replies_and_what_did_not_pass_teach_nothing(columns):
    assert told.stated("flow", told.flow(**columns)) == set()


def test_an_end_outside_the_cluster_goes_by_its_name_else_by_its_network():
    outside = {"destination_namespace": None, "destination_pod_name": None, "destination_ip": "203.0.113.9"}
    named = told.flow(**outside, destination_names=["api.example.com"], destination_port=443)
    assert told.said("flow", "connect", named) == {("", "api.example.com:443/tcp")}
    assert told.said("flow", "connect", told.flow(**outside)) == {("", "203.0.113.0/24:6379/tcp")}
    assert told.said("flow", "connect", told.flow(**outside, destination_identity="kube-apiserver")) == {
        ("", "kube-apiserver:6379/tcp")
    }


@given(st.lists(st.text(max_size=30), min_size=6, max_size=6))
@settings(max_examples=60)
def test_no_text_is_too_strange(texts):
    one, two, three, four, five, six = texts
    told.stated("audit", told.request(f"{one} {two}", three, four, user_username=five, userAgent=six, source_ip=one))
    told.stated("activity", told.deed(proc_exepath=one, fd_name=two, fd_sip=three, k8s_pod_name=four, dns_name=five))
    told.stated("flow", told.flow(source_pod_name=one, destination_pod_name=two, destination_names=[three]))


def test_no_events_state_no_facts():
    for stream, table in tables.STREAMS.items():
        assert facts.of(stream, frames.empty(table)).schema == frames.schema(tables.FACTS)
    assert facts.empty().is_empty()


def test_peers_are_those_who_should_behave_alike():
    rows = [told.request(), told.request(user_username="ann", user_groups=["dev", "system:authenticated"])]
    stated = facts.of("audit", told.events("audit", rows)).filter(pl.col("verb") == "request")
    assert dict(stated.select("subject", "peer").rows()) == {WEB: "sa:shop", "user:ann": "group:dev"}


def test_evidence_of_an_act_may_be_told_by_minute():
    rows = told.numbered(told.request(time=told.at() + timedelta(seconds=second)) for second in (0, 59, 61))
    minute = pl.col("time").dt.truncate("1m").alias("minute")
    acts = facts.acts("audit", told.events("audit", rows), by=[minute]).sort("minute")
    assert acts["evidence"].to_list() == [["a-1", "a-2"], ["a-3"]]

"""Everything observed is a fact, however it was cut, named by a pod or spelled by a client."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
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


def test_every_verb_has_a_name_of_its_own_in_its_stream_and_a_sentence():
    for verbs in facts.VERBS.values():
        names = [verb.name for verb in verbs]
        assert len(set(names)) == len(names)
        assert all(verb.doc for verb in verbs)
    assert facts.vocabulary().height == sum(map(len, facts.VERBS.values()))


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


def test_evidence_of_an_act_may_be_told_by_minute():
    rows = told.numbered(told.request(time=told.at() + timedelta(seconds=second)) for second in (0, 59, 61))
    minute = pl.col("time").dt.truncate("1m").alias("minute")
    acts = facts.acts("audit", told.events("audit", rows), by=[minute]).sort("minute")
    assert acts["evidence"].to_list() == [["a-1", "a-2"], ["a-3"]]

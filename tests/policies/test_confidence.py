"""How far generated policies can be trusted."""

from __future__ import annotations

import polars as pl

from plimsoll.policies import confidence, generate
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow


def test_each_end_learns_of_an_edge() -> None:
    facts = confidence.profile(flows.seen(flow(WEB, REDIS, 6379), flow(WEB, "203.0.113.7", 443)))
    assert sorted(facts.select("subject", "verb", "given", "object").rows()) == [
        ("shop/Deployment/redis", "accept", "6379/tcp", "shop/Deployment/web"),
        ("shop/Deployment/web", "connect", "", "203.0.113.0/24:443/tcp"),
        ("shop/Deployment/web", "connect", "", "shop/Deployment/redis:6379/tcp"),
    ]


def test_a_name_is_what_was_called() -> None:
    facts = confidence.profile(flows.seen(flow(WEB, "203.0.113.7", 443, destination_names=["api.example.com"])))
    assert facts["object"].to_list() == ["api.example.com:443/tcp"]


def test_the_score_counts_pairs_and_ports() -> None:
    found = generate.generate(flows.seen(flow(WEB, REDIS, 6379), flow(REDIS, WEB, 8080)), flows.cluster(*SHOP))
    assert confidence.score(found) == (2, 2, 2)
    assert confidence.score(found).closed == 1.0


def test_what_equal_labels_open_is_counted() -> None:
    twin = flows.pod("shop", "twin", {"app": "web"})
    found = generate.generate(flows.seen(flow(WEB, REDIS, 6379)), flows.cluster(*SHOP, twin))
    assert (confidence.score(found).allowed, confidence.score(found).seen) == (2, 1)


def test_who_was_never_seen_comes_first() -> None:
    idle = flows.pod("shop", "idle", {"app": "idle"})
    found = generate.generate(flows.seen(flow(WEB, REDIS, 6379)), flows.cluster(*SHOP, idle))
    row = {"subject": "shop/Deployment/web", "state": "mature", "events": 9, "facts": 1, "days": 9, "bound": 0.1}
    known = confidence.of(found, pl.DataFrame([{**row, "tomorrow": 0.0, "sentence": "well known"}]))
    assert [one.state for one in known] == ["never seen", "mature"]


def test_the_namespaces_of_which_the_least_is_still_to_be_seen_come_first() -> None:
    other = flows.pod("data", "db", {"app": "db"})
    found = generate.generate(
        flows.seen(flow(WEB, REDIS, 6379), flow(WEB, ("data", "Deployment", "db"), 5432)), flows.cluster(*SHOP, other)
    )
    states = {"shop/Deployment/web": "learning", "shop/Deployment/redis": "mature", "data/Deployment/db": "mature"}
    known = [confidence.Confidence(name, state, 1, 1, 1, 0.1, None, "") for name, state in states.items()]
    assert confidence.steps(found, known) == [("data", ()), ("shop", ("shop/Deployment/web",))]

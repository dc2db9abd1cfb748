"""What is proposed of denied connections, and what never is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml

from plimsoll import frames, tables
from plimsoll.policies import amendment, edges, generate, network, networkpolicy_yaml, replay
from plimsoll.policies.amendment import Proposal
from tests.policies import flows
from tests.policies.flows import NOON, REDIS, SHOP, WEB, flow

API = ("shop", "Deployment", "api")
OBJECTS = (*SHOP, flows.pod("shop", "api", {"app": "api"}, ip="10.1.0.8"))
OWNED = [{**one, "owner_kind": "Deployment", "owner_name": one["workload_name"]} for one in OBJECTS]
LEARNED = (flow(WEB, REDIS, 6379), flow(API, "10.1.0.53", 53, "UDP"))


def policies(*more: dict[str, Any]) -> list[dict[str, Any]]:
    made = generate.generate(flows.seen(*LEARNED), flows.cluster(*OBJECTS))
    told = [yaml.safe_load(text) for text in networkpolicy_yaml.files(made).values()]
    return [flows.row(one["apiVersion"], one["kind"], "shop", one["metadata"]["name"], one) for one in told] + [*more]


def habit(*ends: Any, **more: Any) -> list[dict[str, Any]]:
    """A connection that comes again every half an hour."""
    return [flow(*ends, **{"time": NOON + dt.timedelta(minutes=30 * number), **more}) for number in range(6)]


def proposed(*calls: dict[str, Any], rules: tuple[dict[str, Any], ...] = ()) -> Proposal:
    objects = frames.of_rows(tables.OBJECTS, [*OWNED, *policies(*rules)])
    seen = edges.of(flows.events(*calls))
    return amendment.propose(seen, flows.cluster(*OBJECTS), network.read(objects), replay.known(objects))


def doubts(found: Proposal) -> list[str]:
    return [one.doubt for one in found.wanted]


def test_what_recurs_is_allowed_at_both_ends_and_nothing_else_is() -> None:
    found = proposed(*habit(API, REDIS, 6379))
    (api, redis) = (yaml.safe_load(text)["spec"] for text in found.files.values())
    assert api["policyTypes"] == ["Egress"]
    assert api["egress"] == [
        {"to": [{"podSelector": {"matchLabels": {"app": "redis"}}}], "ports": [{"protocol": "TCP", "port": "redis"}]}
    ]
    assert (redis["policyTypes"], redis["podSelector"]) == (["Ingress"], {"matchLabels": {"app": "redis"}})
    assert doubts(found) == [""]


def test_an_end_that_is_open_already_is_left_as_it_is() -> None:
    wide = {"spec": {"podSelector": {"matchLabels": {"app": "api"}}, "policyTypes": ["Egress"], "egress": [{}]}}
    found = proposed(
        *habit(API, REDIS, 6379), rules=(flows.row("networking.k8s.io/v1", "NetworkPolicy", "shop", "wide", wide),)
    )
    (name,) = found.files
    assert name.startswith("shop/deployment-redis-also-")


def test_what_is_allowed_is_no_case() -> None:
    assert proposed(*habit(WEB, REDIS, 6379)) == Proposal({}, ())


@pytest.mark.parametrize(
    ("calls", "doubt"),
    [
        ([flow(API, REDIS, 6379)], "seen fewer than 5 times"),
        ([flow(API, REDIS, 6379, count=900)], "all of them within an hour"),
        (habit(API, "169.254.169.254", 80), "a link-local address, where clouds have their metadata"),
        (habit(API, "203.0.113.7", 4444), "an address of the Internet that no lookup named"),
        (habit("203.0.113.7", REDIS, 6379), "an address of the Internet calls in"),
    ],
)
def test_what_may_be_an_attack_is_never_proposed(calls: list[dict[str, Any]], doubt: str) -> None:
    found = proposed(*calls)
    assert (dict(found.files), doubts(found)) == ({}, [doubt])


def test_an_address_that_a_lookup_named_is_proposed_and_stays_alone() -> None:
    found = proposed(*habit(API, "203.0.113.7", 443, destination_names=["api.example.com"]))
    (text,) = found.files.values()
    assert "203.0.113.7/32" in text
    assert "api.example.com" in text


def test_nothing_of_who_looks_around_is_proposed() -> None:
    tries = [flow(API, REDIS, port) for port in range(1000, 1012)]
    found = proposed(*habit(API, REDIS, 6379), *tries)
    assert dict(found.files) == {}
    assert all(one.doubt.startswith("who calls tried 12 ends") for one in found.wanted)


def test_what_a_rule_denies_in_so_many_words_is_for_who_wrote_it() -> None:
    deny = {
        "subject": {"namespaces": {}},
        "priority": 1,
        "ingress": [
            {
                "action": "Deny",
                "from": [{"namespaces": {}}],
                "ports": [{"portNumber": {"port": 6379, "protocol": "TCP"}}],
            }
        ],
    }
    rule = flows.row("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", "", "no", {"spec": deny})
    found = proposed(*habit(API, REDIS, 6379), rules=(rule,))
    assert doubts(found) == ["a rule denies it in so many words"]


def test_the_order_of_flows_changes_nothing_and_a_name_is_of_its_rules_alone() -> None:
    calls = [*habit(API, REDIS, 6379), *habit(WEB, API, 8080)]
    assert proposed(*calls) == proposed(*calls[::-1])
    assert set(proposed(*habit(API, REDIS, 6379)).files) != set(proposed(*habit(API, REDIS, 6380)).files)


def test_a_diff_is_of_new_files() -> None:
    text = amendment.diff({"b/x.yaml": "one\ntwo\n", "a/y.yaml": "three\n"})
    assert [line for line in text.splitlines() if line.startswith("+++")] == ["+++ b/a/y.yaml", "+++ b/b/x.yaml"]
    assert "@@ -0,0 +1,2 @@\n+one\n+two\n" in text


def test_a_row_says_whether_it_is_proposed() -> None:
    (one,) = proposed(flow(API, REDIS, 6379)).wanted
    assert one.as_row()["proposed"] is False

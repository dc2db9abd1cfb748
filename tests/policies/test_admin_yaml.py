"""ClusterNetworkPolicy documents within the limits of the API (network-policy-api v0.2, v1alpha2)."""

from __future__ import annotations

from typing import Any

import yaml

from plimsoll.policies import admin_documents, admin_yaml, blocks, generate
from plimsoll.policies.blocks import Block
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow

HEAD = (
    "# Written by plimsoll policies generate; what is edited here is lost when it runs again.\n"
    "# For shop/Deployment/redis.\n"
)


def written(*edges: dict[str, Any], objects: tuple[dict[str, Any], ...] = SHOP) -> dict[str, str]:
    made = generate.generate(flows.seen(*edges, times=9), flows.cluster(*objects), admin_yaml.DIALECT)
    return admin_yaml.files(made)


def test_a_policy_has_these_bytes() -> None:
    assert written(flow(WEB, REDIS, 6379))["shop/deployment-redis.yaml"] == HEAD + (
        "apiVersion: policy.networking.k8s.io/v1alpha2\n"
        "kind: ClusterNetworkPolicy\n"
        "metadata:\n"
        '  name: "shop.deployment-redis"\n'
        "  labels:\n"
        '    app.kubernetes.io/managed-by: "plimsoll"\n'
        "spec:\n"
        "  tier: Baseline\n"
        "  priority: 500\n"
        "  subject:\n"
        "    pods:\n"
        "      namespaceSelector:\n"
        "        matchLabels:\n"
        '          kubernetes.io/metadata.name: "shop"\n'
        "      podSelector:\n"
        "        matchLabels:\n"
        '          "app": "redis"\n'
        "  ingress:\n"
        "    - action: Accept\n"
        "      from:\n"
        "        - pods:  # shop/Deployment/web: seen less than 10 times on 1 day\n"
        "            namespaceSelector:\n"
        "              matchLabels:\n"
        '                kubernetes.io/metadata.name: "shop"\n'
        "            podSelector:\n"
        "              matchLabels:\n"
        '                "app": "web"\n'
        "      protocols:\n"
        "        - tcp:\n"
        "            destinationPort:\n"
        "              number: 6379\n"
    )


def test_the_default_comes_last_of_the_baseline_and_closes_both_ways() -> None:
    spec = yaml.safe_load(admin_yaml.default_deny("shop", "every pod"))["spec"]
    assert (spec["tier"], spec["priority"]) == ("Baseline", 1000)
    assert [rule["action"] for way in ("ingress", "egress") for rule in spec[way]] == ["Deny", "Deny"]


def test_callers_outside_are_said_to_be_unsaid() -> None:
    text = written(flow("203.0.113.9", WEB, 8080))["shop/deployment-web.yaml"]
    assert "# Not said, and not held back: from 203.0.113.9/32 (outside the cluster" in text
    assert "ingress" not in yaml.safe_load(text)["spec"]


def test_what_is_more_than_one_object_takes_is_several() -> None:
    many = [flows.pod("shop", f"app{n}", {"app": f"app{n}"}) for n in range(60)]
    edges = [flow(("shop", "Deployment", f"app{n}"), WEB, port) for n in range(60) for port in (80, 100 + n)]
    text = written(*edges, objects=(*SHOP, *many))["shop/deployment-web.yaml"]
    parts = [*yaml.safe_load_all(text)]
    assert [one["metadata"]["name"] for one in parts] == [
        "shop.deployment-web",
        "shop.deployment-web.2",
        "shop.deployment-web.3",
    ]
    assert all(len(one["spec"]["ingress"]) <= admin_yaml.MOST for one in parts)


def test_many_peers_and_ports_are_several_rules() -> None:
    many = [flows.pod("shop", f"app{n}", {"app": f"app{n}"}) for n in range(30)]
    edges = [flow(("shop", "Deployment", f"app{n}"), WEB, port) for n in range(30) for port in range(80, 110)]
    (spec,) = [
        one["spec"] for one in yaml.safe_load_all(written(*edges, objects=(*SHOP, *many))["shop/deployment-web.yaml"])
    ]
    assert [(len(rule["from"]), len(rule["protocols"])) for rule in spec["ingress"]] == [
        (25, 25),
        (25, 5),
        (5, 25),
        (5, 5),
    ]


def test_exceptions_are_taken_out_of_the_networks() -> None:
    whole = [*admin_yaml.networks(blocks.everybody(4))]
    assert "11.0.0.0/8" in whole
    assert "10.0.0.0/8" not in whole
    assert [*admin_yaml.networks(Block("203.0.113.7/32"))] == ["203.0.113.7/32"]
    edges = [flow(WEB, f"203.{n}.113.9", 443) for n in range(40)]
    (spec,) = [one["spec"] for one in yaml.safe_load_all(written(*edges)["shop/deployment-web.yaml"])]
    told = [peer["networks"] for rule in spec["egress"] for peer in rule["to"] if "networks" in peer]
    assert all(len(one) <= admin_yaml.MOST for one in told)
    assert len(told) > 1


def test_a_range_of_ports_is_one() -> None:
    edges = [flow(WEB, REDIS, 40_000 + number) for number in range(9)]
    text = written(*edges)["shop/deployment-redis.yaml"]
    spec = yaml.safe_load(text)["spec"]
    assert spec["ingress"][0]["protocols"] == [
        {"tcp": {"destinationPort": {"range": {"start": 40_000, "end": 40_008}}}}
    ]
    assert "ClusterNetworkPolicy" in admin_documents.KINDS

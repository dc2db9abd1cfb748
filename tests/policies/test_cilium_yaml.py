"""CiliumNetworkPolicy documents as Cilium's own checks want them (pkg/policy/api/rule_validation.go, v1.17)."""

from __future__ import annotations

from typing import Any

import yaml

from plimsoll.policies import cilium_yaml, generate
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow

DNS = ("kube-system", "Deployment", "coredns")
COREDNS = flows.pod("kube-system", "coredns", {"k8s-app": "kube-dns"}, ports=(("UDP", 53, "dns"),))
API = ("203.0.113.7", ["api.example.com"])


def written(*edges: dict[str, Any], objects: tuple[dict[str, Any], ...] = (*SHOP, COREDNS)) -> dict[str, str]:
    made = generate.generate(flows.seen(*edges), flows.cluster(*objects), cilium_yaml.DIALECT)
    return cilium_yaml.files(made)


def web(*edges: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load(written(*edges)["shop/deployment-web.yaml"])["spec"]
    return spec


def test_a_policy_has_these_bytes() -> None:
    edges = [flow(WEB, DNS, 53, "UDP"), flow(WEB, API[0], 443, destination_names=API[1])]
    assert written(*edges)["shop/deployment-web.yaml"] == (
        "# Written by plimsoll policies generate; what is edited here is lost when it runs again.\n"
        "# For shop/Deployment/web.\n"
        "apiVersion: cilium.io/v2\n"
        "kind: CiliumNetworkPolicy\n"
        "metadata:\n"
        '  name: "deployment-web"\n'
        '  namespace: "shop"\n'
        "  labels:\n"
        '    app.kubernetes.io/managed-by: "plimsoll"\n'
        "spec:\n"
        "  endpointSelector:\n"
        "    matchLabels:\n"
        '      "app": "web"\n'
        "  ingress:\n"
        "    - {}  # none was seen\n"
        "  egress:\n"
        "    - toEndpoints:\n"
        "        - matchLabels:  # kube-system/Deployment/coredns: seen less than 10 times on 1 day\n"
        '            "k8s:io.kubernetes.pod.namespace": "kube-system"\n'
        '            "k8s-app": "kube-dns"\n'
        "      toPorts:\n"
        "        - ports:\n"
        '            - port: "53"\n'
        '              protocol: "TCP"\n'
        '            - port: "53"\n'
        '              protocol: "UDP"\n'
        "          rules:\n"
        "            dns:\n"
        '              - matchPattern: "*"  # Cilium learns from the answers what names lead to\n'
        "    - toFQDNs:\n"
        '        - matchName: "api.example.com"  # seen less than 10 times on 1 day\n'
        "      toPorts:\n"
        "        - ports:\n"
        '            - port: "443"\n'
        '              protocol: "TCP"\n'
    )


def test_each_rule_names_one_sort_of_peers() -> None:
    edges = [
        flow(WEB, REDIS, 443),
        flow(WEB, API[0], 443, destination_names=API[1]),
        flow(WEB, "198.51.100.7", 443, count=9),
        flow(WEB, "192.168.7.1", 443, destination_identity="remote-node"),
        flow(WEB, DNS, 53, "UDP"),
    ]
    rules = web(*edges)["egress"]
    assert [key for rule in rules for key in rule if key != "toPorts"] == [
        "toEndpoints",
        "toEndpoints",
        "toEntities",
        "toFQDNs",
        "toCIDRSet",
    ]


def test_nodes_are_entities_whoever_calls() -> None:
    (rule,) = web(flow("192.168.7.1", WEB, 8080, source_identity="host"))["ingress"]
    assert rule["fromEntities"] == ["host", "remote-node"]


def test_a_name_is_no_peer_of_who_asks_no_dns_that_can_be_listened_to() -> None:
    edges = [flow(WEB, API[0], 443, destination_names=API[1], count=9), flow(REDIS, DNS, 53, "UDP")]
    assert web(*edges)["egress"][0]["toCIDRSet"] == [{"cidr": "203.0.113.7/32"}]


def test_without_names_nobody_listens_to_dns() -> None:
    (rule,) = web(flow(WEB, DNS, 53, "UDP"))["egress"]
    assert "rules" not in rule["toPorts"][0]


def test_other_ports_of_the_dns_server_are_apart_from_where_cilium_listens() -> None:
    edges = [flow(WEB, DNS, 53, "UDP"), flow(WEB, DNS, 9153), flow(WEB, API[0], 443, destination_names=API[1])]
    found = next(rule for rule in web(*edges)["egress"] if len(rule["toPorts"]) == 2)
    assert [("rules" in entry, [port["port"] for port in entry["ports"]]) for entry in found["toPorts"]] == [
        (True, ["53", "53"]),
        (False, ["9153"]),
    ]


def test_what_is_no_domain_name_is_no_peer() -> None:
    edges = [flow(WEB, API[0], 443, destination_names=['a"b\n.com'], count=9), flow(WEB, DNS, 53, "UDP")]
    assert "toCIDRSet" in web(*edges)["egress"][-1]


def test_who_is_open_to_every_address_is_open_to_the_world_and_else_private_networks_are_left_out() -> None:
    edge = flow("203.0.113.9", WEB, 8080)
    wide = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["0.0.0.0/0"]}
    world = written(edge, objects=(*SHOP, flows.service("shop", "web", {"app": "web"}, (80, 8080), **wide)))
    assert yaml.safe_load(world["shop/deployment-web.yaml"])["spec"]["ingress"][0]["fromEntities"] == ["world-ipv4"]
    wide = {"type": "LoadBalancer"}
    public = written(edge, objects=(*SHOP, flows.service("shop", "web", {"app": "web"}, (80, 8080), **wide)))
    (block,) = yaml.safe_load(public["shop/deployment-web.yaml"])["spec"]["ingress"][0]["fromCIDRSet"]
    assert "10.0.0.0/8" in block["except"]


def test_one_entry_has_no_more_ports_than_the_api_takes() -> None:
    (rule,) = web(*[flow(WEB, REDIS, port) for port in range(100, 190)], flow(REDIS, DNS, 53, "UDP"))["egress"]
    assert [len(entry["ports"]) for entry in rule["toPorts"]] == [40, 40, 10]


def test_many_high_ports_are_a_range() -> None:
    edges = [flow(WEB, REDIS, 40_000 + number) for number in range(9)]
    (rule,) = web(*edges, flow(REDIS, DNS, 53, "UDP"))["egress"]
    assert rule["toPorts"][0]["ports"] == [{"port": "40000", "protocol": "TCP", "endPort": 40_008}]


def test_a_namespace_is_closed_by_rules_that_name_nobody() -> None:
    text = cilium_yaml.default_deny("shop", "every pod")
    assert yaml.safe_load(text)["spec"] == {"endpointSelector": {}, "ingress": [{}], "egress": [{}]}

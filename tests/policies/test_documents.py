"""NetworkPolicy as the API writes it."""

from __future__ import annotations

import json

import pytest

from plimsoll.policies import documents, policy, ports


def read(**spec: object) -> policy.Policy:
    return documents.network_policy(json.dumps({"spec": spec}), "shop", "it")


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({}, True, False),
        ({"egress": []}, True, False),
        ({"egress": [{}]}, True, True),
        ({"policyTypes": ["Egress"]}, False, True),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, False, True),
    ],
)
def test_policy_types_default_to_ingress_and_to_egress_where_it_has_rules(
    spec: dict[str, object], ingress: bool, egress: bool
) -> None:
    found = read(**spec)
    assert (found.ingress is not None, found.egress is not None) == (ingress, egress)


def test_no_peers_and_no_ports_mean_anybody_and_all() -> None:
    for rule in ({}, {"from": [], "ports": []}):
        (found,) = read(ingress=[rule]).ingress or ()
        assert (found.peers, found.ports) == (None, None)


def test_a_port_without_protocol_is_tcp_and_one_without_number_all_of_them() -> None:
    (rule,) = read(ingress=[{"ports": [{"port": 80, "endPort": 90}, {"protocol": "UDP"}]}]).ingress or ()
    assert ports.written(rule.of(policy.External(()))) == "TCP 80-90,UDP 1-65535"


def test_two_selectors_in_one_peer_must_both_hold_and_a_pod_selector_alone_stays_in_its_namespace() -> None:
    one = {"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "web"}}}
    (rule,) = read(ingress=[{"from": [one, {"podSelector": {}}]}]).ingress or ()
    both, near = rule.peers or ()
    web = policy.Workload("other", "Pod", "web", policy.labels({"app": "web"}))
    assert isinstance(both, policy.Pods)
    assert isinstance(near, policy.Pods)
    assert [both.has(web, {"team": "a"}), both.has(web, {}), near.has(web, {"team": "a"})] == [True, False, False]


@pytest.mark.parametrize(
    "rule",
    [
        {"from": [{}]},
        {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]},
        {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]},
        {"from": [{"ipBlock": {"cidr": "web"}}]},
        {"ports": [{"endPort": 90}]},
        {"ports": [{"port": "http", "endPort": 90}]},
        {"ports": [{"port": 90, "endPort": 80}]},
        {"ports": [{"port": 0}]},
        {"ports": [{"port": 80, "protocol": "ICMP"}]},
        {"from": "anybody"},
    ],
)
def test_what_the_api_refuses_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read(ingress=[rule])

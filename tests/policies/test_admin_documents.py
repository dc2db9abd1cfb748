"""Cluster-wide policies as the API writes them, in both versions."""

from __future__ import annotations

import json

import pytest

from plimsoll.policies import admin_documents, policy, ports

EVERYBODY = {"namespaces": {}}


def read(kind: str, **spec: object) -> policy.Policy:
    return admin_documents.cluster_policy(json.dumps({"spec": {"subject": EVERYBODY, **spec}}), kind, "it")


def test_the_kind_or_the_tier_says_when_it_is_asked() -> None:
    assert read("AdminNetworkPolicy").tier == "admin"
    assert read("BaselineAdminNetworkPolicy").tier == "baseline"
    assert [read("ClusterNetworkPolicy", tier=tier).tier for tier in ("Admin", "Baseline")] == ["admin", "baseline"]


def test_both_versions_write_ports_in_their_own_way() -> None:
    web = policy.Workload("a", "Pod", "web", ports=(policy.NamedPort("dns", "UDP", 53),))
    old = [{"portNumber": {"protocol": "UDP", "port": 5}}, {"portRange": {"start": 8, "end": 9}}, {"namedPort": "dns"}]
    new = [
        {"udp": {"destinationPort": {"number": 5}}},
        {"tcp": {"destinationPort": {"range": {"start": 8, "end": 9}}}},
        {"destinationNamedPort": "dns"},
    ]
    for kind, told in (("AdminNetworkPolicy", {"ports": old}), ("ClusterNetworkPolicy", {"protocols": new})):
        (rule,) = read(kind, ingress=[{"action": "Deny", "from": [EVERYBODY], **told}]).ingress or ()
        assert ports.written(rule.of(web)) == "TCP 8-9,UDP 5,53"
    (rule,) = read("ClusterNetworkPolicy", ingress=[{"action": "Accept", "protocols": [{"sctp": {}}]}]).ingress or ()
    assert ports.written(rule.of(web)) == "SCTP 1-65535"


def test_nodes_and_domain_names_mean_no_end() -> None:
    peers = [{"nodes": {}}, {"domainNames": ["example.com"]}, {"networks": ["10.0.0.0/8", "fd00::/8"]}]
    (rule,) = read("AdminNetworkPolicy", egress=[{"action": "Allow", "to": peers}]).egress or ()
    assert [type(peer).__name__ for peer in rule.peers or ()] == ["Beyond", "Beyond", "Block", "Block"]


@pytest.mark.parametrize(
    "spec",
    [
        {"subject": {}},
        {"ingress": [{"action": "Maybe", "from": []}]},
        {"ingress": [{"action": "Allow", "ports": [{}]}]},
        {"ingress": [{"action": "Allow", "protocols": [{}]}]},
        {"egress": [{"action": "Allow", "to": [{"networks": ["x"]}]}]},
        {"egress": [{"action": "Allow", "ports": [{"portNumber": {"port": 0}}]}]},
    ],
)
def test_what_the_api_refuses_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read("AdminNetworkPolicy", **spec)

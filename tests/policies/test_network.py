"""What a set of policies says of a connection: as a naive judge does, for everything the API can write."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.policies import addresses, network, policy, ports, workloads
from tests.policies import clusters

PORTS = (79, 80, 81, 90, 91, 443)


def end_of(pod: clusters.Document) -> policy.Workload:
    (found,) = workloads.read(clusters.frame([pod]))
    return found


def outside(text: str) -> policy.External:
    number = addresses.address(text)
    assert number is not None
    return policy.External(((number, number),))


@settings(max_examples=150)
@given(clusters.clusters, st.sampled_from(["external-only", "all"]))
def test_it_judges_every_connection_as_a_naive_judge_does(
    documents: list[clusters.Document], ip_blocks: network.IpBlocks
) -> None:
    found = network.read(clusters.frame(documents), ip_blocks=ip_blocks)
    assert not found.refused
    naive = clusters.Judge(documents, ip_blocks)
    pods = [(one, end_of(one)) for one in documents if one["kind"] == "Pod"]
    ends = [*pods, *((text, outside(text)) for text in clusters.OUTSIDE)]
    for (source, opener), (destination, called) in product(ends, ends):
        if isinstance(source, str) and isinstance(destination, str):
            continue
        open_ports = found.connections(opener, called)
        for protocol, port in product(clusters.PROTOCOLS, PORTS):
            expected = naive.allows(source, destination, protocol, port)
            assert ports.allows(open_ports, protocol, port) == expected
            assert found.allows(opener, called, protocol, port).allowed == expected


def policies(*documents: clusters.Document) -> network.PolicySet:
    return network.read(clusters.frame(list(documents)))


def restricting(**spec: object) -> clusters.Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "db"}}, **spec},
    }


DB = policy.Workload("shop", "StatefulSet", "db", policy.labels({"app": "db"}))
WEB = policy.Workload("shop", "Deployment", "web", policy.labels({"app": "web"}))


def test_a_denial_says_who_denies_and_what_comes_near() -> None:
    found = policies(
        restricting(
            ingress=[
                {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]},
                {"from": [{"podSelector": {"matchLabels": {"app": "job"}}}], "ports": [{"port": 9187}]},
            ]
        )
    )
    verdict = found.allows(WEB, DB, "TCP", 9187)
    assert verdict == network.Verdict(
        allowed=False,
        way="ingress",
        policies=("NetworkPolicy shop/db",),
        reason="no ingress rule from shop/web[Deployment] on TCP 9187; NetworkPolicy shop/db, ingress rule 1 has it on"
        " TCP 5432; NetworkPolicy shop/db, ingress rule 2 has TCP 9187 for others",
        cause="port",
    )
    assert found.allows(WEB, DB, "TCP", 5432) == network.ALLOWED


def test_a_cluster_wide_rule_that_denies_is_named() -> None:
    wide = {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "AdminNetworkPolicy",
        "metadata": {"name": "no-db"},
        "spec": {
            "priority": 1,
            "subject": {"namespaces": {}},
            "egress": [{"name": "deny", "action": "Deny", "to": [{"namespaces": {}}]}],
        },
    }
    verdict = policies(wide).allows(WEB, DB, "TCP", 5432)
    assert (verdict.way, verdict.reason) == ("egress", "AdminNetworkPolicy no-db, egress rule 1 (deny) denies it")


def test_pods_in_their_nodes_network_are_neither_selected_nor_held_back() -> None:
    found = policies(restricting(ingress=[{"from": [{"podSelector": {}}]}], egress=[]))
    on_host = WEB._replace(on_host=True)
    assert not found.allows(on_host, DB, "TCP", 5432).allowed
    assert found.allows(DB, DB._replace(on_host=True), "TCP", 80).allowed


def test_what_the_api_would_refuse_is_told_and_holds_nobody_back() -> None:
    found = policies(restricting(ingress=[{"ports": [{"port": 70000}]}]))
    assert found.refused == (network.Refused("NetworkPolicy shop/db", "no range of ports: 70000-70000"),)
    assert found.allows(WEB, DB, "TCP", 80).allowed


def test_a_kind_of_the_same_name_in_another_group_is_none_of_ours() -> None:
    other = {**restricting(ingress=[]), "apiVersion": "crd.projectcalico.org/v1"}
    assert policies(other).policies == ()


def test_a_pod_without_address_is_in_a_block_only_where_all_are() -> None:
    rule = [
        {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 1}]},
        {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
    ]
    found = network.read(clusters.frame([restricting(ingress=rule)]), ip_blocks="all")
    assert ports.written(found.connections(WEB, DB)) == "TCP 1"

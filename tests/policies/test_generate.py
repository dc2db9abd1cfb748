"""From edges to the policies that allow just them."""

from __future__ import annotations

from typing import Any

import polars as pl

from plimsoll.policies import drafts, generate
from plimsoll.policies.blocks import Block
from plimsoll.policies.drafts import Generated, Pods, Policy, Rule
from plimsoll.policies.templates import Key
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow


def made(edges: pl.DataFrame, *objects: dict[str, Any]) -> Generated:
    return generate.generate(edges, flows.cluster(*objects))


def policy(found: Generated, name: str) -> Policy:
    return next(one for one in found.policies if one.workload.name == name)


def ports(rule: Rule) -> list[tuple[str, int | str]]:
    return [(port.protocol, port.name or port.number) for port in rule.ports]


def peers(rules: tuple[Rule, ...]) -> list[str]:
    told = [source.peer for rule in rules for source in rule.peers]
    return [peer.workload if isinstance(peer, Pods) else peer.cidr for peer in told]


def test_each_end_of_an_edge_has_its_policy_and_the_other_as_its_peer() -> None:
    found = made(flows.seen(flow(WEB, REDIS, 6379), flow(WEB, flows.WEB, 53, "UDP")), *SHOP)
    web, redis = policy(found, "web"), policy(found, "redis")
    assert peers(redis.ingress) == ["shop/Deployment/web"]
    assert peers(web.egress) == ["shop/Deployment/redis", "shop/Deployment/web"]
    assert ports(redis.ingress[0]) == [("TCP", "redis")]
    assert redis.egress == ()
    assert redis.selector.labels == (("app", "redis"),)


def test_peers_met_at_the_same_ports_are_one_rule() -> None:
    other = flows.pod("shop", "api", {"app": "api"})
    found = made(flows.seen(flow(WEB, REDIS, 6379), flow(("shop", "Deployment", "api"), REDIS, 6379)), *SHOP, other)
    (rule,) = policy(found, "redis").ingress
    assert len(rule.peers) == 2


def test_dns_is_allowed_over_both_transports() -> None:
    dns = flows.pod("kube-system", "coredns", {"k8s-app": "kube-dns"})
    found = made(flows.seen(flow(WEB, ("kube-system", "Deployment", "coredns"), 53, "UDP")), *SHOP, dns)
    assert ports(policy(found, "web").egress[0]) == [("TCP", 53), ("UDP", 53)]
    assert ports(policy(found, "coredns").ingress[0]) == [("TCP", 53), ("UDP", 53)]


def test_where_no_lookup_was_recorded_callers_may_ask_the_usual_dns() -> None:
    found = made(flows.seen(flow(WEB, REDIS, 6379)), *SHOP)
    assert policy(found, "web").egress[-1] == drafts.USUAL_DNS


def test_a_service_that_was_called_is_the_pods_behind_it_at_their_own_port() -> None:
    edge = flow(WEB, "10.96.0.9", 80, destination_service="shop/redis")
    found = made(flows.seen(edge), *SHOP, flows.service("shop", "redis", {"app": "redis"}, (80, "redis")))
    assert peers(policy(found, "web").egress)[:1] == ["shop/Deployment/redis"]
    assert ports(policy(found, "redis").ingress[0]) == [("TCP", "redis")]


def test_the_api_server_is_its_address_behind_the_service() -> None:
    ends = flows.row("v1", "Endpoints", "default", "kubernetes", {}, ips=["192.168.7.9"])
    edge = flow(WEB, "10.96.0.1", 443, destination_service="default/kubernetes", destination_identity="kube-apiserver")
    found = made(flows.seen(edge), *SHOP, ends, flows.service("default", "kubernetes", None, (443, 6443)))
    (rule, _) = policy(found, "web").egress
    assert (peers((rule,)), ports(rule)) == (["192.168.7.9/32"], [("TCP", 6443)])


def test_an_address_that_no_pod_had_then_is_nobody() -> None:
    found = made(flows.seen(flow("10.1.0.7", REDIS, 6379, count=3)), *SHOP)
    assert (found.policies, found.unattributed) == ((), 3)


def test_nodes_may_probe_wherever_the_pod_will_run() -> None:
    nodes = [flows.row("v1", "Node", "", f"n{n}", {}, ips=[f"192.168.7.{n}"]) for n in (1, 2)]
    found = made(flows.seen(flow("192.168.7.1", REDIS, 6379, source_identity="host")), *SHOP, *nodes)
    assert peers(policy(found, "redis").ingress) == ["192.168.7.1/32", "192.168.7.2/32"]


def test_what_a_service_opens_to_the_world_is_open_to_it_but_not_to_private_networks() -> None:
    edges = flows.seen(flow("203.0.113.9", WEB, 8080))
    open_to_all = flows.service("shop", "web", {"app": "web"}, (80, "http"), type="LoadBalancer")
    (rule,) = policy(made(edges, *SHOP, open_to_all), "web").ingress
    (source,) = rule.peers
    assert isinstance(source.peer, Block)
    assert source.peer.cidr == "0.0.0.0/0"
    assert "10.0.0.0/8" in source.peer.without
    some = flows.service(
        "shop", "web", {"app": "web"}, (80, 8080), type="LoadBalancer", loadBalancerSourceRanges=["203.0.113.0/28"]
    )
    assert peers(policy(made(edges, *SHOP, some), "web").ingress) == ["203.0.113.0/28"]


def test_a_caller_of_the_whole_internet_has_one_block_for_it() -> None:
    edges = flows.seen(*[flow(WEB, f"203.{n}.113.9", 443) for n in range(40)])
    assert "0.0.0.0/0" in peers(policy(made(edges, *SHOP), "web").egress)


def test_many_high_ports_are_a_range() -> None:
    edges = flows.seen(*[flow(WEB, REDIS, 40_000 + n) for n in range(9)])
    (port,) = policy(made(edges, *SHOP), "redis").ingress[0].ports
    assert (port.number, port.last) == (40_000, 40_008)


def test_a_workload_on_its_nodes_network_is_met_by_its_labels_and_at_the_nodes() -> None:
    agent = flows.pod("shop", "agent", {"app": "agent"}, hostNetwork=True)
    found = made(flows.seen(flow(("shop", "Deployment", "agent"), REDIS, 6379)), *SHOP, agent)
    assert found.on_host == (Key("shop", "Deployment", "agent"),)
    assert peers(policy(found, "redis").ingress) == ["shop/Deployment/agent", "192.168.7.1/32"]
    assert "most network plugins" in policy(found, "agent").notes[0]


def test_a_namespace_of_which_nothing_was_seen_stays_open() -> None:
    found = made(flows.seen(flow(WEB, REDIS, 6379)), *SHOP, flows.pod("other", "x", {"app": "x"}))
    assert (found.namespaces, found.unseen) == (("shop",), (Key("other", "Deployment", "x"),))


def test_a_kind_that_flows_tell_otherwise_is_the_workload_of_that_name() -> None:
    found = made(flows.seen(flow(("shop", "ReplicaSet", "web"), REDIS, 6379)), *SHOP)
    assert peers(policy(found, "redis").ingress) == ["shop/Deployment/web"]


def test_the_order_of_flows_changes_nothing() -> None:
    rows = [
        flow(WEB, REDIS, 6379),
        flow(WEB, "203.0.113.9", 443),
        flow(REDIS, WEB, 8080),
        flow("198.51.100.7", WEB, 80),
    ]
    assert made(flows.seen(*rows), *SHOP) == made(flows.seen(*rows[::-1]), *SHOP[::-1])


def test_names_say_how_often_in_steps_that_another_day_does_not_change() -> None:
    one, more = (made(flows.seen(flow(WEB, REDIS, 6379), times=times), *SHOP) for times in (1200, 1900))
    assert one == more

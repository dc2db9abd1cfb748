"""Peers that are no workloads."""

from __future__ import annotations

from plimsoll.policies import blocks
from plimsoll.policies.blocks import Address, Block
from plimsoll.policies.drafts import Dialect, Entity, Name, Peer, Seen
from plimsoll.policies.outside import Meeting, Outside, Way, sum_of
from plimsoll.policies.templates import Key
from tests.policies import flows
from tests.policies.flows import SHOP, WEB

NODE = flows.row("v1", "Node", "", "n1", {}, ips=["192.168.7.1"])
SERVER = flows.row("v1", "Endpoints", "default", "kubernetes", {}, ips=["192.168.7.1"])


def met(*texts: str, name: str = "", identity: str = "") -> dict[Address, Meeting]:
    seen = Meeting(Seen(9, frozenset({1})), frozenset({name} - {""}), frozenset({identity} - {""}))
    return {found: seen for text in texts if (found := blocks.address(text))}


def peers(dialect: Dialect, way: Way, found: dict[Address, Meeting], *, asks: bool = True) -> list[Peer]:
    outside = Outside(flows.cluster(*SHOP, NODE, SERVER), dialect)
    return [peer for peer, _ in outside.peers(Key(*WEB), way, ("TCP", 8080), found, asks=asks)]


def test_a_node_that_is_the_api_server_too_calls_as_a_node_and_is_called_as_the_server() -> None:
    entities = Dialect(entities=True)
    assert peers(entities, "ingress", met("192.168.7.1")) == [Entity("host"), Entity("remote-node")]
    assert peers(entities, "egress", met("192.168.7.1")) == [Entity("kube-apiserver")]
    assert peers(entities, "egress", met("192.168.7.5", identity="remote-node")) == [
        Entity("host"),
        Entity("remote-node"),
    ]


def test_names_are_peers_where_the_dialect_has_them_and_the_workload_asks() -> None:
    named = met("203.0.113.7", "203.0.113.8", name="API.example.com.")
    alone = [Block("203.0.113.7/32", (), 1), Block("203.0.113.8/32", (), 1)]
    assert peers(Dialect(domain_names=True), "egress", named) == [Name("api.example.com")]
    assert peers(Dialect(domain_names=True), "egress", named, asks=False) == alone
    assert peers(Dialect(domain_names=True), "ingress", named) == alone
    assert peers(Dialect(), "egress", named) == alone


def test_the_clusters_own_names_and_what_is_none_are_no_peers() -> None:
    for name in ("redis.shop.svc.cluster.local", "localhost", 'a"b.com', "a." * 200 + "com"):
        assert peers(Dialect(domain_names=True), "egress", met("203.0.113.7", name=name)) == [
            Block("203.0.113.7/32", (), 1)
        ]


def test_sightings_of_all_addresses_are_added() -> None:
    assert sum_of(met("203.0.113.7", "203.0.113.8")).times == 18

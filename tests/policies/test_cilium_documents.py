"""What a CiliumNetworkPolicy says, and what of it is not judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plimsoll.policies import addresses, cilium_documents, policy, ports
from plimsoll.policies.cilium_documents import Places
from plimsoll.policies.policy import Block, External, Names, Pods, Workload

NODE, SERVER = addresses.network("192.168.7.1/32"), addresses.network("192.168.7.9/32")
PLACES = Places(NODE, SERVER, addresses.network("10.1.0.0/24"))


def read(**spec: Any) -> policy.Policy:
    text = json.dumps({"spec": {"endpointSelector": {}, **spec}})
    return cilium_documents.read(text, "shop", "web", PLACES)


def egress(**rule: Any) -> policy.Rule:
    (found,) = read(egress=[rule]).egress or ()
    return found


def test_a_way_without_rules_is_left_as_it_is_and_one_that_names_nobody_is_closed() -> None:
    told = read(ingress=[{}], egress=[])
    assert (told.ingress, told.egress) == ((), None)


def test_a_selector_without_a_namespace_is_of_its_own() -> None:
    (near,) = egress(toEndpoints=[{"matchLabels": {"k8s:app": "redis"}}]).peers or ()
    labels = {"k8s:io.kubernetes.pod.namespace": "data", "any:app": "redis", "io.cilium.k8s.namespace.labels.team": "a"}
    (far,) = egress(toEndpoints=[{"matchLabels": labels}]).peers or ()
    redis = Workload("shop", "Deployment", "redis", (("app", "redis"),))
    assert isinstance(near, Pods)
    assert isinstance(far, Pods)
    assert near.has(redis, {})
    assert not far.has(redis, {"kubernetes.io/metadata.name": "shop", "team": "a"})
    assert far.has(redis, {"kubernetes.io/metadata.name": "data", "team": "a"})


def test_entities_are_where_nodes_and_the_api_server_are() -> None:
    host, server, world = egress(toEntities=["host", "kube-apiserver", "world"]).peers or ()
    assert isinstance(host, Block)
    assert isinstance(server, Block)
    assert isinstance(world, Block)
    assert (host.addresses, server.addresses) == (NODE, SERVER)
    assert addresses.written(world.addresses)[0] == "0.0.0.0-10.0.255.255"
    everybody = egress(toEntities=["all"]).peers or ()
    assert len(everybody) == 2


def test_addresses_are_never_those_of_nodes() -> None:
    (block,) = egress(toCIDRSet=[{"cidr": "192.168.7.0/29", "except": ["192.168.7.4/30"]}]).peers or ()
    assert isinstance(block, Block)
    assert addresses.written(block.addresses) == ["192.168.7.0-192.168.7.0", "192.168.7.2-192.168.7.3"]
    assert egress(toCIDR=["10.0.0.0/8"]).peers is not None


def test_names_mean_what_was_reached_by_them() -> None:
    (name, pattern) = egress(toFQDNs=[{"matchName": "API.example.com."}, {"matchPattern": "*.example.org"}]).peers or ()
    assert isinstance(name, Names)
    assert isinstance(pattern, Names)
    assert name.has(External((), ("api.example.com",)))
    assert pattern.has(External((), ("a.example.org",)))
    assert not pattern.has(External((), ("a.b.example.org",)))


def test_ports_are_numbers_names_ranges_or_all() -> None:
    told = [{"port": "80", "protocol": "TCP"}, {"port": "8000", "endPort": 8100, "protocol": "UDP"}, {"port": "http"}]
    rule = egress(toEndpoints=[{}], toPorts=[{"ports": told}])
    web = Workload("shop", "Pod", "web", ports=(policy.NamedPort("http", "TCP", 8080),))
    assert ports.written(rule.of(web)) == "TCP 80,8080,UDP 8000-8100"
    assert egress(toPorts=[{"ports": [{"port": "0"}]}]).of(web) == ports.ALL_PORTS


@pytest.mark.parametrize(
    "rule",
    [
        {"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "80"}], "rules": {"http": [{"path": "/"}]}}]},
        {"icmps": []},
        {"toEntities": ["ingress"]},
        {"toEndpoints": [{"matchLabels": {"reserved:host": ""}}]},
        {"toPorts": [{}]},
        {"toPorts": [{"ports": [{"port": "70000"}]}]},
    ],
)
def test_what_is_not_judged_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(egress=[rule])


def test_denials_and_many_policies_in_one_are_refused() -> None:
    with pytest.raises(ValueError, match="egressDeny"):
        read(egressDeny=[{"toEntities": ["world"]}])
    with pytest.raises(ValueError, match="specs"):
        cilium_documents.read('{"spec": {"endpointSelector": {}}, "specs": [{}]}', "shop", "web", PLACES)

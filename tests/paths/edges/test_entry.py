import pytest

from plimsoll.paths.edges import entry
from tests.paths import clusters
from tests.paths.clusters import pod, thing
from tests.paths.familiar import edges, kinds, steps

INTO = ("ENDPOINT_EXPLOIT", "Endpoint:a/s", "Container:a/p/c")


def service(**spec):
    told = {"selector": {"app": "p"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    return thing("Service", "s", "a", spec=told)


def node(name, **addresses):
    told = [{"type": kind, "address": address} for kind, address in addresses.items()]
    return clusters.node(name) | {"status": {"addresses": told}}


def test_a_public_load_balancer_is_a_way_in_and_names_its_service():
    found = edges(entry.edges, pod("p"), service(type="LoadBalancer"))
    assert [(one.source, one.target, one.objects) for one in found if one.kind == "ENTRY_LB"] == [
        ("Internet", "Endpoint:a/s", ("Service/a/s",))
    ]
    assert INTO in {(one.kind, one.source, one.target) for one in found}


def test_a_service_inside_is_no_way_in_but_answers():
    assert steps(entry.edges, pod("p"), service(type="ClusterIP")) == {INTO}


def test_a_service_that_selects_nobody_leads_nowhere():
    assert steps(entry.edges, pod("q"), service(type="LoadBalancer")) == set()


def test_a_policy_keeps_the_internet_out():
    closed = thing(
        "NetworkPolicy", "d", "a", "networking.k8s.io/v1", spec={"podSelector": {}, "policyTypes": ["Ingress"]}
    )
    assert "ENTRY_LB" not in kinds(entry.edges, pod("p"), service(type="LoadBalancer"), closed)


@pytest.mark.parametrize(
    ("nodes", "certain", "perhaps"),
    [
        ([], True, False),
        ([node("n", InternalIP="10.0.0.1")], False, False),
        ([node("n", InternalIP="10.0.0.1", ExternalIP="203.0.113.1")], True, False),
        ([node("n", ExternalIP="10.0.0.1")], False, False),
    ],
)
def test_a_port_on_nodes_is_public_where_a_node_is(nodes, certain, perhaps):
    told = (pod("p"), service(type="NodePort"), *nodes)
    assert ("ENTRY_NODEPORT" in kinds(entry.edges, *told)) is certain
    assert ("ENTRY_NODEPORT" in kinds(entry.edges, *told, conditional=True)) is perhaps


def test_a_port_that_only_comes_with_a_load_balancer_needs_a_public_node():
    inside = service(type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0/8"])
    assert "ENTRY_NODEPORT" not in kinds(entry.edges, pod("p"), inside)
    assert "ENTRY_NODEPORT" in kinds(entry.edges, pod("p"), inside, conditional=True)
    assert "ENTRY_NODEPORT" in kinds(entry.edges, pod("p"), inside, node("n", ExternalIP="203.0.113.1"))


def test_an_external_address_is_a_way_in():
    assert "ENTRY_EXTERNALIPS" in kinds(entry.edges, pod("p"), service(externalIPs=["203.0.113.5"]))
    assert "ENTRY_EXTERNALIPS" not in kinds(entry.edges, pod("p"), service(externalIPs=["192.168.0.5"]))


def test_a_host_port_is_a_port_of_its_node():
    told = pod("p", nodeName="n", container={"ports": [{"containerPort": 80, "hostPort": 8080}]})
    found = steps(entry.edges, told, node("n", ExternalIP="203.0.113.1"))
    assert {
        ("ENTRY_NODEPORT", "Internet", "Endpoint:a/p"),
        ("ENDPOINT_EXPLOIT", "Endpoint:a/p", "Container:a/p/c"),
    } <= found
    assert "ENTRY_NODEPORT" not in kinds(
        entry.edges, told, node("m", ExternalIP="203.0.113.1"), node("n", InternalIP="10.0.0.1")
    )


def test_what_listens_in_the_nodes_network_tells_its_ports():
    told = pod("p", nodeName="n", hostNetwork=True, container={"ports": [{"containerPort": 80}]})
    public = node("n", ExternalIP="203.0.113.1")
    assert "ENTRY_NODEPORT" in kinds(entry.edges, told, public)
    assert "ENTRY_NODEPORT" not in kinds(entry.edges, pod("p", nodeName="n", hostNetwork=True), public)

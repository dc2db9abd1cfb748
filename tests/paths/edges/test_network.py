from plimsoll.paths.edges import network
from tests.paths.clusters import namespace, pod, thing
from tests.paths.familiar import edges, steps

A, B = "Container:a/p/c", "Container:b/q/c"
BOTH = (namespace("a"), namespace("b"), pod("p", "a"), pod("q", "b"))
SERVICE = thing("Service", "s", "a", spec={"selector": {"app": "p"}, "ports": [{"port": 80, "targetPort": 8080}]})


def policy(**spec):
    return thing("NetworkPolicy", "d", "a", "networking.k8s.io/v1", spec={"podSelector": {}, **spec})


def test_pods_reach_each_other_where_nothing_keeps_them():
    found = steps(network.edges, *BOTH)
    assert {("NET_REACH", A, B), ("NET_REACH", B, A)} <= found


def test_a_policy_keeps_one_way_only():
    found = steps(network.edges, *BOTH, policy(policyTypes=["Ingress"]))
    assert ("NET_REACH", A, B) in found
    assert ("NET_REACH", B, A) not in found


def test_a_service_is_called_on_the_port_it_leads_to():
    reached = ("NET_REACH", B, "Endpoint:a/s")
    other = policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 9090}]}])
    right = policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 8080}]}])
    assert reached in steps(network.edges, *BOTH, SERVICE)
    assert reached not in steps(network.edges, *BOTH, SERVICE, other)
    assert reached in steps(network.edges, *BOTH, SERVICE, right)


def test_a_pod_that_is_reached_is_not_held_but_a_service_is_called():
    walk = {one.target: one.walk for one in edges(network.edges, *BOTH, SERVICE) if one.source == B}
    assert walk["Endpoint:a/s"]
    assert not walk[A]
    assert not walk["Internet"]


def test_calling_out_needs_the_internet_at_large():
    outward = ("EGRESS_INTERNET", A, "Internet")
    assert outward in steps(network.edges, *BOTH)
    inside = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
    assert outward not in steps(network.edges, *BOTH, policy(policyTypes=["Egress"], egress=[inside]))

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.paths import services
from plimsoll.policies import ports
from tests.paths.clusters import model, pod, thing


def of(body, *others):
    told = model(body, *others)
    return told.services[0], (told.workloads[0] if told.workloads else None)


def service(**spec):
    metadata = {"annotations": spec.pop("annotations", {})}
    status = spec.pop("status", {})
    told = {"selector": {"app": "p"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    return thing("Service", "s", "a", metadata=metadata, spec=told, status=status)


def test_a_service_leads_to_ports_that_no_container_needs_to_tell():
    one, workload = of(service(), pod("p"))
    assert ports.written(services.targets(one, workload)) == "TCP 8080"
    assert [name for name, _ in services.listening(one, workload)] == ["Container:a/p/c"]


def test_a_port_by_name_leads_where_a_container_tells_it():
    named = service(ports=[{"port": 80, "targetPort": "http"}])
    one, workload = of(named, pod("p", container={"ports": [{"name": "http", "containerPort": 81}]}))
    assert ports.written(services.targets(one, workload)) == "TCP 81"
    one, workload = of(named, pod("p"))
    assert list(services.listening(one, workload)) == []


def test_the_container_that_tells_the_port_answers():
    told = pod("p")
    told["spec"]["containers"].append({"name": "d", "ports": [{"containerPort": 8080}]})
    told["spec"]["initContainers"] = [{"name": "i"}]
    one, workload = of(service(), told)
    assert [name for name, _ in services.listening(one, workload)] == ["Container:a/p/d"]


@pytest.mark.parametrize(
    ("spec", "balanced"),
    [
        ({"type": "LoadBalancer"}, True),
        ({"type": "ClusterIP"}, False),
        ({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}, False),
        ({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8", "0.0.0.0/0"]}, True),
        ({"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/24"]}, False),
        ({"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb"}, False),
        ({"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"ip": "10.1.2.3"}]}}}, False),
        ({"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}}, True),
        ({"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"hostname": "x.example"}]}}}, True),
        ({"type": "LoadBalancer", "annotations": {"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8"}}, False),
    ],
)  # fmt: skip
def test_a_load_balancer_is_public_unless_something_says_not(spec, balanced):
    assert services.is_balanced(of(service(**spec))[0]) is balanced


def test_a_load_balancer_opens_ports_on_nodes_too_unless_told_not_to():
    assert services.node_ports(of(service(type="NodePort"))[0])
    assert services.node_ports(of(service(type="LoadBalancer"))[0])
    assert not services.node_ports(of(service(type="LoadBalancer", allocateLoadBalancerNodePorts=False))[0])
    assert not services.node_ports(of(service(type="ClusterIP"))[0])


@given(st.text(max_size=40))
def test_any_address_is_read(address):
    services.is_private(address)

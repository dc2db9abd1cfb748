import pytest

from plimsoll.paths import reach
from plimsoll.policies import ports
from tests.paths.clusters import model, pod, thing


def policy(name: str, selector: dict[str, object], namespace: str = "a", **spec: object):
    return thing("NetworkPolicy", name, namespace, "networking.k8s.io/v1", spec={"podSelector": selector, **spec})


def pairs(*bodies: dict[str, object]) -> set[tuple[str, str]]:
    return {
        (source.name, target.name)
        for one in model(*bodies).reach.pairs()
        for source in one.source.workloads
        for target in one.target.workloads
    }


def test_without_policies_all_workloads_are_one_group() -> None:
    told = model(pod("p"), pod("q", "b"))
    assert [len(one.workloads) for one in told.reach.groups] == [2]
    assert [one.ports for one in told.reach.pairs()] == [ports.ALL_PORTS]


def test_a_policy_for_ingress_closes_what_it_does_not_open() -> None:
    assert pairs(pod("p"), pod("q", "b"), policy("d", {}, policyTypes=["Ingress"])) == {("p", "q"), ("q", "q")}


def test_a_pod_in_its_nodes_network_passes_policies_of_its_own() -> None:
    told = (pod("p", hostNetwork=True), pod("q", "b"), policy("d", {}, policyTypes=["Egress"]))
    assert ("p", "q") in pairs(*told)


def test_a_cluster_without_pods_has_no_pairs() -> None:
    assert pairs() == set()


@pytest.mark.parametrize(
    ("block", "opened"),
    [
        ({"cidr": "0.0.0.0/0"}, True),
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, True),
        ({"cidr": "203.0.113.0/24"}, False),
        ({"cidr": "10.0.0.0/8"}, False),
    ],
)
def test_the_internet_at_large_is_what_no_policy_names_closely(block: dict[str, object], opened: bool) -> None:
    told = model(pod("p"), policy("d", {}, policyTypes=["Ingress"], ingress=[{"from": [{"ipBlock": block}]}]))
    assert bool(told.reach.from_internet(told.workloads[0])) is opened


def test_an_address_outside_is_closed_by_an_exception() -> None:
    block = {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}
    told = model(pod("p"), policy("d", {}, policyTypes=["Egress"], egress=[{"to": [{"ipBlock": block}]}]))
    only = told.workloads[0]
    assert not told.reach.to_address(only, "169.254.169.254", "TCP", 80)
    assert told.reach.to_address(only, "198.51.100.7", "TCP", 80)
    assert told.reach.to_internet(only)
    assert not told.reach.to_address(only, "nowhere", "TCP", 80)


def test_a_policy_the_api_would_refuse_is_set_aside() -> None:
    told = model(pod("p"), policy("d", {}, policyTypes=["Ingress"], ingress=7))
    assert len(told.reach.policies.refused) == 1


def test_an_object_that_cannot_be_written_down_is_no_row() -> None:
    circle: dict[str, object] = {"kind": "Namespace"}
    circle["metadata"] = circle
    told = model(circle)
    assert [reach.as_row(one) for one in told.cluster.objects] == [{}]


def test_who_is_on_the_nodes_network_is_let_in_everywhere() -> None:
    closed = thing(
        "NetworkPolicy", "d", "a", "networking.k8s.io/v1", spec={"podSelector": {}, "policyTypes": ["Ingress"]}
    )
    told = model(closed, pod("p"), pod("q", "b", hostNetwork=True), pod("r", "b"))
    reached = {(one.source.workloads[0].name, one.target.workloads[0].name) for one in told.reach.pairs()}
    assert ("q", "p") in reached
    assert ("r", "p") not in reached

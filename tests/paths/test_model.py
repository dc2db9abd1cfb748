from plimsoll.paths import model as models
from plimsoll.paths import nodes
from tests.paths.clusters import account, bind, deployment, model, namespace, node, pod, thing


def service(name: str, selector: dict[str, str] | None, **spec: object):
    return thing("Service", name, "a", spec={"selector": selector, **spec})


def test_a_service_has_the_workloads_it_selects_and_none_without_a_selector() -> None:
    told = model(pod("p"), service("s", {"app": "p"}), service("all", None), service("no", {"app": "q"}))
    assert [[one.name for one in each.workloads] for each in told.services] == [["p"], [], []]


def test_a_port_of_a_service_leads_to_its_own_number_unless_told_otherwise() -> None:
    ports = [{"port": 80}, {"port": 443, "targetPort": "https", "nodePort": 30443}, {"port": "x"}]
    (told,) = model(service("s", {"app": "p"}, ports=ports)).services
    assert [(one.number, one.target) for one in told.ports] == [(80, 80), (443, "https")]


def test_pod_security_holds_pods_to_the_level_that_is_enforced() -> None:
    label = {"pod-security.kubernetes.io__enforce": "baseline"}
    told = model(
        namespace("a", **label), namespace("b", **{"pod-security.kubernetes.io__warn": "restricted"}), pod("p", "c")
    )
    assert [told.namespaces[one].enforces for one in "abc"] == ["baseline", "privileged", "privileged"]


def test_a_level_that_is_none_is_held_to_be_the_strictest_as_admission_does() -> None:
    told = model(namespace("a", **{"pod-security.kubernetes.io__enforce": "strict"}))
    assert told.namespaces["a"].enforces == "restricted"


def test_an_escape_leads_to_the_pods_node_or_to_those_it_could_be_on() -> None:
    told = model(pod("fixed", nodeName="n1"), pod("free"), pod("ssd", nodeSelector={"disk": "ssd"}))
    assert {one.name: told.node_of[one] for one in told.workloads} == {
        "fixed": "Node:n1",
        "free": "Node:n1",
        "ssd": "Node:n1",
    }
    wide = model(pod("free"), pod("ssd", nodeSelector={"disk": "ssd"}), *(node(f"n{digit}") for digit in "123"))
    assert {nodes.shown(wide.node_of[one]) for one in wide.workloads} == {"Node:*"}
    assert {one.target for one in wide.sets() if one.source == wide.any_node} == {"Node:n1", "Node:n2", "Node:n3"}
    assert model(pod("free")).any_node == nodes.ANY_NODE


def test_accounts_are_those_that_are_told_run_or_are_bound() -> None:
    told = model(account("x"), pod("p", serviceAccountName="y"), bind("b", "ClusterRole/view", "SA:b/z", "User:eve"))
    assert set(told.accounts) == {("a", "x"), ("a", "y"), ("b", "z")}
    assert told.people == ("User:eve",)


def test_secrets_are_those_that_are_told_and_those_that_pods_refer_to() -> None:
    env = [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "key"}}}]
    told = model(
        thing("Secret", "s", "a"), deployment("d", container={"env": env, "envFrom": [{"secretRef": {"name": "all"}}]})
    )
    assert set(told.secrets) == {("a", "s"), ("a", "key"), ("a", "all")}


def test_fields_of_a_wrong_type_are_nothing() -> None:
    broken = [thing("Pod", "p", "a", spec=[]), thing("Service", "s", "a", spec={"selector": 7, "ports": 7})]
    told = model(*broken, thing("Node", "n", spec="x"))
    assert told.services[0].workloads == ()
    assert list(models.referred({"volumes": 3, "containers": "c"})) == []

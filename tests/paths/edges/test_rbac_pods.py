import pytest

from plimsoll.paths.edges.rbac_pods import edges
from tests.paths.clusters import account, deployment, may, namespace, node, pod, rule, thing
from tests.paths.shown import targets

BASELINE = {"pod-security.kubernetes.io__enforce": "baseline"}


@pytest.mark.parametrize(
    ("group", "resource"),
    [
        ("", "pods"),
        ("apps", "deployments"),
        ("apps", "daemonsets"),
        ("batch", "cronjobs"),
        ("", "replicationcontrollers"),
    ],
)
def test_who_creates_pods_or_what_makes_them_runs_as_any_account_of_the_namespace(group: str, resource: str) -> None:
    told = (*may(rule("create", resource, group), namespace="a"), account("boss"), account("other", "b"))
    assert targets(edges, "POD_CREATE_SA", *told) == {"SA:a/x", "SA:a/boss"}


@pytest.mark.parametrize(
    ("group", "resource"), [("apps", "pods"), ("", "deployments"), ("", "pods/log"), ("", "pods/*")]
)
def test_a_wrong_group_or_subresource_gives_nothing(group: str, resource: str) -> None:
    assert targets(edges, "POD_CREATE_SA", *may(rule("create", resource, group)), account("boss")) == set()


def test_names_of_objects_never_allow_to_create_pods() -> None:
    assert targets(edges, "POD_CREATE_SA", *may(rule("create", "pods", names="p"))) == set()


@pytest.mark.parametrize(
    ("label", "expected"),
    [({}, {"Node:*"}), (BASELINE, set()), ({"pod-security.kubernetes.io__warn": "baseline"}, {"Node:*"})],
)
def test_pod_security_keeps_escaping_pods_out(label: dict[str, str], expected: set[str]) -> None:
    told = (*may(rule("create", "pods"), namespace="a"), namespace("a", **label))
    assert targets(edges, "POD_CREATE_NODE", *told) == expected


def test_a_pod_can_be_put_on_any_node() -> None:
    told = (
        *may(rule("create", "pods"), namespace="a"),
        node("n1", [{"key": "control", "effect": "NoSchedule"}]),
        node("n2"),
    )
    assert targets(edges, "POD_CREATE_NODE", *told) == {"Node:n1", "Node:n2"}


def test_one_namespace_that_admits_is_enough_for_rights_over_all() -> None:
    told = (*may(rule("create", "pods")), namespace("a", **BASELINE), namespace("b"))
    assert targets(edges, "POD_CREATE_NODE", *told) == {"Node:*"}


def test_who_may_take_the_label_off_is_let_in() -> None:
    made = may(rule("create", "pods"), namespace="a", name="make")
    for names, expected in (("a", {"Node:*"}), ("b", set())):
        told = (*made, *may(rule("patch", "namespaces", names=names), name="label"), namespace("a", **BASELINE))
        assert targets(edges, "POD_CREATE_NODE", *told) == expected


def test_a_namespace_is_relabelled_by_rights_inside_it() -> None:
    told = (*may(rule("create", "pods"), rule("update", "namespaces"), namespace="a"), namespace("a", **BASELINE))
    assert targets(edges, "POD_CREATE_NODE", *told) == {"Node:*"}


def test_a_new_namespace_holds_nobody_to_anything() -> None:
    told = (*may(rule("create", "pods"), rule("create", "namespaces")), namespace("a", **BASELINE))
    assert targets(edges, "POD_CREATE_NODE", *told) == {"Node:*"}
    inside = (*may(rule("create", "pods"), namespace="a", name="p"), *may(rule("create", "namespaces"), name="n"))
    assert targets(edges, "POD_CREATE_NODE", *inside, namespace("a", **BASELINE)) == set()


def test_a_volume_of_the_nodes_files_passes_pod_security() -> None:
    volume = may(rule("create", "persistentvolumes"), name="v")
    rest = may(rule("create", "pods persistentvolumeclaims"), namespace="a")
    assert targets(edges, "PV_CREATE", *volume, *rest, namespace("a", **BASELINE)) == {"Node:*"}
    assert targets(edges, "PV_CREATE", *volume, *may(rule("create", "pods"), namespace="a")) == set()
    assert (
        targets(
            edges, "PV_CREATE", *may(rule("create", "persistentvolumes persistentvolumeclaims pods"), namespace="a")
        )
        == set()
    )


def test_a_named_template_can_be_changed_to_run_as_any_account() -> None:
    told = (
        *may(rule("patch", "deployments", "apps", "d1"), namespace="a"),
        deployment("d1"),
        deployment("d2"),
        account("s2"),
    )
    assert targets(edges, "WORKLOAD_PATCH", *told) == {"Workload:a/Deployment/d1"}
    assert "SA:a/s2" in targets(edges, "POD_CREATE_SA", *told)
    whole = "Workload:a/Deployment/d1"
    assert targets(edges, "POD_CREATE_SA", *told, source=whole) == {"SA:a/s2", "SA:a/x", "SA:a/default"}
    assert targets(edges, "POD_CREATE_NODE", *told, source=whole) == {"Node:*"}
    assert targets(edges, "WORKLOAD_PATCH", *told, source=whole) == {"Container:a/d1/c"}


def test_what_is_scaled_to_nothing_can_be_changed() -> None:
    told = (*may(rule("update", "deployments", "apps"), namespace="a"), deployment("d", replicas=0))
    assert targets(edges, "WORKLOAD_PATCH", *told) == {"Workload:a/Deployment/d"}


def test_the_template_of_a_job_cannot_be_changed() -> None:
    job = thing("Job", "j", "a", "batch/v1", spec={"template": {"spec": {"containers": []}}})
    assert targets(edges, "WORKLOAD_PATCH", *may(rule("patch", "jobs", "batch"), namespace="a"), job) == set()


def test_a_pod_can_mount_any_secret_of_its_namespace() -> None:
    told = (*may(rule("create", "pods"), namespace="a"), thing("Secret", "s", "a"), thing("Secret", "t", "b"))
    assert targets(edges, "POD_CREATE_SECRET", *told) == {"Secret:a/s"}


def test_a_cluster_of_no_known_namespace_admits() -> None:
    assert targets(edges, "POD_CREATE_NODE", *may(rule("create", "pods"), who="User:eve"), source="User:eve") == {
        "Node:*"
    }
    assert pod("p")["kind"] == "Pod"

from plimsoll.paths.removal import without
from tests.paths.clusters import cluster, deployment, pod, thing


def owned(name: str, kind: str, by: str):
    one = pod(name)
    one["metadata"]["ownerReferences"] = [{"kind": kind, "name": by, "controller": True}]
    return one


def left(*refs: str) -> set[str]:
    replicas = thing("ReplicaSet", "r", "a", "apps/v1")
    replicas["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "d", "controller": True}]
    told = cluster(
        deployment("d"), replicas, owned("p", "ReplicaSet", "r"), owned("q", "Job", "gone"), thing("ClusterRole", "r")
    )
    return {f"{one.kind}/{one.name}" for one in without(told, refs).objects}


def test_what_an_object_controls_goes_with_it() -> None:
    assert left("Deployment/a/d") == {"Pod/q", "ClusterRole/r"}


def test_an_owner_that_is_not_there_takes_its_pods_along() -> None:
    assert left("Job/a/gone") == {"Deployment/d", "ReplicaSet/r", "Pod/p", "ClusterRole/r"}


def test_what_is_in_no_namespace_is_named_without_one() -> None:
    assert "ClusterRole/r" not in left("ClusterRole/r")
    assert left("Deployment/b/d") == left()

import pytest

from plimsoll.paths import workloads
from tests.paths.clusters import cluster, deployment, pod, thing


def owned(name: str, by: str = "web-5d8f7c", **spec: object):
    one = pod(name, **spec)
    one["metadata"] |= {
        "labels": {"app": "web", "pod-template-hash": "5d8f7c"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": by, "controller": True}],
    }
    return one


def test_replicas_are_one_workload_with_the_pods_names() -> None:
    (one,) = workloads.read(cluster(owned("web-1", nodeName="n1"), owned("web-2", nodeName="n2")))
    assert (one.kind, one.name, one.pods, one.nodes) == ("Deployment", "web", ("web-1", "web-2"), ("n1", "n2"))


def test_a_generated_name_of_a_token_volume_does_not_tell_replicas_apart() -> None:
    pods = [
        owned(f"web-{digit}", volumes=[{"name": f"kube-api-access-abc{digit}2", "projected": {"sources": []}}])
        for digit in "23"
    ]
    assert len(workloads.read(cluster(*pods))) == 1


def test_replicas_that_can_touch_their_node_are_told_apart_by_it() -> None:
    pods = [owned(f"web-{number}", nodeName=f"n{number}", hostPID=True) for number in (1, 2)]
    assert [one.nodes for one in workloads.read(cluster(*pods))] == [("n1",), ("n2",)]


def test_replicas_with_other_images_are_told_apart() -> None:
    assert len(workloads.read(cluster(owned("web-1"), owned("web-2", container={"image": "other"})))) == 2


def test_a_template_stands_where_nothing_has_been_made_of_it() -> None:
    replicas = thing("ReplicaSet", "web-5d8f7c", "a", "apps/v1", spec={"template": {"spec": {}}})
    replicas["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", "controller": True}]
    (alone,) = workloads.read(cluster(deployment("web"), replicas))
    assert (alone.kind, alone.pods) == ("Deployment", ())
    (made,) = workloads.read(cluster(deployment("web"), replicas, owned("web-1")))
    assert made.pods == ("web-1",)
    assert made.ref == "Deployment/a/web"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_runs_nothing(phase: str) -> None:
    assert workloads.read(cluster(pod("done") | {"status": {"phase": phase}})) == []


def test_what_is_scaled_to_nothing_runs_nothing_and_is_still_a_template() -> None:
    told = cluster(deployment("web", replicas=0))
    assert workloads.read(told) == []
    assert [one.name for one in workloads.templates(told)] == ["web"]


def test_a_mirror_of_a_static_pod_is_a_pod() -> None:
    one = pod("etcd-n1", "kube-system", nodeName="n1")
    one["metadata"]["ownerReferences"] = [{"kind": "Node", "name": "n1", "controller": True}]
    (found,) = workloads.read(cluster(one))
    assert (found.kind, found.name) == ("Pod", "etcd-n1")


def test_owners_in_a_circle_end() -> None:
    one, other = (thing("ReplicaSet", name, "a", "apps/v1", spec={}) for name in "xy")
    one["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "y", "controller": True}]
    other["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "x", "controller": True}]
    circle = pod("p")
    circle["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "x", "controller": True}]
    assert len(workloads.read(cluster(one, other, circle))) == 1

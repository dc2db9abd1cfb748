"""A pod belongs to what outlives it: through rollouts, runs, and owners that are not there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.cluster import owners

Owned = owners.Owned


def known(*objects: Owned) -> dict[tuple[str, str, str], Owned]:
    return {(one.namespace, one.kind, one.name): one for one in objects}


def pod(name: str, kind: str | None = None, owner: str | None = None, **labels: str) -> Owned:
    return Owned("shop", "Pod", name, kind, owner, {key.replace("_", "-"): value for key, value in labels.items()})


REPLICAS = Owned("shop", "ReplicaSet", "web-5d8f7c", "Deployment", "web")
RUN = Owned("shop", "Job", "report-29000026", "CronJob", "report")


@pytest.mark.parametrize(
    ("one", "objects", "top"),
    [
        (pod("web-5d8f7c-abcde", "ReplicaSet", "web-5d8f7c"), [REPLICAS], ("Deployment", "web")),
        (pod("web-5d8f7c-abcde", "ReplicaSet", "web-5d8f7c", pod_template_hash="5d8f7c"), [], ("Deployment", "web")),
        (pod("web-5d8f7c9b4-abcde", "ReplicaSet", "web-5d8f7c9b4"), [], ("Deployment", "web")),
        (pod("web-abcde", "ReplicaSet", "web"), [], ("ReplicaSet", "web")),
        (pod("web-abcde", "ReplicaSet", "web"), [Owned("shop", "ReplicaSet", "web")], ("ReplicaSet", "web")),
        (pod("web-5d8f7c-x", "ReplicaSet", "web-5d8f7c", rollouts_pod_template_hash="5d8f7c"), [], ("Rollout", "web")),
        (pod("report-29000026-abcde", "Job", "report-29000026"), [RUN], ("CronJob", "report")),
        (pod("report-29000026-abcde", "Job", "report-29000026"), [], ("CronJob", "report")),
        (pod("migrate-abcde", "Job", "migrate"), [], ("Job", "migrate")),
        (pod("migrate-abcde", "Job", "migrate"), [Owned("shop", "Job", "migrate")], ("Job", "migrate")),
        (
            pod("seed-x2k4q-abcde", "Job", "seed-x2k4q"),
            [Owned("shop", "Job", "seed-x2k4q", generated="seed-")],
            ("Job", "seed"),
        ),
        (pod("redis-0", "StatefulSet", "redis"), [], ("StatefulSet", "redis")),
        (pod("log-x2k4q", "DaemonSet", "log"), [], ("DaemonSet", "log")),
        (pod("etcd-n1", "Node", "n1"), [], ("Pod", "etcd")),
        (pod("alone"), [], ("Pod", "alone")),
        (Owned("shop", "Pod", "task-x2k4q", generated="task-"), [], ("Pod", "task")),
        (pod("kafka-0", "StrimziPodSet", "kafka"), [], ("StrimziPodSet", "kafka")),
        (pod("build-x2k4q-main", "Workflow", "build-x2k4q"), [], ("Workflow", "build")),
        (pod("app-1-abcde", "ReplicationController", "app-1", deploymentconfig="app"), [], ("DeploymentConfig", "app")),
        (Owned("shop", "Deployment", "web", "ArgoCD", "cd"), [], ("Deployment", "web")),
        (REPLICAS, [], ("Deployment", "web")),
    ],
)
def test_the_top_of_the_owners(one: Owned, objects: list[Owned], top: tuple[str, str]) -> None:
    assert owners.workload(one, known(*objects)) == top


def test_an_operators_workload_is_the_workload_itself() -> None:
    operated = Owned("shop", "StatefulSet", "prometheus", "Prometheus", "main")
    assert owners.workload(pod("prometheus-0", "StatefulSet", "prometheus"), known(operated)) == (
        "StatefulSet",
        "prometheus",
    )


def test_owners_of_another_namespace_are_none() -> None:
    other = Owned("else", "ReplicaSet", "web-abc", "Rollout", "wrong")
    assert owners.workload(pod("web-abc-x", "ReplicaSet", "web-abc"), known(other)) == ("ReplicaSet", "web-abc")


KINDS = st.sampled_from(["Pod", "ReplicaSet", "Job", "Deployment", "Own", "Node"])
NAMES = st.sampled_from(["a", "a-5d8f7c9b4", "a-29000026", ""])


@given(st.lists(st.builds(Owned, st.just("shop"), KINDS, NAMES, KINDS, NAMES), min_size=1, max_size=6))
def test_owners_in_a_ring_have_an_end(objects: list[Owned]) -> None:
    for one in objects:
        kind, name = owners.workload(one, known(*objects))
        assert kind
        assert name or not all(each.name for each in objects)

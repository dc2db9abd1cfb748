from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.posture import objects

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["spec", "template", "metadata", "containers", "securityContext", "jobTemplate", "name"])
hostile = st.recursive(
    anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(objects.WORKLOADS), st.dictionaries(names, hostile, max_size=4))
def test_no_body_is_too_strange(kind, body):
    one = objects.Object({**body, "kind": kind})
    assert one.pod is not None
    assert isinstance(one.pod.service_account, str)
    assert all(isinstance(value, dict) for value in (one.spec, one.labels, one.annotations, one.pod.labels))


def test_containers_come_in_kubernetes_order_with_their_fields():
    spec = {"containers": [{"name": "b"}, "x", {"name": "c"}], "initContainers": [{"name": "a"}]}
    pod = objects.Object({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}).pod
    before = "spec.jobTemplate.spec.template.spec"
    assert [(one.name, one.field) for one in pod.containers] == [
        ("a", f"{before}.initContainers[0]"),
        ("b", f"{before}.containers[0]"),
        ("c", f"{before}.containers[2]"),
    ]


@pytest.mark.parametrize(("api", "group"), [("v1", ""), ("apps/v1", "apps"), (None, "")])
def test_an_object_knows_its_group(api, group):
    assert objects.Object({"kind": "X", "apiVersion": api}).group == group


def test_what_looks_like_a_workload_of_another_group_has_no_pod():
    assert objects.Object({"kind": "Job", "apiVersion": "batch.volcano.sh/v1alpha1"}).pod is None


def test_a_cluster_finds_by_kind_and_by_name():
    one = objects.Object({"kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "x"}})
    role = objects.Object({"kind": "ClusterRole", "metadata": {"name": "r"}})
    cluster = objects.Cluster([one, role])
    assert cluster.get("ServiceAccount", "x", "a") is one
    assert cluster.get("ServiceAccount", "y", "a") is None
    assert cluster.get("ClusterRole", "x", "r") is role
    assert list(cluster.of("ClusterRole", "ServiceAccount")) == [role, one]
    assert cluster.workloads == ()


def test_a_cluster_knows_what_is_in_one_namespace():
    mine, theirs = (
        objects.Object({"kind": "NetworkPolicy", "metadata": {"namespace": name}}) for name in ("default", "x")
    )
    cluster = objects.Cluster([mine, theirs])
    assert cluster.beside(objects.Object({"kind": "Pod"}), "NetworkPolicy") == [mine]
    assert cluster.beside(theirs, "Service") == ()

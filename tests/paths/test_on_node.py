from plimsoll.paths import on_node
from tests.paths.clusters import account, model, node, pod, thing


def names(kept):
    return {where: {name for name, _ in one.members} for one in kept for where in one.nodes or ("",)}


def test_what_lies_on_a_node_is_that_of_its_pods():
    found = on_node.OnNodes(model(pod("p", nodeName="n1", serviceAccountName="x"), pod("q", nodeName="n2")))
    assert names(found.tokens) == {"n1": {"SA:a/x"}, "n2": {"SA:a/default"}}
    assert names(found.containers)["n1"] == {"Container:a/p/c"}


def test_a_pod_without_a_node_could_be_on_any_that_takes_it():
    taint = {"key": "gpu", "effect": "NoSchedule"}
    told = model(node("n1"), node("n2"), node("n3", [taint]), pod("p", serviceAccountName="x"))
    found = on_node.OnNodes(told)
    assert [one.nodes for one in found.tokens] == [("n1", "n2")]
    assert list(found.near(told.workloads[0], found.tokens)) == [found.tokens[0].name]


def test_secrets_of_a_node_are_those_that_its_pods_refer_to_and_are_pulled_with():
    puller = account("x") | {"imagePullSecrets": [{"name": "pull"}]}
    told = pod(
        "p",
        serviceAccountName="x",
        container={"envFrom": [{"secretRef": {"name": "env"}}, {"secretRef": {"name": "gone", "optional": True}}]},
    )
    found = on_node.OnNodes(model(puller, told))
    assert names(found.secrets)[""] == {"Secret:a/env", "Secret:a/pull"}


def test_a_static_pod_refers_to_no_secret():
    told = pod(
        "p",
        nodeName="n",
        metadata={"annotations": {"kubernetes.io/config.source": "file"}},
        imagePullSecrets=[{"name": "s"}],
    )
    assert on_node.OnNodes(model(told)).secrets == []


def test_the_control_plane_is_told_by_label_taint_or_what_runs_there():
    etcd = thing(
        "Pod",
        "etcd-n4",
        "kube-system",
        metadata={"labels": {"component": "etcd", "tier": "control-plane"}},
        spec={"nodeName": "n4", "containers": [{"name": "etcd"}]},
    )
    told = model(
        node("n1", **{"node-role.kubernetes.io/control-plane": ""}),
        node("n2", [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}]),
        node("n3"),
        etcd,
    )
    found = on_node.control_planes(told)
    assert set(found) == {"n1", "n2", "n4"}
    assert on_node.may_be_control_plane(told, next(one for one in told.workloads if one.name == "etcd-n4"), found)


def test_a_pod_that_seeks_the_control_plane_may_be_there_when_no_node_is_known():
    told = model(pod("p", nodeSelector={"node-role.kubernetes.io/control-plane": ""}), pod("q"))
    assert [on_node.may_be_control_plane(told, one, {}) for one in told.workloads] == [True, False]

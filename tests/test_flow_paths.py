from plimsoll import flow_paths, flow_scan, store
from plimsoll.paths.answer import Question

CLUSTER = """
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: a}
spec: {serviceAccountName: x, containers: [{name: c, image: app}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, namespace: a, name: x}]
"""


def test_all_sources_together_are_one_cluster(tmp_path) -> None:
    one, two = CLUSTER.split("---\n")
    (tmp_path / "one.yaml").write_text(one)
    (tmp_path / "two.yaml").write_text(two + "\n---\nkind: [\n")
    found = flow_paths.paths([str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml")], Question())
    assert "Sink:cluster-admin" in {route.nodes[-1] for route in found.answer.routes}
    assert found.read.rejected == 1


def test_a_change_is_put_into_the_cluster_around_it(tmp_path) -> None:
    binding = CLUSTER.split("---\n")[1]
    for name, told in (("before", binding.replace("cluster-admin", "view")), ("after", binding), ("around", CLUSTER)):
        (tmp_path / f"{name}.yaml").write_text(told)
    found = flow_paths.changed(
        *(str(tmp_path / f"{name}.yaml") for name in ("before", "after")),
        [str(tmp_path / "around.yaml")],
        Question((), ("Sink:cluster-admin",)),
    )
    assert [one.nodes[0] for one in found.difference.opened] == ["Container:a/p/c"]
    assert found.difference.closed == []
    assert flow_paths.rejects(found.reads) == ([], 0)


def test_a_profile_tells_what_is_used(tmp_path) -> None:
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    store.Profile.open(tmp_path / "profile", create=True)
    found = flow_paths.paths([str(tmp_path / "cluster.yaml")], Question(), tmp_path / "profile")
    assert found.answer.habits is not None
    assert [found.answer.use(step) for step in found.answer.steps] == [None] * len(found.answer.steps)


def test_a_large_cluster_is_not_asked_in_passing(tmp_path, monkeypatch) -> None:
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    objects = flow_scan.read([str(tmp_path / "cluster.yaml")]).objects
    found = flow_paths.few(objects, Question())
    assert found is not None
    assert found.routes
    monkeypatch.setattr(flow_paths, "IN_PASSING", 0)
    assert flow_paths.few(objects, Question()) is None


def test_two_clusters_differ_by_the_paths_of_one(tmp_path) -> None:
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    objects = flow_scan.read([str(tmp_path / "cluster.yaml")]).objects
    changed = flow_paths.between(objects, objects[:1], Question((), ("Sink:cluster-admin",)))
    assert [one.nodes[0] for one in changed.difference.closed] == ["Container:a/p/c"]
    assert changed.difference.opened == []

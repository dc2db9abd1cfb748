"""Open paths as results that lead to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll import flow_paths
from plimsoll.outputs import routes_sarif
from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.model import Model
from plimsoll.posture.objects import Cluster
from tests.outputs.test_sarif import SHAPE
from tests.paths.clusters import bind, model, pod, thing

CLUSTER = """apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  serviceAccountName: x
  containers: [{name: c, image: x, securityContext: {privileged: true}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: x, namespace: shop}]
"""


def told(found: Answer, folder: str = "") -> dict[str, Any]:
    log: dict[str, Any] = json.loads("".join(routes_sarif.text(found, folder)))
    return log


@pytest.fixture
def found(tmp_path: Path) -> Answer:
    (tmp_path / "shop.yaml").write_text(CLUSTER)
    return flow_paths.paths([str(tmp_path)], Question(("Internet",), ("Sink:cluster-admin", "Node:*"))).answer


def test_a_log_has_the_published_shape(found: Answer, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(told(found, str(tmp_path)), SHAPE)
    jsonschema.validate(told(Answer(Model(Cluster([])), Question())), SHAPE)


def test_each_open_path_is_a_result_of_the_rule_of_its_goal(found: Answer) -> None:
    (run,) = told(found)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(found.routes)
    for result, route in zip(run["results"], found.routes, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["properties"]["nodes"] == list(route.nodes)
    prints = [result["partialFingerprints"]["plimsoll/path/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    by_id = {rule["id"]: rule for rule in rules}
    assert by_id["path-to-cluster-admin"]["properties"]["security-severity"] == "10.0"
    assert by_id["path-to-cluster-admin"]["defaultConfiguration"]["level"] == "error"


def test_the_steps_lead_through_the_objects_that_make_them_so(found: Answer, tmp_path: Path) -> None:
    results = told(found, str(tmp_path))["runs"][0]["results"]
    (admin,) = [one for one in results if one["ruleId"] == "path-to-cluster-admin"][:1]
    steps = [step["location"] for step in admin["codeFlows"][0]["threadFlows"][0]["locations"]]
    assert [step["physicalLocation"]["region"]["startLine"] for step in steps if "physicalLocation" in step][:1] == [1]
    assert {step["physicalLocation"]["artifactLocation"]["uri"] for step in steps if "physicalLocation" in step} == {
        "shop.yaml"
    }
    assert "ClusterRoleBinding/b" in {step["logicalLocations"][0]["fullyQualifiedName"] for step in steps[:-1]}
    assert admin["locations"][0]["physicalLocation"] == steps[0]["physicalLocation"]


def test_a_path_of_objects_without_a_file_has_a_place_all_the_same() -> None:
    service = thing(
        "Service", "s", "a", spec={"type": "LoadBalancer", "selector": {"app": "p"}, "ports": [{"port": 80}]}
    )
    cluster = model(pod("p", serviceAccountName="x"), service, bind("b", "ClusterRole/cluster-admin", "SA:a/x"))
    for one in cluster.cluster.objects:
        one.file = ""
    results = told(Answer(cluster, Question(("Internet",), ("Sink:cluster-admin",))))["runs"][0]["results"]
    assert results
    assert all(one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "unknown" for one in results)


def test_the_fingerprint_stays_where_nothing_changes(found: Answer, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("# moved down\n" + CLUSTER)
    again = flow_paths.paths([str(tmp_path)], found.question).answer
    before, after = (
        [one["partialFingerprints"] for one in told(each)["runs"][0]["results"]] for each in (found, again)
    )
    assert before == after

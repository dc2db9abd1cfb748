"""The workloads that objects make, as far up their owners as the objects tell."""

from __future__ import annotations

from pathlib import Path

from plimsoll import flow_policies
from plimsoll.policies import policy, workloads

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{ports: [{containerPort: 80, name: http}]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup}
spec: {jobTemplate: {spec: {template: {spec: {hostNetwork: true, containers: [{name: c}]}}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}, ownerReferences: [{kind: StatefulSet, name: db}]}
spec: {containers: [{name: c}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, namespace: shop, labels: {app: db}, ownerReferences: [{kind: StatefulSet, name: db}]}
spec: {containers: [{name: c}]}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: old, namespace: shop}
spec: {containers: [{name: c}]}
status: {phase: Succeeded}
"""
ROLLED_OUT = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-5d8f, namespace: shop, ownerReferences: [{kind: Deployment, name: web}]}
spec: {template: {metadata: {labels: {app: old}}, spec: {containers: [{name: c}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-5d8f-x, namespace: shop, labels: {app: web, hash: 5d8f}, ownerReferences: [{kind: ReplicaSet, name: web-5d8f}]}
spec: {containers: [{name: c}]}
"""


def read(folder: Path, text: str) -> list[policy.Workload]:
    (folder / "all.yaml").write_text(text)
    return workloads.read(flow_policies.cluster([str(folder)]).frame)


def test_each_workload_is_there_once_with_what_policies_can_see(tmp_path: Path) -> None:
    backup, web, old, db = read(tmp_path, MANIFESTS)
    assert (backup.text, backup.on_host) == ("default/backup[CronJob]", True)
    assert (web.text, web.labels, web.ports) == (
        "shop/web[Deployment]",
        (("app", "web"),),
        (policy.NamedPort("http", "TCP", 80),),
    )
    assert old.text == "shop/old[Pod]"  # it may run again
    assert (db.text, db.addresses) == ("shop/db[StatefulSet]", ((167772161, 167772162),))


def test_where_there_are_pods_templates_say_nothing_more(tmp_path: Path) -> None:
    _, web, _, _ = read(tmp_path, f"{MANIFESTS}---{ROLLED_OUT}")
    assert (web.text, dict(web.labels)) == ("shop/web[Deployment]", {"app": "web", "hash": "5d8f"})


def test_a_replica_set_that_is_not_told_is_not_guessed_away(tmp_path: Path) -> None:
    (pod,) = read(tmp_path, ROLLED_OUT.partition("---")[2])
    assert pod.text == "shop/web-5d8f[ReplicaSet]"

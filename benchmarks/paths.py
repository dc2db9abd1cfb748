"""What the attack paths of a large cluster cost: `plimsoll paths` as a whole process.

    python benchmarks/paths.py [--policies] [2500 25000]

Pods of ten replicas over a hundred namespaces under Pod Security, each workload with an account and rights of its own,
a few public Services, operators with wide rights, agents on every node, one node for fifty pods. With --policies each
namespace admits only itself, and one workload of five has a policy of its own besides.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import PLIMSOLL, Cost, Failed, run, table

RBAC = "rbac.authorization.k8s.io"
SPACES, REPLICAS = 100, 10
SAFE = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
Body = dict[str, Any]


def thing(kind: str, name: str, space: str = "", api: str = "v1", **body: Any) -> Body:
    metadata = {"name": name, **({"namespace": space} if space else {}), **body.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def rule(group: str, resources: str, verbs: str) -> Body:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


def bound(name: str, kind: str, role: str, account: str, space: str, *, everywhere: bool = False) -> Body:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": space}
    reference = {"apiGroup": RBAC, "kind": kind, "name": role}
    binding = "ClusterRoleBinding" if everywhere else "RoleBinding"
    return thing(binding, name, "" if everywhere else space, f"{RBAC}/v1", roleRef=reference, subjects=[subject])


def base(pods: int, policies: bool) -> Iterator[Body]:
    for number in range(pods // 50):
        yield thing("Node", f"node-{number}", metadata={"labels": {"kubernetes.io/hostname": f"node-{number}"}})
    for number in range(SPACES):
        labels = {"pod-security.kubernetes.io/enforce": "restricted", "kubernetes.io/metadata.name": f"team-{number}"}
        yield thing("Namespace", f"team-{number}", metadata={"labels": labels})
        if policies:
            spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}
            yield thing("NetworkPolicy", "own", f"team-{number}", "networking.k8s.io/v1", spec=spec)
    yield thing("Namespace", "system")
    readers = [rule("", "pods services configmaps", "get list watch"), rule("apps", "deployments", "get list watch")]
    yield thing("ClusterRole", "reader", api=f"{RBAC}/v1", rules=readers)
    operator = [rule("", "secrets pods", "create get list"), rule("apps", "deployments", "create update patch")]
    yield thing("ClusterRole", "operator", api=f"{RBAC}/v1", rules=operator)
    yield thing("ClusterRole", "agent", api=f"{RBAC}/v1", rules=[rule("", "nodes pods", "get list watch")])
    yield thing("ServiceAccount", "agent", "system")
    yield bound("agent", "ClusterRole", "agent", "agent", "system", everywhere=True)


def workload(number: int, nodes: int, chance: random.Random, policies: bool) -> Iterator[Body]:
    space, name = f"team-{number % SPACES}", f"app-{number}"
    yield thing("ServiceAccount", name, space)
    own = [rule("", "configmaps", "get"), rule("coordination.k8s.io", "leases", "get update")]
    yield thing("Role", name, space, f"{RBAC}/v1", rules=own)
    yield bound(name, "Role", name, name, space)
    yield thing("Secret", name, space, type="Opaque")
    if number % 25 == 0:
        yield bound(f"reader-{number}", "ClusterRole", "reader", name, space, everywhere=True)
    if number % 250 == 7:
        yield bound(f"operator-{number}", "ClusterRole", "operator", name, space, everywhere=True)
    if number % 5 == 0:
        kind = "LoadBalancer" if number % 50 == 5 else "ClusterIP"
        ports = [{"port": 443, "targetPort": 8443}]
        yield thing("Service", name, space, spec={"type": kind, "selector": {"app": name}, "ports": ports})
        if policies:
            peer = {
                "from": [{"podSelector": {"matchLabels": {"app": f"app-{number + 100}"}}}],
                "ports": [{"port": 8443}],
            }
            spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"], "ingress": [peer]}
            yield thing("NetworkPolicy", name, space, "networking.k8s.io/v1", spec=spec)
    for replica in range(REPLICAS):
        yield pod(name, space, replica, f"node-{chance.randrange(nodes)}", number)


def pod(name: str, space: str, replica: int, node: str, number: int) -> Body:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{name}-5d8f7c",
        "uid": str(number),
        "controller": True,
    }
    container = {
        "name": "app",
        "image": f"registry.example/{name}@sha256:{number:064x}",
        "securityContext": SAFE,
        "ports": [{"containerPort": 8443}],
        "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}],
    }
    metadata = {"labels": {"app": name, "pod-template-hash": "5d8f7c"}, "ownerReferences": [owner]}
    spec = {"serviceAccountName": name, "nodeName": node, "containers": [container]}
    return thing("Pod", f"{name}-5d8f7c-{replica}", space, metadata=metadata, spec=spec, status={"phase": "Running"})


def agent(number: int) -> Body:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "agent", "controller": True}
    mount = [{"name": "root", "mountPath": "/host"}]
    container = {"name": "agent", "image": "agent", "securityContext": {"privileged": True}, "volumeMounts": mount}
    spec = {
        "serviceAccountName": "agent",
        "nodeName": f"node-{number}",
        "hostPID": True,
        "containers": [container],
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
    }
    metadata = {"labels": {"app": "agent"}, "ownerReferences": [owner]}
    return thing("Pod", f"agent-{number}", "system", metadata=metadata, spec=spec)


def write(folder: Path, pods: int, policies: bool) -> None:
    chance, nodes = random.Random(pods), max(pods // 50, 1)
    made = [*base(pods, policies), *map(agent, range(nodes))]
    for number in range(pods // REPLICAS):
        made += workload(number, nodes, chance, policies)
    folder.mkdir()
    (folder / "cluster.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))


def measured(told: tuple[str, ...], pods: int, folder: Path, *options: str) -> tuple[str, ...]:
    try:
        cost: Cost = run(PLIMSOLL, "paths", folder, *options, "-o", "json")
    except Failed as problem:
        return (*told, f"{pods:,}", f"failed: {problem}"[:60], "", "")
    return (*told, f"{pods:,}", f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.mib:.0f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--policies", action="store_true", help="with NetworkPolicies")
    options.add_argument("pods", nargs="*", type=int, default=[2_500, 25_000])
    told = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as top:
        for pods in told.pods:
            folder = Path(top) / str(pods)
            write(folder, pods, told.policies)
            rows.append(measured(("to cluster-admin",), pods, folder, "--to", "Sink:cluster-admin"))
            rows.append(measured(("unasked: every goal",), pods, folder))
    table(("", "pods", "wall s", "CPU s", "peak MiB"), rows)


if __name__ == "__main__":
    main()

"""What a scan of a cluster's objects costs: `plimsoll scan` as a whole process, beside Checkov where it is named.

    python benchmarks/posture.py [--checkov .../bin/checkov] [2000 20000]

Deployments, pods, Services, ConfigMaps, NetworkPolicies, Roles, bindings and accounts of a made-up shop, a hundred to a
file; three pods of fifty are weak. Checkov is run on the smallest size only: ten times as many objects cost it far more
than ten times as much.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

import yaml
from measure import PLIMSOLL, Cost, Failed, run, table

KINDS = (
    *("Deployment", "Deployment", "Deployment", "Service", "ConfigMap"),
    *("NetworkPolicy", "RoleBinding", "Role", "ServiceAccount", "Pod"),
)
RBAC = "rbac.authorization.k8s.io"
APIS = {
    "Deployment": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Role": f"{RBAC}/v1",
    "RoleBinding": f"{RBAC}/v1",
}
A_FILE = 100


def pod(number: int, chance: random.Random) -> dict[str, Any]:
    weak = number % 50 < 3
    context = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "app",
        "image": f"registry.example/team{number % 40}/app:{number % 17}.2",
        "resources": {"limits": {"cpu": "1", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}},
        "env": [{"name": f"SETTING_{place}", "value": f"value-{chance.randrange(10**6)}"} for place in range(4)],
        "ports": [{"name": "http", "containerPort": 8080}],
        "securityContext": {"privileged": True} if weak else context,
    }
    return {
        "serviceAccountName": f"app-{number % 500}",
        "automountServiceAccountToken": False,
        "containers": [container],
    }


def body(kind: str, number: int, chance: random.Random) -> dict[str, Any]:
    labels = {"app": f"app-{number}"}
    match kind:
        case "Deployment":
            template = {"metadata": {"labels": labels}, "spec": pod(number, chance)}
            return {"spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}}
        case "Pod":
            return {"spec": pod(number, chance)}
        case "Service":
            return {"spec": {"selector": {"app": f"app-{number - 3}"}, "ports": [{"port": 80, "targetPort": 8080}]}}
        case "ConfigMap":
            return {"data": {f"key{place}": str(chance.random()) * 3 for place in range(8)}}
        case "NetworkPolicy":
            rule = {"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}
            return {"spec": {"podSelector": {"matchLabels": {"app": f"app-{number - 5}"}}, "ingress": [rule]}}
        case "Role":
            return {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]}
        case "RoleBinding":
            subject = {"kind": "ServiceAccount", "name": f"app-{number % 500}", "namespace": f"team-{number % 60}"}
            return {
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": f"app-{number + 1}"},
                "subjects": [subject],
            }
        case _:
            return {}


def write(folder: Path, count: int) -> None:
    chance = random.Random(count)
    for first in range(0, count, A_FILE):
        made = []
        for number in range(first, min(first + A_FILE, count)):
            kind, name = KINDS[number % len(KINDS)], f"app-{number}"
            labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop"}
            metadata = {"name": name, "namespace": f"team-{number % 60}", "labels": labels}
            head = {"apiVersion": APIS.get(kind, "v1"), "kind": kind, "metadata": metadata}
            made.append(head | body(kind, number, chance))
        text = yaml.dump_all(made, Dumper=yaml.CSafeDumper, sort_keys=False)
        (folder / f"objects-{first // A_FILE:04}.yaml").write_text(text)


def row(name: str, count: int, cost: Cost, start: Cost) -> tuple[str, ...]:
    rate = count / max(cost.cpu - start.cpu, 0.01)
    return (
        name,
        f"{count:,}",
        f"{cost.wall:.1f}",
        f"{cost.cpu:.1f}",
        f"{start.cpu:.1f}",
        f"{rate:,.0f}",
        f"{cost.mib:.0f}",
    )


def measured(name: str, count: int, folder: Path, empty: Path, *command: str) -> tuple[str, ...]:
    try:
        return row(name, count, run(*command, folder), run(*command, empty))
    except (Failed, OSError) as problem:
        return (name, f"{count:,}", f"failed: {problem}"[:60], "", "", "", "")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--checkov", help="the program; left out where it is not named")
    options.add_argument("objects", nargs="*", type=int, default=[2_000, 20_000])
    told = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as top:
        empty = Path(top) / "one"
        empty.mkdir()
        write(empty, 1)
        for count in told.objects:
            folder = Path(top) / str(count)
            folder.mkdir()
            write(folder, count)
            rows.append(measured("plimsoll scan", count, folder, empty, str(PLIMSOLL), "scan", "-o", "jsonl"))
            if told.checkov and count == min(told.objects):
                options_of = ("--framework", "kubernetes", "--soft-fail", "--quiet", "-o", "json", "-d")
                rows.append(measured("checkov", count, folder, empty, told.checkov, *options_of))
    table(("", "objects", "wall s", "CPU s", "start-up CPU s", "objects/CPU s", "peak MiB"), rows)


if __name__ == "__main__":
    main()

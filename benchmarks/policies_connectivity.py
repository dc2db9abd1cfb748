"""Who can reach whom in clusters of growing size: seconds of processor for `policies connectivity`, without start-up.

    python benchmarks/policies_connectivity.py [200 800 5000]

Each workload has a policy of its own: three callers, three others that it calls, and one address block.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from plimsoll import flow_policies

NAMESPACES = 50


def peers(numbers: list[int]) -> list[dict[str, object]]:
    return [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": f"team-{number % NAMESPACES}"}},
            "podSelector": {"matchLabels": {"app": f"app-{number}"}},
        }
        for number in numbers
    ]


def documents(count: int) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    for number in range(count):
        metadata = {"name": f"app-{number}", "namespace": f"team-{number % NAMESPACES}"}
        containers = [{"name": "app", "ports": [{"containerPort": 8080, "name": "http"}]}]
        template = {"metadata": {"labels": {"app": f"app-{number}"}}, "spec": {"containers": containers}}
        callers, called = ([(number + step * sign) % count for step in (1, 2, 3)] for sign in (1, -1))
        block = {"ipBlock": {"cidr": f"10.{number % 250}.{number // 250}.0/24"}}
        spec = {
            "podSelector": {"matchLabels": {"app": f"app-{number}"}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers(callers), "ports": [{"port": "http"}]}],
            "egress": [{"to": peers(called), "ports": [{"port": 8080}]}, {"to": [block]}],
        }
        made.append(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}
        )
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        made.append({**policy, "metadata": metadata, "spec": spec})
    return made


def main() -> None:
    for count in [int(told) for told in sys.argv[1:]] or [200, 800, 5000]:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "all.json"
            whole.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents(count)}))
            start = time.process_time()
            found = flow_policies.connectivity_of([str(whole)])
            print(
                f"{count:,} workloads: {len(found.lines):,} lines in {time.process_time() - start:.1f} s of processor"
            )


if __name__ == "__main__":
    main()

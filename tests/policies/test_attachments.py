"""Which network a pod is in, and who meets there."""

from __future__ import annotations

from pathlib import Path

from plimsoll import flow_policies
from plimsoll.policies import attachments

PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: green, labels: {k8s.ovn.org/primary-user-defined-network: ""}}
---
apiVersion: v1
kind: Namespace
metadata: {name: blue, labels: {k8s.ovn.org/primary-user-defined-network: ""}}
---
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {team: sea}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: green}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: app, namespace: blue, annotations: {k8s.v1.cni.cncf.io/networks: storage}}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: other, annotations: {k8s.v1.cni.cncf.io/networks: "other/storage, unknown"}}
spec: {containers: [{name: c}]}
"""
DEFINED = """
---
apiVersion: k8s.ovn.org/v1
kind: UserDefinedNetwork
metadata: {name: own, namespace: green}
spec: {topology: Layer2, layer2: {role: Primary}}
---
apiVersion: k8s.ovn.org/v1
kind: ClusterUserDefinedNetwork
metadata: {name: sea}
spec: {namespaceSelector: {}, network: {topology: Layer3, layer3: {role: Primary}}}
"""
STORAGE = """
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: storage, namespace: other}
"""
POLICY = """
---
apiVersion: k8s.cni.cncf.io/v1beta1
kind: MultiNetworkPolicy
metadata: {name: closed, namespace: other, annotations: {k8s.v1.cni.cncf.io/policy-for: NAME}}
spec: {podSelector: {}, ingress: []}
"""


def reached(folder: Path, text: str) -> list[tuple[str, str, str]]:
    (folder / "all.yaml").write_text(text)
    found = flow_policies.connectivity_of([str(folder)])
    return [(one.network, one.src, one.dst) for one in found.lines if "[External]" not in one.src + one.dst]


def test_without_further_networks_all_meet_in_the_clusters_own(tmp_path: Path) -> None:
    assert len(reached(tmp_path, PODS)) == 6


def test_a_primary_network_takes_the_place_of_the_clusters_own(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(PODS + DEFINED)
    found = flow_policies.connectivity_of([str(tmp_path)])
    assert {(one.network, one.src) for one in found.lines if "External" not in one.src} == {
        ("green", "green[udn]/web[Pod]"),
        ("sea", "blue/app[Pod]"),
        ("pod-network", "other/db[Pod]"),
    }
    assert reached(tmp_path, PODS + DEFINED) == []


def test_who_is_attached_to_one_network_meets_there_under_its_own_policies(tmp_path: Path) -> None:
    both = [("storage", "blue/app[Pod]", "other/db[Pod]"), ("storage", "other/db[Pod]", "blue/app[Pod]")]
    assert reached(tmp_path, PODS + DEFINED + STORAGE) == both
    assert reached(tmp_path, PODS + DEFINED + STORAGE + POLICY.replace("NAME", "other/storage")) == both[1:]
    assert reached(tmp_path, PODS + DEFINED + STORAGE + POLICY.replace("NAME", "backup")) == both


def test_what_is_no_annotation_asks_for_nothing() -> None:
    assert attachments.asked("") == attachments.asked('[{"name": 7}]') == attachments.asked("[") == {}

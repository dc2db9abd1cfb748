"""Manifests and flows in, answers about network policies out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll import flow_policies


def test_all_sources_together_are_one_cluster(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(
            f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\n[1]\n"
        )
    found = flow_policies.cluster([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert found.frame["name"].to_list() == ["a", "b"]
    assert found.rejected == 2
    assert found.rejects[1].file.endswith("b.yaml")


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: a}\nspec: {containers: [{name: c}]}\n---\n"
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: a}
spec: {podSelector: {}}
"""


def test_objects_that_are_there_both_times_need_not_be_told_twice(tmp_path: Path) -> None:
    texts = {"objects": POD.replace("NAME", "web") + POD.replace("NAME", "db"), "before": POLICY}
    texts["after"] = POLICY.replace("{podSelector: {}}", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}")
    places = {name: str(tmp_path / f"{name}.yaml") for name in texts}
    for name, text in texts.items():
        Path(places[name]).write_text(text)
    found = flow_policies.difference_of(places["before"], places["after"], [places["objects"]])
    pairs = {(one.src, one.dst) for one in found.changes if "[External]" not in one.src}
    assert pairs == {("a/db[Pod]", "a/web[Pod]"), ("a/web[Pod]", "a/db[Pod]")}


def test_policies_among_the_objects_are_not_asked_in_a_replay(tmp_path: Path) -> None:
    (tmp_path / "objects.yaml").write_text(POD.replace("NAME", "web") + POLICY)
    (tmp_path / "none.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    end = '"namespace": "a", "pod_name": "web", "labels": ["k8s:app=web"]'
    flow = f'{{"time": "2026-11-24T10:00:00Z", "verdict": "FORWARDED", "is_reply": false, "IP": {{"source": "192.0.2.1"}}, "l4": {{"TCP": {{"destination_port": 80}}}}, "destination": {{{end}}}}}\n'
    (tmp_path / "flows.jsonl").write_text(flow)
    asked = [str(tmp_path / "flows.jsonl")], [str(tmp_path / "none.yaml")], [str(tmp_path / "objects.yaml")]
    assert flow_policies.replay_of(*asked, progress=lambda _, __: None).told.allowed == 1


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
KINDS = (
    *(("NetworkPolicy", "networking.k8s.io/v1"), ("AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1")),
    *(("MultiNetworkPolicy", "k8s.cni.cncf.io/v1"), ("UserDefinedNetwork", "k8s.ovn.org/v1")),
    *(("Ingress", "networking.k8s.io/v1"), ("HTTPRoute", "gateway.networking.k8s.io/v1"), ("Service", "v1")),
    *(("Pod", "v1"), ("Deployment", "apps/v1"), ("Namespace", "v1"), ("VirtualMachine", "kubevirt.io/v1")),
)
FIELDS = (
    "podSelector",
    "ingress",
    "egress",
    "policyTypes",
    "subject",
    "rules",
    "template",
    "containers",
    "ports",
    "selector",
    "network",
    "layer2",
    "networks",
    "volumes",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), ODD) | ODD, ODD), max_size=4)
)
def test_no_document_brings_it_down(tmp_path: Path, told: list[Any]) -> None:
    documents = [
        {
            "apiVersion": api,
            "kind": kind,
            "metadata": {"name": "it", "namespace": "a", "annotations": odd},
            "spec": spec,
        }
        for (kind, api), spec, odd in told
    ]
    whole = tmp_path / "all.json"
    whole.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
    assert flow_policies.connectivity_of([str(whole)], ip_blocks="all", family="dual").unread >= 0


def test_a_flow_to_an_address_that_dns_named_is_judged_by_its_name(tmp_path: Path) -> None:
    policy = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "web", "namespace": "a"},
        "spec": {"endpointSelector": {}, "egress": [{"toFQDNs": [{"matchName": "api.example.com"}]}]},
    }
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/web.json").write_text(json.dumps(policy))
    (tmp_path / "objects.yaml").write_text(POD.replace("NAME", "web"))
    web = {"namespace": "a", "pod_name": "web", "labels": []}

    def flow(second: int, **more: Any) -> str:
        ends = {"IP": {"source": "10.0.0.1", "destination": "203.0.113.7"}, "source": web, "is_reply": False}
        told = {"time": f"2026-11-24T10:00:{second:02}Z", "verdict": "FORWARDED", **ends, **more}
        return json.dumps({"flow": told}) + "\n"

    call = {"l4": {"TCP": {"source_port": 40000, "destination_port": 443}}}
    dns = {"type": "RESPONSE", "dns": {"query": "api.example.com.", "ips": ["203.0.113.7"]}}
    answer = {"l4": {"UDP": {"source_port": 40000, "destination_port": 53}}, "l7": dns, "is_reply": True}
    asked = [str(tmp_path / "flows.jsonl")], [str(tmp_path / "policies")], [str(tmp_path / "objects.yaml")]
    for lines, allowed in ((flow(2, **call), 0), (flow(1, **answer) + flow(2, **call), 1)):
        (tmp_path / "flows.jsonl").write_text(lines)
        told = flow_policies.replay_of(*asked, progress=lambda _, __: None).told
        assert (told.allowed, len(told.denied)) == (allowed, 1 - allowed)

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields

API = {"kind": "Pod", "spec": {"containers": [{"name": "c", "command": ["kube-apiserver"]}]}}


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"verbs": ["*"], "resources": ["pods"], "apiGroups": [""]}, ["rules[0]"]),
        ({"verbs": ["get"], "resources": ["*"], "apiGroups": [""]}, ["rules[0]"]),
        ({"verbs": ["get"], "resources": ["pods"], "apiGroups": [""]}, []),
    ],
)
def test_a_rule_is_about_everything_or_not(rule, found):
    assert fields("cis_benchmark.wildcards", {"kind": "Role", "rules": [rule]}) == found
    own = {"kind": "ClusterRole", "metadata": {"labels": {"kubernetes.io/bootstrapping": "x"}}, "rules": [rule]}
    assert fields("cis_benchmark.wildcards", own) == []


def test_masters_are_bound_by_kubernetes_itself_only():
    body = {"kind": "ClusterRoleBinding", "subjects": [{"kind": "Group", "name": "system:masters"}]}
    assert fields("cis_benchmark.masters", body) == ["subjects[0]"]
    own = {**body, "metadata": {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}}
    assert fields("cis_benchmark.masters", own) == []


def agent(image):
    template = {"spec": {"containers": [{"name": "c", "image": image}]}}
    return {"kind": "DaemonSet", "metadata": {"name": "net"}, "spec": {"template": template}}


def test_a_network_enforces_policies_by_itself_or_with_another():
    flannel = agent("ghcr.io/flannel-io/flannel:v0.27")
    assert fields("cis_benchmark.network_without_policies", flannel) == ["spec.template.spec.containers[0].image"]
    assert (
        fields(
            "cis_benchmark.network_without_policies",
            flannel,
            agent("registry.k8s.io/networking/kube-network-policies:1"),
        )
        == []
    )
    assert fields("cis_benchmark.network_without_policies", agent("quay.io/cilium/cilium:v1")) == []


def test_images_are_checked_by_a_plugin_or_a_webhook():
    hook = {"kind": "ValidatingWebhookConfiguration", "webhooks": [{"name": "policy.sigstore.dev"}]}
    assert fields("cis_benchmark.images_from_anywhere", API) == ["spec.containers[0].command"]
    assert fields("cis_benchmark.images_from_anywhere", API, hook) == []


@pytest.mark.parametrize(("first", "found"), [("identity", 1), ("secretbox", 0)])
def test_the_first_provider_encrypts_or_not(first, found):
    told = [{"resources": ["secrets"], "providers": [{first: {}}, {"identity": {}}]}]
    assert (
        len(fields("cis_benchmark.encryption_in_name", {"kind": "EncryptionConfiguration", "resources": told})) == found
    )


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([{"level": "Metadata"}], 0),
        ([{"level": "None", "users": ["a"]}, {"level": "Metadata"}], 0),
        ([{"level": "None", "resources": [{"resources": ["secrets"]}]}, {"level": "Metadata"}], 1),
        ([{"level": "None", "nonResourceURLs": ["/healthz"]}, {"level": "Request"}], 0),
        ([{"level": "Metadata", "resources": [{"resources": ["pods"]}]}], 1),
        ([], 1),
    ],
)
def test_an_audit_policy_logs_what_investigations_need_or_not(rules, found):
    body = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
    assert len(fields("cis_benchmark.audit_gaps", body)) == found
    assert fields("cis_benchmark.audit_gaps", {**body, "apiVersion": "kyverno.io/v1"}) == []


def test_a_token_for_nodes_expires_or_not():
    body = {"kind": "Secret", "type": "bootstrap.kubernetes.io/token", "data": {"token-id": "x"}}
    assert fields("cis_benchmark.bootstrap_token", body) == ["data"]
    assert fields("cis_benchmark.bootstrap_token", {**body, "stringData": {"expiration": "2026-01-01T00:00:00Z"}}) == []
    assert fields("cis_benchmark.bootstrap_token", {**body, "type": "Opaque"}) == []

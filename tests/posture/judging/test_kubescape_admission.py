from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields


def space(level=None):
    labels = {"pod-security.kubernetes.io/enforce": level} if level else {}
    return {"kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


def webhook(kind="ValidatingWebhookConfiguration", **rule):
    return {"kind": kind, "metadata": {"name": "w"}, "webhooks": [{"rules": [rule]}]}


@pytest.mark.parametrize(
    ("test", "levels"),
    [
        ("no_policy_control", {None}),
        ("not_even_baseline", {None, "privileged"}),
        ("not_restricted", {None, "privileged", "baseline"}),
    ],
)
def test_a_namespace_enforces_pod_security_or_not(test, levels):
    for level in (None, "privileged", "baseline", "restricted"):
        assert fields(f"kubescape_admission.{test}", space(level)) == (["metadata.labels"] if level in levels else [])


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"resources": ["pods"], "scope": "Namespaced"}, 0),
        ({"resources": ["*"]}, 0),
        ({"resources": ["pods"], "scope": "Cluster"}, 1),
        ({"resources": ["ingresses"]}, 1),
    ],
)
def test_a_webhook_about_pods_is_a_control_too(rule, found):
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        assert len(fields("kubescape_admission.no_policy_control", space(), webhook(kind, **rule))) == found


def test_namespaces_and_webhooks_are_told():
    assert fields("kubescape_admission.namespace_to_review", space("restricted")) == [""]
    assert fields("kubescape_admission.validating_webhook", webhook()) == [""]
    assert fields("kubescape_admission.mutating_webhook", webhook("MutatingWebhookConfiguration")) == [""]
    assert fields("kubescape_admission.mutating_webhook", webhook()) == []


ALLOWS = [
    ("policy_privileged", {"privileged": True}, {"privileged": False}),
    ("policy_host_pid", {"hostPID": True}, {}),
    ("policy_host_ipc", {"hostIPC": True}, {}),
    ("policy_host_network", {"hostNetwork": True}, {}),
    ("policy_escalation", {}, {"allowPrivilegeEscalation": False}),
    ("policy_root", {"runAsUser": {"rule": "RunAsAny"}}, {"runAsUser": {"rule": "MustRunAsNonRoot"}}),
    (
        "policy_root",
        {"runAsUser": {"rule": "MustRunAs", "ranges": [{"min": 0}]}},
        {"runAsUser": {"rule": "MustRunAs", "ranges": [{"min": 1}]}},
    ),
    ("policy_capabilities", {"allowedCapabilities": ["*"]}, {"allowedCapabilities": []}),
    ("policy_drops_nothing", {}, {"requiredDropCapabilities": ["ALL"]}),
]


@pytest.mark.parametrize(("test", "allows", "forbids"), ALLOWS)
def test_one_policy_that_forbids_is_enough(test, allows, forbids):
    bad, good = ({"kind": "PodSecurityPolicy", "metadata": {"name": "p"}, "spec": spec} for spec in (allows, forbids))
    assert fields(f"kubescape_admission.{test}", bad) == ["spec"]
    assert fields(f"kubescape_admission.{test}", bad, good) == []
    assert fields(f"kubescape_admission.{test}", good) == []

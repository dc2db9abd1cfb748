from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

DEFAULTS = {
    "workload_in_default": "Deployment",
    "config_map_in_default": "ConfigMap",
    "storage_capacity_in_default": "CSIStorageCapacity",
    "endpoints_in_default": "Endpoints",
    "endpoint_slice_in_default": "EndpointSlice",
    "autoscaler_in_default": "HorizontalPodAutoscaler",
    "ingress_in_default": "Ingress",
    "lease_in_default": "Lease",
    "claim_in_default": "PersistentVolumeClaim",
    "disruption_budget_in_default": "PodDisruptionBudget",
    "pod_template_in_default": "PodTemplate",
    "replication_controller_in_default": "ReplicationController",
    "secret_in_default": "Secret",
    "role_in_default": "Role",
    "role_binding_in_default": "RoleBinding",
    "service_in_default": "Service",
    "service_account_in_default": "ServiceAccount",
}


@pytest.mark.parametrize(("test", "kind"), DEFAULTS.items())
def test_something_is_in_the_default_namespace(test, kind):
    for place in ("{name: x}", "{name: x, namespace: default}"):
        assert fields(f"kubescape_labels.{test}", f"{{kind: {kind}, metadata: {place}}}") == ["metadata.namespace"]
    assert fields(f"kubescape_labels.{test}", f"{{kind: {kind}, metadata: {{name: x, namespace: shop}}}}") == []


@pytest.mark.parametrize(
    ("test", "kind", "name"),
    [
        ("service_in_default", "Service", "kubernetes"),
        ("endpoint_slice_in_default", "EndpointSlice", "kubernetes"),
        ("config_map_in_default", "ConfigMap", "kube-root-ca.crt"),
        ("service_account_in_default", "ServiceAccount", "default"),
    ],
)
def test_what_kubernetes_keeps_there_may_stay(test, kind, name):
    assert fields(f"kubescape_labels.{test}", f"{{kind: {kind}, metadata: {{name: {name}}}}}") == []
    assert fields(f"kubescape_labels.{test}", f"{{kind: {kind}, metadata: {{name: {name}-2}}}}") != []


def deployment(labels, inner, selector="{}"):
    template = f"{{metadata: {{labels: {inner}}}, spec: {{containers: [{{name: c}}]}}}}"
    return f"{{kind: Deployment, metadata: {{labels: {labels}}}, spec: {{selector: {selector}, template: {template}}}}}"


@pytest.mark.parametrize(
    ("test", "label"), [("kubernetes_labels", "app.kubernetes.io/name"), ("recommended_labels", "owner")]
)
def test_a_workload_and_its_pods_have_one_of_the_labels(test, label):
    has = f"{{{label}: x}}"
    assert fields(f"kubescape_labels.{test}", deployment("{}", has)) == ["metadata.labels"]
    assert fields(f"kubescape_labels.{test}", deployment(has, "{}")) == ["metadata.labels"]
    assert fields(f"kubescape_labels.{test}", deployment(has, has)) == []
    assert fields(f"kubescape_labels.{test}", pod(labels=has)) == []


def test_a_selector_means_the_pods_of_its_own_template():
    wants = "{matchLabels: {app: a}}"
    assert fields("kubescape_labels.selector_of_others", deployment("{}", "{app: b}", wants)) == ["spec.selector"]
    assert fields("kubescape_labels.selector_of_others", deployment("{}", "{app: a, b: c}", wants)) == []
    assert fields("kubescape_labels.selector_of_others", deployment("{}", "{}")) == []


def test_a_variable_is_set_twice():
    twice = pod(container="env: [{name: A}, {name: B}, {name: A}]")
    assert fields("kubescape_labels.repeated_variable", twice) == ["spec.containers[0].env[2]"]
    assert fields("kubescape_labels.repeated_variable", pod(container="env: [{name: A}, {name: B}]")) == []


def test_a_pod_has_a_controller_or_not():
    assert fields("kubescape_labels.naked_pod", pod()) == ["metadata.ownerReferences"]
    owned = "{kind: Pod, metadata: {ownerReferences: [{kind: ReplicaSet}]}}"
    assert fields("kubescape_labels.naked_pod", owned) == []


@pytest.mark.parametrize(("strategy", "found"), [("{type: Recreate}", 1), ("{type: RollingUpdate}", 0), ("{}", 0)])
def test_a_deployment_rolls_or_stops(strategy, found):
    body = f"{{kind: Deployment, spec: {{strategy: {strategy}}}}}"
    assert len(fields("kubescape_labels.no_rolling_update", body)) == found


def test_a_cron_job_is_told():
    assert fields("kubescape_labels.cron_job", "{kind: CronJob, spec: {schedule: '* * * * *'}}") == ["spec.schedule"]

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

CONTAINER = "spec.containers[0]"


@pytest.mark.parametrize(
    ("test", "bad", "good", "field"),
    [
        (
            "version_gone",
            "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget}",
            "{apiVersion: policy/v1, kind: PodDisruptionBudget}",
            "apiVersion",
        ),
        (
            "probe_port_nowhere",
            pod(container="ports: [{name: web}], livenessProbe: {httpGet: {port: http}}"),
            pod(
                container="ports: [{name: web}], livenessProbe: {httpGet: {port: web}}, startupProbe: {grpc: {port: 1}}"
            ),
            f"{CONTAINER}.livenessProbe.httpGet.port",
        ),
        (
            "no_governing_service",
            "{kind: StatefulSet, spec: {}}",
            "{kind: StatefulSet, spec: {serviceName: a}}",
            "spec.serviceName",
        ),
        (
            "same_probes",
            pod(container="livenessProbe: {grpc: {port: 1}}, readinessProbe: {grpc: {port: 1}}"),
            pod(container="livenessProbe: {grpc: {port: 1}}, readinessProbe: {grpc: {port: 2}}"),
            f"{CONTAINER}.livenessProbe",
        ),
        (
            "no_ephemeral_storage",
            pod(container="resources: {limits: {ephemeral-storage: 1Gi}}"),
            pod(container="resources: {limits: {ephemeral-storage: 1Gi}, requests: {ephemeral-storage: 1Gi}}"),
            f"{CONTAINER}.resources",
        ),
        (
            "no_anti_affinity",
            "{kind: Deployment, spec: {replicas: 3, template: {spec: {}}}}",
            "{kind: Deployment, spec: {replicas: 3, template: {spec: {affinity: {podAntiAffinity: {a: b}}}}}}",
            "spec.template.spec.topologySpreadConstraints",
        ),
        (
            "no_deadline",
            "{kind: CronJob, spec: {}}",
            "{kind: CronJob, spec: {startingDeadlineSeconds: 60}}",
            "spec.startingDeadlineSeconds",
        ),
        (
            "job_stays",
            "{kind: Job, spec: {}}",
            "{kind: Job, spec: {ttlSecondsAfterFinished: 60}}",
            "spec.ttlSecondsAfterFinished",
        ),
        (
            "low_user",
            pod(context="{runAsUser: 1000}"),
            pod(context="{runAsUser: 10001}"),
            f"{CONTAINER}.securityContext",
        ),
        (
            "low_port",
            pod(container="ports: [{containerPort: 80}]"),
            pod(container="ports: [{containerPort: 8080}]"),
            f"{CONTAINER}.ports[0].containerPort",
        ),
        (
            "host_aliases",
            pod("hostAliases: [{ip: 1.2.3.4}]"),
            pod("hostAliases: []"),
            "spec.hostAliases",
        ),
        (
            "default_account",
            pod(),
            pod("automountServiceAccountToken: false"),
            "spec.automountServiceAccountToken",
        ),
        (
            "tiller",
            "{kind: Pod, spec: {containers: [{image: 'ghcr.io/helm/tiller:v2.17'}]}}",
            "{kind: Pod, spec: {containers: [{image: 'ghcr.io/helm/tiller-not:v2'}]}}",
            f"{CONTAINER}.image",
        ),
        (
            "external_ips",
            "{kind: Service, spec: {externalIPs: [1.2.3.4]}}",
            "{kind: Service, spec: {externalIPs: []}}",
            "spec.externalIPs",
        ),
        ("open_service", "{kind: Service, spec: {type: NodePort}}", "{kind: Service, spec: {}}", "spec.type"),
        (
            "lasting_token",
            "{kind: Secret, type: kubernetes.io/service-account-token}",
            "{kind: Secret, type: Opaque}",
            "type",
        ),
        (
            "fails_open",
            "{kind: ValidatingWebhookConfiguration, webhooks: [{failurePolicy: Fail}, {failurePolicy: Ignore}]}",
            "{kind: ValidatingWebhookConfiguration, webhooks: [{}]}",
            "webhooks[1].failurePolicy",
        ),
    ],
)
def test_an_object_breaks_a_rule_or_keeps_it(test, bad, good, field):
    assert fields(f"linters.{test}", bad) == [field]
    assert fields(f"linters.{test}", good) == []


def test_containers_share_processes_where_there_are_two():
    two = "{kind: Pod, spec: {shareProcessNamespace: true, containers: [{name: a}, {name: b}]}}"
    assert fields("linters.shared_processes", two) == ["spec.shareProcessNamespace"]
    assert fields("linters.shared_processes", pod("shareProcessNamespace: true")) == []


def held(kind, data="{}"):
    return f"{{kind: {kind}, metadata: {{name: s, namespace: shop}}, data: {data}}}"


@pytest.mark.parametrize(("kind", "name"), [("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")])
def test_a_variable_is_from_somewhere_or_nowhere(kind, name):
    body = pod(container=f"env: [{{name: A, valueFrom: {{{name}: {{name: s, key: k}}}}}}]")
    other = held(kind).replace("name: s", "name: t")
    field = f"{CONTAINER}.env[0].valueFrom.{name}"
    assert fields("linters.variable_from_nowhere", body) == []
    assert fields("linters.variable_from_nowhere", body, other) == [field]
    assert fields("linters.variable_from_nowhere", body, held(kind)) == [field]
    assert fields("linters.variable_from_nowhere", body, held(kind, "{k: v}")) == []
    optional = body.replace("key: k", "key: k, optional: true")
    assert fields("linters.variable_from_nowhere", optional, other) == []


def test_all_of_an_object_that_is_not_there_is_from_nowhere():
    body = pod(container="envFrom: [{secretRef: {name: t}}]")
    assert fields("linters.variable_from_nowhere", body, held("Secret")) == [f"{CONTAINER}.envFrom[0].secretRef"]


@pytest.mark.parametrize(("port", "found"), [("http", 1), ("web", 0), ("80", 0)])
def test_a_service_sends_to_a_port_of_its_pods_or_nowhere(port, found):
    service = (
        "{kind: Service, metadata: {namespace: shop}, spec: {selector: {app: web},"
        f" ports: [{{port: 80, targetPort: {port}}}]}}}}"
    )
    behind = pod(labels="{app: web}", container="ports: [{name: web}]")
    assert len(fields("linters.target_port_nowhere", service, behind)) == found
    assert fields("linters.target_port_nowhere", service) == []


def test_an_autoscaler_chooses_the_number_or_the_workload_does():
    scaler = "{kind: HorizontalPodAutoscaler, spec: {scaleTargetRef: {kind: Deployment, name: web}}}"
    for spec, found in (("{replicas: 2}", ["spec.replicas"]), ("{}", [])):
        body = f"{{kind: Deployment, metadata: {{name: web}}, spec: {spec}}}"
        assert fields("linters.replicas_beside_autoscaler", body, scaler) == found
        assert fields("linters.replicas_beside_autoscaler", body) == []


@pytest.mark.parametrize(("test", "kind"), [("no_quota", "ResourceQuota"), ("no_limit_range", "LimitRange")])
def test_a_namespace_has_limits_or_none(test, kind):
    space = "{kind: Namespace, metadata: {name: shop}}"
    assert fields(f"linters.{test}", space) == [""]
    assert fields(f"linters.{test}", space, f"{{kind: {kind}, metadata: {{namespace: shop}}}}") == []


def test_an_ingress_carries_configuration_or_not():
    key = "nginx.ingress.kubernetes.io/configuration-snippet"
    body = f"{{kind: Ingress, metadata: {{annotations: {{{key}: x}}}}}}"
    assert fields("linters.snippet", body) == [f"metadata.annotations[{key}]"]
    assert fields("linters.snippet", body.replace("-snippet", "")) == []

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod


def service(name="web", place="shop", selector="{app: web}"):
    return f"{{kind: Service, metadata: {{name: {name}, namespace: {place}}}, spec: {{selector: {selector}}}}}"


def ingress(spec):
    return f"{{kind: Ingress, metadata: {{name: i, namespace: shop}}, spec: {spec}}}"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (
            "{rules: [{http: {paths: [{backend: {service: {name: web}}}]}}]}",
            "spec.rules[0].http.paths[0].backend.service.name",
        ),
        ("{defaultBackend: {service: {name: web}}}", "spec.defaultBackend.service.name"),
        ("{backend: {serviceName: web}}", "spec.backend.serviceName"),
    ],
)
def test_an_ingress_leads_to_a_service_or_nowhere(spec, field):
    assert fields("kubescape_references.ingress_backend", ingress(spec)) == [field]
    assert fields("kubescape_references.ingress_backend", ingress(spec), service(place="other")) == [field]
    assert fields("kubescape_references.ingress_backend", ingress(spec), service()) == []


def test_a_backend_that_is_no_service_is_not_looked_for():
    assert fields("kubescape_references.ingress_backend", ingress("{defaultBackend: {resource: {name: x}}}")) == []
    route = "{kind: HTTPRoute, spec: {rules: [{backendRefs: [{kind: Bucket, name: b}]}]}}"
    assert fields("kubescape_references.route_backend", route) == []


def test_a_route_leads_to_a_service_of_the_namespace_it_names():
    route = (
        "{kind: TCPRoute, metadata: {namespace: edge}, spec: {rules: [{backendRefs: [{name: web, namespace: shop}]}]}}"
    )
    assert fields("kubescape_references.route_backend", route) == ["spec.rules[0].backendRefs[0]"]
    assert fields("kubescape_references.route_backend", route, service()) == []


@pytest.mark.parametrize(
    ("selector", "found"),
    [("{matchLabels: {app: web}}", 0), ("{matchLabels: {app: other}}", 1), ("{}", 0)],
)
def test_a_network_policy_means_somebody_or_nobody(selector, found):
    policy = f"{{kind: NetworkPolicy, metadata: {{namespace: shop}}, spec: {{podSelector: {selector}}}}}"
    assert len(fields("kubescape_references.policy_for_nobody", policy, pod(labels="{app: web}"))) == found


@pytest.mark.parametrize(("selector", "found"), [("{app: web}", 0), ("{app: other}", 1), ("{}", 0)])
def test_a_service_means_somebody_or_nobody(selector, found):
    told = fields("kubescape_references.service_for_nobody", service(selector=selector), pod(labels="{app: web}"))
    assert len(told) == found


def test_an_autoscaler_scales_something_or_nothing():
    target = "{kind: Deployment, name: web}"
    scaler = f"{{kind: HorizontalPodAutoscaler, metadata: {{namespace: shop}}, spec: {{scaleTargetRef: {target}}}}}"
    there = "{kind: Deployment, metadata: {name: web, namespace: shop}}"
    assert fields("kubescape_references.autoscaler_of_nothing", scaler) == ["spec.scaleTargetRef"]
    assert fields("kubescape_references.autoscaler_of_nothing", scaler, there) == []
    assert fields("kubescape_references.autoscaler_of_nothing", scaler.replace("Deployment", "Rollout")) == []

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

FIELD = "spec.containers[0]"
ALL = "resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}"


@pytest.mark.parametrize(
    ("test", "missing"),
    [
        ("cpu_limit", ["limits.cpu"]),
        ("cpu_request", ["requests.cpu"]),
        ("cpu", [""]),
        ("memory_limit", ["limits.memory"]),
        ("memory_request", ["requests.memory"]),
        ("memory", [""]),
        ("limits", [""]),
    ],
)
def test_what_a_container_does_not_tell(test, missing):
    assert fields(f"kubescape_resources.{test}", pod()) == [f"{FIELD}.resources.{name}".rstrip(".") for name in missing]
    assert fields(f"kubescape_resources.{test}", pod(container=ALL)) == []


@pytest.mark.parametrize(("test", "name"), [("liveness", "livenessProbe"), ("readiness", "readinessProbe")])
def test_a_container_has_a_probe_or_not(test, name):
    assert fields(f"kubescape_resources.{test}", pod()) == [f"{FIELD}.{name}"]
    assert fields(f"kubescape_resources.{test}", pod(container=f"{name}: {{exec: {{command: [a]}}}}")) == []


def test_init_containers_end_by_themselves():
    body = "{kind: Pod, spec: {initContainers: [{name: a}], containers: []}}"
    assert fields("kubescape_resources.limits", body) == []

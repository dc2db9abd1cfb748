from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.posture.judging.kubescape_images import image, version
from tests.posture.judging.asking import fields

DIGEST = "sha256:" + "a" * 64
FIELD = "spec.template.spec.containers[0].image"


def runs(reference, more="", place="shop"):
    spec = f"{{containers: [{{name: c, image: '{reference}'{more}}}]}}"
    return f"{{kind: Deployment, metadata: {{name: d, namespace: {place}}}, spec: {{template: {{spec: {spec}}}}}}}"


@given(st.text(max_size=60))
def test_any_reference_has_parts(reference):
    found = image(reference)
    assert len(found.repository) <= len(reference)
    version(found.tag)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (f"nginx@{DIGEST}", False),
        (f"nginx:1.25@{DIGEST}", False),
        ("nginx@sha256:abc", True),
        ("nginx:1.25", True),
        ("", True),
    ],
)
def test_an_image_is_named_by_a_whole_digest_or_not(reference, found):
    assert fields("kubescape_images.unpinned", runs(reference)) == ([FIELD] if found else [])


@pytest.mark.parametrize(
    ("reference", "policy", "found"),
    [
        ("nginx", "IfNotPresent", 1),
        ("r:5000/nginx", "Never", 1),
        ("nginx:latest", "Never", 1),
        ("nginx", "Always", 0),
        ("nginx:1", "Never", 0),
        (f"nginx@{DIGEST}", "Never", 0),
    ],
)
def test_latest_is_asked_for_again_or_not(reference, policy, found):
    assert len(fields("kubescape_images.latest_not_pulled", runs(reference, f", imagePullPolicy: {policy}"))) == found
    assert fields("kubescape_images.latest_not_pulled", runs(reference)) == []


@pytest.mark.parametrize(
    ("test", "bad", "good"),
    [
        ("old_registry", "k8s.gcr.io/pause:3.1", "registry.k8s.io/pause:3.9"),
        ("ingress_nginx", "registry.k8s.io/ingress-nginx/controller:v1.8.0", "nginx/nginx-ingress:3.1"),
        ("argocd_traversal", "quay.io/argoproj/argocd:v2.2.3", "quay.io/argoproj/argocd:v2.2.4"),
        ("argocd_traversal", "argocd:v1.8.0", "argocd:v2.1.9"),
        ("grafana_bypass", "grafana/grafana:9.2.3", "grafana/grafana:9.1.8"),
        ("kyverno_bypass", "ghcr.io/kyverno/kyverno:v1.8.4", "ghcr.io/kyverno/kyverno:v1.8.5"),
        ("ingress_snippets", "ingress-nginx/controller:v0.49.0", "ingress-nginx/controller:v1.9.0"),
    ],
)
def test_what_is_known_to_be_broken_or_left(test, bad, good):
    assert fields(f"kubescape_images.{test}", runs(bad)) == [FIELD]
    assert fields(f"kubescape_images.{test}", runs(good)) == []


def test_snippets_can_be_switched_off_from_the_version_that_can():
    off = "{kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {allow-snippet-annotations: 'false'}}"
    assert fields("kubescape_images.ingress_snippets", runs("ingress-nginx/controller:v1.0.0"), off) == []
    assert fields("kubescape_images.ingress_snippets", runs("ingress-nginx/controller:v0.48.1"), off) == [FIELD]

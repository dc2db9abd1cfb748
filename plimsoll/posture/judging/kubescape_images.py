"""Images: whether what runs is what was meant, and whether it is known to be broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found, containers
from plimsoll.posture.judging.whole import namespace, once
from plimsoll.posture.objects import Cluster, Object, at, text

Version = tuple[int, ...]

_DIGEST = re.compile(r".{1,500}@sha256:[0-9a-f]{64}")
_VERSION = re.compile(r"v?(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?")
_OLD_REGISTRY = "k8s.gcr.io/"
_CONTROLLERS = ("DaemonSet", "Deployment", "StatefulSet")
_INGRESS_NGINX = re.compile(r"(?:^|/)ingress-nginx/controller\b|nginx-ingress-controller\b|(?:^|/)nginx-controller\b")
_SNIPPETS = "allow-snippet-annotations"


class Image(NamedTuple):
    """A reference to an image, in its parts."""

    repository: str
    tag: str
    digest: str


def image(reference: str) -> Image:
    """Return the parts of a reference.

    >>> image("registry:5000/app:1.2@sha256:ab")
    Image(repository='registry:5000/app', tag='1.2', digest='sha256:ab')
    >>> image("registry:5000/app").tag
    ''
    """
    rest, _, digest = reference.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        return Image(rest, "", digest)
    return Image(head, tag, digest)


def version(tag: str) -> Version | None:
    """Return the version a tag tells, None where it tells none.

    >>> version("v1.20.7-eks-1"), version("latest")
    ((1, 20, 7), None)
    """
    found = _VERSION.match(tag)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def images(one: Object) -> Iterator[tuple[str, str]]:
    """Yield the images of an object's containers, with their field."""
    for container in containers(one):
        yield f"{container.field}.image", text(container.body.get("image"))


@test(*MAKERS)
def unpinned(one: Object, _: Cluster) -> Found:
    """An image is not named by its digest."""
    for field, reference in images(one):
        if not _DIGEST.fullmatch(reference):
            yield Violation(field, f"{reference[:200]} is not named by a digest")


@test(*MAKERS)
def latest_not_pulled(one: Object, _: Cluster) -> Found:
    """An image without a tag, or latest, is not asked for again."""
    for container in containers(one):
        found = image(text(container.body.get("image")))
        policy = text(container.body.get("imagePullPolicy"))
        if found.tag in ("", "latest") and not found.digest and policy not in ("", "Always"):
            yield Violation(f"{container.field}.imagePullPolicy", f"it is latest, and the policy is {policy}")


@test(*MAKERS)
def old_registry(one: Object, _: Cluster) -> Found:
    """An image is from the registry that Kubernetes left."""
    for field, reference in images(one):
        if reference.startswith(_OLD_REGISTRY):
            yield Violation(field, f"{reference[:200]} is from a registry that is frozen")


# Software with an end


@test(*_CONTROLLERS)
def ingress_nginx(one: Object, _: Cluster) -> Found:
    """The ingress controller of nginx that nobody maintains any more runs here."""
    for field, reference in images(one):
        if _INGRESS_NGINX.search(reference, 0, 500):
            yield Violation(field, f"{reference[:200]} gets no fixes since March 2026")


@test("Deployment")
def ingress_snippets(one: Object, cluster: Cluster) -> Found:
    """An ingress controller of nginx takes snippets of configuration from Ingresses (CVE-2021-25742)."""
    for field, reference in images(one):
        told = version(image(reference).tag) if _INGRESS_NGINX.search(reference, 0, 500) else None
        if told and _takes_snippets(told, namespace(one) in _without_snippets(cluster)):
            yield Violation(field, f"{reference[:200]} takes snippets of configuration from Ingresses")


def _takes_snippets(told: Version, switched_off: bool) -> bool:
    """Say whether snippets are taken; below 0.49 they cannot be switched off, above 1.0 other rules apply."""
    return told < (0, 49) or (told < (1, 1) and not switched_off)


@once
def _without_snippets(cluster: Cluster) -> frozenset[str]:
    off = (one for one in cluster.of("ConfigMap") if at(one.body, "data", _SNIPPETS) == "false")
    return frozenset(namespace(one) for one in off)


class _Broken(NamedTuple):
    """Versions of a program with a known way in."""

    names: frozenset[str]
    ranges: tuple[tuple[Version, Version], ...]
    """From the first, up to but without the second."""


def _broken(one: Object, known: _Broken) -> Found:
    for field, reference in images(one):
        found = image(reference)
        told = version(found.tag) if found.repository.rpartition("/")[2] in known.names else None
        if told and any(first <= told < fixed for first, fixed in known.ranges):
            yield Violation(field, f"{reference[:200]} is a version with the flaw")


_ARGOCD = _Broken(frozenset(("argocd",)), (((0,), (2, 1, 9)), ((2, 2), (2, 2, 4))))
_GRAFANA = _Broken(frozenset(("grafana", "grafana-enterprise", "grafana-oss")), (((9, 2), (9, 2, 4)),))
_KYVERNO = _Broken(frozenset(("kyverno",)), (((1, 8, 3), (1, 8, 5)),))


@test("Deployment")
def argocd_traversal(one: Object, _: Cluster) -> Found:
    """Argo CD reads files of others through charts (CVE-2022-24348)."""
    yield from _broken(one, _ARGOCD)


@test("Deployment")
def grafana_bypass(one: Object, _: Cluster) -> Found:
    """Grafana lets in whoever races its sign-in (CVE-2022-39328)."""
    yield from _broken(one, _GRAFANA)


@test("Deployment")
def kyverno_bypass(one: Object, _: Cluster) -> Found:
    """Kyverno can be shown another image than the one that is checked (CVE-2022-47633)."""
    yield from _broken(one, _KYVERNO)

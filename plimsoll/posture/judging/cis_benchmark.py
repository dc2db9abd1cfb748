"""What the CIS Kubernetes Benchmark asks for beyond flags and Kubescape's rules."""

from __future__ import annotations

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.bindings import BINDINGS, bound_by
from plimsoll.posture.judging.control_plane import API_SERVER, flags
from plimsoll.posture.judging.kubescape_images import images
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.judging.kubescape_rights import is_of_kubernetes
from plimsoll.posture.judging.rights import rules
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_MASTERS = "system:masters"
_LABEL = "kubernetes.io/bootstrapping"
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_OF_IMAGES = ("image", "cosign", "sigstore", "connaisseur", "kyverno", "gatekeeper", "ratify", "notary", "portieris")
"""Parts of the names of webhooks that can check where images are from."""
_ENFORCERS = ("calico", "cilium", "antrea", "kube-router", "weave", "canal", "ovn", "network-polic", "netpol")
_CONNECTS_ONLY = "flannel"
_LEVELS = ("Metadata", "Request", "RequestResponse")
_WATCHED = ("secrets", "configmaps", "tokenreviews", "pods/exec")
_EXPIRES = "expiration"


@test("Role", "ClusterRole")
def wildcards(one: Object, _: Cluster) -> Found:
    """A rule of a role is about everything of a kind."""
    if _LABEL not in one.labels:
        for number, rule in enumerate(rules(one)):
            wild = [name for name in ("verbs", "resources", "groups") if "*" in getattr(rule, name)]
            if wild:
                yield Violation(f"rules[{number}]", f"all {' and '.join(wild)} are meant")


@test(*BINDINGS)
def masters(one: Object, cluster: Cluster) -> Found:
    """Rights are given to the group that no authorizer is asked about."""
    for grant in bound_by(one, cluster):
        if grant.subject[2] == _MASTERS and not is_of_kubernetes(grant):
            yield Violation(grant.field, f"{_MASTERS} is bound to {grant.role_name[:100]}")


@once
def _enforces_policies(cluster: Cluster) -> bool:
    return any(
        any(known in (one.name + reference).lower() for known in _ENFORCERS)
        for one in cluster.of("DaemonSet", "Deployment")
        for _, reference in images(one)
    )


@test("DaemonSet")
def network_without_policies(one: Object, cluster: Cluster) -> Found:
    """The network of the cluster connects pods, and nothing enforces policies."""
    found = (told for told in images(one) if told[1].rpartition("/")[2].startswith(f"{_CONNECTS_ONLY}:"))
    field, reference = next(found, ("", ""))
    if field and not _enforces_policies(cluster):
        yield Violation(field, f"{reference[:200]} enforces no policies, and nothing else here does")


@once
def _checks_images(cluster: Cluster) -> bool:
    names = (
        text(mapped(webhook).get("name")).lower()
        for one in cluster.of(*_WEBHOOKS)
        for webhook in listed(one.body.get("webhooks"))
    )
    return any(known in name for name in names for known in _OF_IMAGES)


@test("Pod")
def images_from_anywhere(one: Object, cluster: Cluster) -> Found:
    """Nothing checks where images are from."""
    started = flags(one)
    if started and started.program == API_SERVER and not _checks_images(cluster):
        plugins = started.given.get("enable-admission-plugins", "").split(",")
        if "ImagePolicyWebhook" not in plugins:
            yield Violation(started.field, "neither ImagePolicyWebhook nor a webhook checks images")


@test("EncryptionConfiguration")
def encryption_in_name(one: Object, _: Cluster) -> Found:
    """The first provider, which writes, is the one that does not encrypt."""
    for number, told in enumerate(listed(one.body.get("resources"))):
        resources = {text(name) for name in listed(mapped(told).get("resources"))}
        providers = listed(mapped(told).get("providers"))
        if not resources.isdisjoint(("secrets", "*.", "*.*")) and providers and "identity" in mapped(providers[0]):
            yield Violation(f"resources[{number}].providers", "identity comes first, and so nothing is encrypted")


@test("Policy")
def audit_gaps(one: Object, _: Cluster) -> Found:
    """An audit policy leaves out what investigations need."""
    if one.group == "audit.k8s.io":
        held = [mapped(rule) for rule in listed(one.body.get("rules"))]
        missing = [name for name in _WATCHED if not _is_logged(name, held)]
        if missing:
            yield Violation("rules", f"requests about {', '.join(missing)} are not logged")


def _is_logged(resource: str, held: list[Body]) -> bool:
    """Say whether the first rule about a resource, whoever asks, logs it."""
    for rule in held:
        everybody = not any(rule.get(name) for name in ("users", "userGroups", "verbs", "namespaces"))
        if everybody and _is_about(resource, rule):
            return rule.get("level") in _LEVELS
    return False


def _is_about(resource: str, rule: Body) -> bool:
    groups = listed(rule.get("resources"))
    if not groups:
        return not listed(rule.get("nonResourceURLs"))
    names = {text(name) for group in groups for name in listed(mapped(group).get("resources"))}
    anything = any(not listed(mapped(group).get("resources")) for group in groups)
    return anything or resource in names or "*" in names or f"{resource.partition('/')[0]}/*" in names


@test("Secret")
def bootstrap_token(one: Object, _: Cluster) -> Found:
    """A token that lets nodes join never expires."""
    expires = any(at(one.body, name, _EXPIRES) for name in ("data", "stringData"))
    if one.body.get("type") == "bootstrap.kubernetes.io/token" and not expires:
        yield Violation("data", "it never expires")

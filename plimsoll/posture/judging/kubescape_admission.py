"""What stands at the cluster's door: Pod Security on namespaces, webhooks, the PodSecurityPolicies of old."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.posture.check import Test, Violation, test
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Cluster, Object, at, listed, mapped, text

_ENFORCE = "pod-security.kubernetes.io/enforce"
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_PSP = "PodSecurityPolicy"


def _level(one: Object) -> str:
    return text(one.labels.get(_ENFORCE))


@once
def _has_webhook_for_pods(cluster: Cluster) -> bool:
    """Whether a webhook is asked about pods."""
    rules = (
        mapped(rule)
        for one in cluster.of(*_WEBHOOKS)
        for webhook in listed(one.body.get("webhooks"))
        for rule in listed(mapped(webhook).get("rules"))
    )
    return any(
        rule.get("scope") != "Cluster" and not {"pods", "*", "*/*"}.isdisjoint(map(text, listed(rule.get("resources"))))
        for rule in rules
    )


@test("Namespace")
def no_policy_control(one: Object, cluster: Cluster) -> Found:
    """Neither Pod Security nor a webhook decides what pods a namespace may have."""
    if not _level(one) and not _has_webhook_for_pods(cluster):
        yield Violation("metadata.labels", "Pod Security is not enforced, and no webhook is asked about pods")


@test("Namespace")
def not_even_baseline(one: Object, _: Cluster) -> Found:
    """A namespace takes pods that may own their node."""
    if _level(one) not in ("baseline", "restricted"):
        yield Violation("metadata.labels", f"Pod Security enforces {_level(one) or 'nothing'}")


@test("Namespace")
def not_restricted(one: Object, _: Cluster) -> Found:
    """A namespace takes pods that are not hardened."""
    if _level(one) != "restricted":
        yield Violation("metadata.labels", f"Pod Security enforces {_level(one) or 'nothing'}")


@test("Namespace")
def namespace_to_review(one: Object, _: Cluster) -> Found:
    """Namespaces are the borders of a cluster; each wants a look."""
    yield Violation("", f"namespace {one.name}")


@test("MutatingWebhookConfiguration")
def mutating_webhook(one: Object, _: Cluster) -> Found:
    """Something may change what is made in the cluster."""
    yield Violation("", f"{len(listed(one.body.get('webhooks')))} webhooks may change objects")


@test("ValidatingWebhookConfiguration")
def validating_webhook(one: Object, _: Cluster) -> Found:
    """Something is shown what is made in the cluster, and may refuse it."""
    yield Violation("", f"{len(listed(one.body.get('webhooks')))} webhooks see objects")


# Policies of old: one that forbids is enough, so all of them have to allow


def _policy_allows(name: str, allows: Callable[[Object], bool]) -> Test:
    @once
    def everywhere(cluster: Cluster) -> bool:
        return all(allows(one) for one in cluster.of(_PSP))

    @test(_PSP, name=name)
    def judged(one: Object, cluster: Cluster) -> Found:
        if everywhere(cluster):
            yield Violation("spec", f"{one.name} allows it, and no other PodSecurityPolicy forbids it")

    return judged


def _may_be_root(one: Object) -> bool:
    rule = at(one.spec, "runAsUser", "rule")
    ranges = [mapped(span).get("min") for span in listed(at(one.spec, "runAsUser", "ranges"))]
    above = bool(ranges) and all(isinstance(least, int) and least > 0 for least in ranges)
    return rule != "MustRunAsNonRoot" and not (rule == "MustRunAs" and above)


policy_privileged = _policy_allows("policy_privileged", lambda one: one.spec.get("privileged") is True)
policy_host_pid = _policy_allows("policy_host_pid", lambda one: one.spec.get("hostPID") is True)
policy_host_ipc = _policy_allows("policy_host_ipc", lambda one: one.spec.get("hostIPC") is True)
policy_host_network = _policy_allows("policy_host_network", lambda one: one.spec.get("hostNetwork") is True)
policy_escalation = _policy_allows(
    "policy_escalation", lambda one: one.spec.get("allowPrivilegeEscalation") is not False
)
policy_root = _policy_allows("policy_root", _may_be_root)
policy_capabilities = _policy_allows(
    "policy_capabilities", lambda one: bool(listed(one.spec.get("allowedCapabilities")))
)
policy_drops_nothing = _policy_allows(
    "policy_drops_nothing", lambda one: not listed(one.spec.get("requiredDropCapabilities"))
)

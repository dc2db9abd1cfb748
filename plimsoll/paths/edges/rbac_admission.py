"""Steps from rights over what judges requests: webhooks that rewrite them, checks that can be taken away."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.paths import holders, nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.rbac_pods import creates, relabels
from plimsoll.paths.granted import WRITES, Holder, on_all, together
from plimsoll.paths.model import Model

_GROUP = "admissionregistration.k8s.io"
_WRITES = ("create", *WRITES)
_REMOVES = (*WRITES, "delete")
_ALL_NAMESPACES = nodes.namespace("*")
_CHECKS = (
    (_GROUP, "validatingwebhookconfigurations", "checks of webhooks"),
    (_GROUP, "validatingadmissionpolicies", "checks of the API server"),
    (_GROUP, "validatingadmissionpolicybindings", "checks of the API server"),
    ("kyverno.io", "clusterpolicies", "Kyverno's policies"),
    ("templates.gatekeeper.sh", "constrainttemplates", "Gatekeeper's policies"),
)


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    for holder in holders.of(model):
        if not holders.is_admin(holder.powers):
            yield from _rewritten(model, holder)
        yield from _disabled(model, holder)
        yield from _created(holder)
        yield from _converted(holder)
        yield from _openshift(holder)


def _rewritten(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield the way to everything by a webhook of one's own, which sees and changes every request; names do not help."""
    hooks = holder.may(_WRITES, _GROUP, "mutatingwebhookconfigurations", scoped=True)
    what = "to write mutating webhooks, which see and change every request"
    yield from on_all("WEBHOOK_WRITE", holder, hooks, lambda _: nodes.CLUSTER_ADMIN, what)
    policies = holder.may(_WRITES, _GROUP, "mutatingadmissionpolicies", scoped=True)
    bindings = holder.may(_WRITES, _GROUP, "mutatingadmissionpolicybindings", scoped=True)
    bound = any(True for _ in model.cluster.of("MutatingAdmissionPolicyBinding"))
    changes = holder.may(WRITES, _GROUP, "mutatingadmissionpolicies", scoped=True) if bound else []
    what = "to write policies that change every request"
    yield from on_all("WEBHOOK_WRITE", holder, changes, lambda _: nodes.CLUSTER_ADMIN, what)
    for joint in together(policies, bindings):
        yield Edge("WEBHOOK_WRITE", holder.id, nodes.CLUSTER_ADMIN, f"{joint.why} allows {what}", joint.objects)


def _disabled(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield the namespaces whose protection one can take away."""
    for one in relabels(holder):
        for name, namespace in model.namespaces.items():
            if (
                namespace.enforces != "privileged"
                and one.covers(name)
                and (not one.rule.names or name in one.rule.names)
            ):
                why = f"{one.why} allows to take the Pod Security label off Namespace {name}"
                yield Edge("ADMISSION_DISABLE", holder.id, namespace.id, why, one.objects)
    for group, resource, what in _CHECKS:
        held = holder.may(_REMOVES, group, resource, scoped=True)
        yield from on_all("ADMISSION_DISABLE", holder, held, lambda _: _ALL_NAMESPACES, f"to take away {what}")


def _created(holder: Holder) -> Iterator[Edge]:
    """Yield a namespace of one's own, which nothing holds to Pod Security, for one who can create pods in it."""
    fresh = holder.may(("create",), "", "namespaces", scoped=True)
    for joint in together(fresh, [one for one in creates(holder) if not one.namespace]) if fresh else ():
        why = f"{joint.why} allow to create a namespace without Pod Security and pods in it"
        yield Edge("NAMESPACE_CREATE", holder.id, _ALL_NAMESPACES, why, joint.objects)


def _converted(holder: Holder) -> Iterator[Edge]:
    held = holder.may(WRITES, "apiextensions.k8s.io", "customresourcedefinitions", scoped=True)
    what = "to send stored custom resources through a conversion webhook"
    yield from on_all("CRD_CONVERSION", holder, held, lambda _: nodes.sink("custom-resources"), what)


def _openshift(holder: Holder) -> Iterator[Edge]:
    held = holder.may(("use",), "security.openshift.io", "securitycontextconstraints")
    held += holder.may(("use",), "policy", "podsecuritypolicies")
    what = "to use constraints that admit pods which escape"
    narrow = {"restricted", "restricted-v2", "restricted-v3", "nonroot", "nonroot-v2"}
    wide = [one for one in held if not one.rule.names or {*one.rule.names} - narrow]
    yield from on_all("SCC_PSP_USE", holder, wide, lambda place: nodes.namespace(place or "*"), what)

"""Whether a pod that escapes would be admitted to a namespace: Pod Security's label, and policy engines that refuse one.

An engine counts only where it refuses every sort of escaping pod (privileged, host paths, host namespaces, added
capabilities), enforces it, and fails closed; several policies together may do so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from plimsoll.paths.model import Model, Namespace
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Object, at, listed, mapped, text

_SORTS = ("privileged", "hostPath", "hostPID", "capabilities")
"""The sorts of escape, by the field that a policy about it names."""
_GATEKEEPER = {
    "K8sPSPPrivilegedContainer": "privileged",
    "K8sPSPHostFilesystem": "hostPath",
    "K8sPSPHostNamespace": "hostPID",
    "K8sPSPCapabilities": "capabilities",
}
_VAP = "ValidatingAdmissionPolicy"


def admits(model: Model, namespace: str) -> bool:
    """Say whether a pod that escapes to its node is admitted to a namespace."""
    return not why_not(model, namespace)


def why_not(model: Model, namespace: str) -> str:
    """Return what keeps an escaping pod out of a namespace; nothing where it is let in."""
    return _reasons(model).get(namespace, "")


@once
def _reasons(model: Model) -> Mapping[str, str]:
    return {name: _why_not(model, one) for name, one in model.namespaces.items()}


def _why_not(model: Model, namespace: Namespace) -> str:
    if namespace.enforces != "privileged":
        return f"Namespace {namespace.name} enforces Pod Security {namespace.enforces}"
    refused = {sort: name for name, sorts in _refusals(model, namespace) for sort in sorts}
    return f"{', '.join(sorted(set(refused.values())))} refuse it" if refused.keys() >= set(_SORTS) else ""


def admitting(model: Model, namespace: str) -> list[str]:
    """Return the namespaces that let an escaping pod in: among one, or among all (``)."""
    return [one for one in ([namespace] if namespace else model.namespaces) if admits(model, one)]


def _refusals(model: Model, namespace: Namespace) -> Iterator[tuple[str, list[str]]]:
    """Yield policies that are enforced on pods of a namespace, with the sorts of escape that they speak of."""
    for one in model.cluster.of("ClusterPolicy", "Policy"):
        if one.group == "kyverno.io" and (one.kind == "ClusterPolicy" or one.namespace == namespace.name):
            yield f"{one.kind} {one.name}", [*_of_kyverno(one, namespace)]
    for kind, sort in _GATEKEEPER.items():
        for one in model.cluster.of(kind):
            if one.spec.get("enforcementAction", "deny") == "deny" and _gatekeeper_matches(one, namespace):
                yield f"{kind} {one.name}", [sort]
    yield from _of_admission(model, namespace)


def _of_kyverno(one: Object, namespace: Namespace) -> Iterator[str]:
    if text(one.spec.get("failurePolicy")) == "Ignore":
        return
    whole = text(one.spec.get("validationFailureAction"))
    for rule in listed(one.spec.get("rules")):
        action = text(at(rule, "validate", "failureAction")) or whole
        if action.lower() != "enforce" or at(rule, "exclude") or not _kyverno_matches(mapped(rule), namespace):
            continue
        level = at(rule, "validate", "podSecurity", "level")
        if level in ("baseline", "restricted") and not at(rule, "validate", "podSecurity", "exclude"):
            yield from _SORTS
        yield from _spoken(at(rule, "validate"))


def _kyverno_matches(rule: Mapping[str, object], namespace: Namespace) -> bool:
    match = mapped(rule.get("match"))
    filters = [*listed(match.get("any")), *listed(match.get("all")), *([match] if match.get("resources") else [])]
    for one in filters:
        resources = mapped(at(one, "resources"))
        kinds = {text(kind).rpartition("/")[2] for kind in listed(resources.get("kinds"))}
        names = listed(resources.get("namespaces"))
        narrowed = resources.keys() - {"kinds", "namespaces"} or mapped(one).keys() - {"resources"}
        if kinds & {"Pod", "*"} and (not names or namespace.name in names) and not narrowed:
            return True
    return False


def _gatekeeper_matches(one: Object, namespace: Namespace) -> bool:
    match = mapped(one.spec.get("match"))
    names, excluded = listed(match.get("namespaces")), listed(match.get("excludedNamespaces"))
    return (
        (not names or namespace.name in names)
        and namespace.name not in excluded
        and namespace.is_selected(match.get("namespaceSelector"))
        and not match.get("labelSelector")
        and not listed(at(one.spec, "parameters", "exemptImages"))
    )


def _of_admission(model: Model, namespace: Namespace) -> Iterator[tuple[str, list[str]]]:
    bound: dict[str, list[Object]] = {}
    for one in model.cluster.of(f"{_VAP}Binding"):
        if "Deny" in listed(one.spec.get("validationActions")):
            bound.setdefault(text(one.spec.get("policyName")), []).append(one)
    for one in model.cluster.of(_VAP):
        places = [one.spec.get("matchConstraints")]
        if text(one.spec.get("failurePolicy")) == "Ignore" or not _about_pods(places[0]):
            continue
        if listed(one.spec.get("matchConditions")) or not _within(places[0], namespace):
            continue
        if any(_within(binding.spec.get("matchResources"), namespace) for binding in bound.get(one.name, ())):
            yield f"{_VAP} {one.name}", [*_spoken(one.spec.get("validations"))]


def _about_pods(constraints: object) -> bool:
    for rule in listed(at(constraints, "resourceRules")):
        resources, verbs = listed(at(rule, "resources")), listed(at(rule, "operations"))
        if {"pods", "*", "*/*"} & set(map(text, resources)) and {"CREATE", "*"} & set(map(text, verbs)):
            return True
    return False


def _within(place: object, namespace: Namespace) -> bool:
    told = mapped(place)
    return namespace.is_selected(told.get("namespaceSelector")) and not told.get("objectSelector")


def _spoken(body: object) -> Iterator[str]:
    """Yield the sorts of escape whose field a policy's text names."""
    try:
        told = msgspec.json.encode(body).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return
    for sort in _SORTS:
        if sort in told or (sort == "hostPID" and "hostNamespaces" in told):
            yield sort

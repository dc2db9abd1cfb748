"""Sandboxes for agents (SandboxTemplate): what code that nobody has read may reach and take."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.kubescape_images import image
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.judging.whole import is_empty
from plimsoll.posture.objects import CONTAINERS, Body, Cluster, Object, at, listed, mapped, text

_KIND = "SandboxTemplate"
_POD = "spec.podTemplate.spec"


def _containers(one: Object) -> Iterator[tuple[str, Body]]:
    spec = mapped(at(one.spec, "podTemplate", "spec"))
    for list_ in CONTAINERS:
        for number, body in enumerate(listed(spec.get(list_))):
            yield f"{_POD}.{list_}[{number}]", mapped(body)


@test(_KIND)
def egress(one: Object, _: Cluster) -> Found:
    """A sandbox may reach what nobody named."""
    policy = one.spec.get("networkPolicy")
    if one.spec.get("networkPolicyManagement", "Managed") != "Managed":
        yield Violation("spec.networkPolicyManagement", "its network is not managed")
    elif not isinstance(policy, dict):
        yield Violation("spec.networkPolicy", "its network has no policy of its own")
    elif any(not _is_scoped(mapped(rule)) for rule in listed(policy.get("egress"))):
        yield Violation("spec.networkPolicy.egress", "a rule names nobody, and so allows everybody")


def _is_scoped(rule: Body) -> bool:
    peers = listed(rule.get("to"))
    return bool(peers) and all(_is_somebody(mapped(peer)) for peer in peers)


def _is_somebody(peer: Body) -> bool:
    if "ipBlock" in peer:
        return not text(at(peer, "ipBlock", "cidr")).endswith("/0")
    return any(name in peer and not is_empty(peer[name]) for name in ("namespaceSelector", "podSelector"))


@test(_KIND)
def runtime(one: Object, _: Cluster) -> Found:
    """A sandbox shares the node's kernel."""
    name = text(at(one.spec, "podTemplate", "spec", "runtimeClassName"))
    if name not in kubescape_defaults.HARDENED_RUNTIMES:
        yield Violation(f"{_POD}.runtimeClassName", f"the runtime is {name or 'the usual one'}")


@test(_KIND)
def floating_image(one: Object, _: Cluster) -> Found:
    """What runs in a sandbox may change with each start."""
    for field, body in _containers(one):
        found = image(text(body.get("image")))
        if found.tag in ("", "latest") and not found.digest:
            yield Violation(f"{field}.image", f"{text(body.get('image'))[:200]} names no version")


def _unlimited(one: Object, what: str) -> Found:
    for field, body in _containers(one):
        if at(body, "resources", "limits", what) in (None, ""):
            yield Violation(f"{field}.resources.limits.{what}", f"it has no {what} limit")


@test(_KIND)
def cpu(one: Object, _: Cluster) -> Found:
    """A sandbox may take every processor."""
    yield from _unlimited(one, "cpu")


@test(_KIND)
def memory(one: Object, _: Cluster) -> Found:
    """A sandbox may take all memory."""
    yield from _unlimited(one, "memory")

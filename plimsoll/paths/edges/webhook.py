"""What stands behind a mutating webhook rewrites what others create, and so gains what they may have."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.paths import nodes, privileges, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model, Service
from plimsoll.posture.objects import Body, Object, at, listed, mapped, text

_PODS = frozenset(("pods", "pods/*", "*", "*/*"))
_WRITES = frozenset(("CREATE", "UPDATE", "*"))


def edges(model: Model) -> Iterator[Edge]:
    """Yield what the containers behind webhooks gain."""
    for one in model.cluster.of("MutatingWebhookConfiguration"):
        for webhook in map(mapped, listed(one.body.get("webhooks"))):
            place, name = (text(at(webhook, "clientConfig", "service", key)) for key in ("namespace", "name"))
            service = model.by_endpoint.get(nodes.endpoint(place, name))
            if service is not None and any(_is_about_pods(mapped(rule)) for rule in listed(webhook.get("rules"))):
                yield from _rewriting(model, one, webhook, service)


def _is_about_pods(rule: Body) -> bool:
    told = [{str(value) for value in listed(rule.get(name))} for name in ("resources", "apiGroups", "operations")]
    return bool(told[0] & _PODS and told[1] & {"", "*"} and told[2] & _WRITES)


def _rewriting(model: Model, one: Object, webhook: Body, service: Service) -> Iterator[Edge]:
    ref = nodes.ref(one.kind, one.name)
    why = f"{one.kind} {one.name} lets it rewrite pods as they are created"
    if at(webhook, "objectSelector", "matchLabels") or at(webhook, "objectSelector", "matchExpressions"):
        why += ", if they have its labels"
    selector = webhook.get("namespaceSelector")
    spaces = [name for name, found in model.namespaces.items() if found.is_selected(selector)]
    everywhere = not mapped(selector) or "kube-system" in spaces
    for workload in service.workloads:
        for name, container in workload.containers:
            if not privileges.lasts(container):
                continue
            objects = (ref, workload.ref)
            if everywhere:
                yield Edge("WEBHOOK_BACKEND", name, nodes.CLUSTER_ADMIN, f"{why} in every namespace", objects)
            else:
                for space in spaces:
                    yield Edge("WEBHOOK_BACKEND", name, sets.accounts(space), f"{why} in {space}", objects)

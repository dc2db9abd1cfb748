"""References that lead nowhere: what is named, or meant by labels, and is not there."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.judging.whole import is_empty, named, namespace, workloads
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_ROUTES = ("HTTPRoute", "TCPRoute", "UDPRoute")
_SCALABLE = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")


def backends(ingress: Object) -> Iterator[tuple[str, str]]:
    """Yield the Services an Ingress names, with their field; of old and of today's form."""
    for field, backend in _backends(ingress.spec):
        if name := text(at(backend, "service", "name")):
            yield f"{field}.service.name", name
        elif name := text(backend.get("serviceName")):
            yield f"{field}.serviceName", name


def _backends(spec: Body) -> Iterator[tuple[str, Body]]:
    for key in ("defaultBackend", "backend"):
        yield f"spec.{key}", mapped(spec.get(key))
    for number, rule in enumerate(listed(spec.get("rules"))):
        for place, path in enumerate(listed(at(rule, "http", "paths"))):
            yield f"spec.rules[{number}].http.paths[{place}].backend", mapped(mapped(path).get("backend"))


def route_backends(route: Object) -> Iterator[tuple[str, str, str]]:
    """Yield the Services a route of the Gateway API names: field, namespace, name."""
    for number, rule in enumerate(listed(route.spec.get("rules"))):
        for place, told in enumerate(listed(mapped(rule).get("backendRefs"))):
            backend = mapped(told)
            if backend.get("kind", "Service") == "Service" and not backend.get("group"):
                where = text(backend.get("namespace")) or namespace(route)
                yield f"spec.rules[{number}].backendRefs[{place}]", where, text(backend.get("name"))


@test("Ingress")
def ingress_backend(one: Object, cluster: Cluster) -> Found:
    """An Ingress names a Service that is not there."""
    for field, name in backends(one):
        if named(cluster, "Service", namespace(one), name) is None:
            yield Violation(field, f"there is no Service {name} in {namespace(one)}")


@test(*_ROUTES)
def route_backend(one: Object, cluster: Cluster) -> Found:
    """A route names a Service that is not there."""
    for field, where, name in route_backends(one):
        if named(cluster, "Service", where, name) is None:
            yield Violation(field, f"there is no Service {name} in {where}")


@test("NetworkPolicy")
def policy_for_nobody(one: Object, cluster: Cluster) -> Found:
    """A NetworkPolicy means pods that nobody makes."""
    selector = one.spec.get("podSelector")
    if not is_empty(selector) and next(workloads(cluster).meant(namespace(one), selector), None) is None:
        yield Violation("spec.podSelector", f"no workload in {namespace(one)} has these labels")


@test("Service")
def service_for_nobody(one: Object, cluster: Cluster) -> Found:
    """A Service means pods that nobody makes."""
    if mapped(one.spec.get("selector")) and next(workloads(cluster).behind(one), None) is None:
        yield Violation("spec.selector", f"no workload in {namespace(one)} has these labels")


@test("HorizontalPodAutoscaler")
def autoscaler_of_nothing(one: Object, cluster: Cluster) -> Found:
    """An autoscaler names a workload that is not there."""
    target = mapped(one.spec.get("scaleTargetRef"))
    kind, name = text(target.get("kind")), text(target.get("name"))
    if kind in _SCALABLE and named(cluster, kind, namespace(one), name) is None:
        yield Violation("spec.scaleTargetRef", f"there is no {kind} {name} in {namespace(one)}")

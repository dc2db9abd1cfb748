"""How the outside gets in by name: Ingress objects, routes of Gateways, and whether anything serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from plimsoll.paths import known, nodes, services
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.entry import host_ports
from plimsoll.paths.model import Model, Port, Service
from plimsoll.paths.workloads import Workload, namespace_of
from plimsoll.policies import entrances, intervals, network, policy
from plimsoll.policies.intervals import Intervals
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Body, Object, at, listed, mapped, text

_CLASS = "kubernetes.io/ingress.class"
_ALB_SCHEME = "alb.ingress.kubernetes.io/scheme"
_INTERNAL_CLASSES = ("gce-internal",)
_GATEWAYS = "gateway.networking.k8s.io"
_OPENSHIFT, _ISTIO, _MESH = "route.openshift.io", "networking.istio.io", "mesh"
_LOCAL = ".cluster.local"


class _Backend(NamedTuple):
    """A Service's port that a route leads to."""

    namespace: str
    name: str
    port: object


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways in through routes that something serves for the Internet."""
    for one in model.cluster.of("Ingress", "Route", "VirtualService", *entrances.ROUTES):
        told = _served(model, one)
        for backend in _backends(model, one) if told else ():
            service = model.by_endpoint.get(nodes.endpoint(backend.namespace, backend.name))
            if service is not None and _is_open(model, service, backend):
                space = namespace_of(one)
                why = f"{one.kind} {space}/{one.name} leads the Internet to Service {service.namespace}/{service.name}{told}"
                objects = (nodes.ref(one.kind, one.name, space), service.ref)
                yield Edge("ENTRY_INGRESS", nodes.INTERNET, service.id, why, objects)


def _served(model: Model, one: Object) -> str:
    """Return by what an Ingress or a route is served for the Internet; nothing where it is not."""
    if one.kind == "Ingress":
        return _ingress(model, one)
    if one.kind == "Route":
        return " (an OpenShift Route)" if one.group == _OPENSHIFT else ""
    if one.kind == "VirtualService":
        gateways = [text(name) for name in listed(one.spec.get("gateways")) if text(name) not in ("", _MESH)]
        return f" (Istio's Gateway {gateways[0]})" if gateways and one.group == _ISTIO else ""
    return next(
        filter(None, (_gateway(model, one, mapped(parent)) for parent in listed(one.spec.get("parentRefs")))), ""
    )


def _ingress(model: Model, one: Object) -> str:
    name = text(one.spec.get("ingressClassName")) or text(one.annotations.get(_CLASS))
    known_classes = _classes(model)
    if name and known_classes and name not in known_classes and _CLASS not in one.annotations:
        return ""
    controller = text(at(known_classes[name].spec, "controller")) if name in known_classes else ""
    if name in _INTERNAL_CLASSES or _is_internal_alb(one, name, controller):
        return ""
    ingress = listed(at(one.body, "status", "loadBalancer", "ingress"))
    addresses = [text(at(found, "ip")) for found in ingress]
    if ingress and all(addresses) and all(map(services.is_private, addresses)):
        return ""
    return "" if _is_shut_in(model) else f" (class {name})" if name else " (no class is told)"


@once
def _classes(model: Model) -> Mapping[str, Object]:
    return {one.name: one for one in model.cluster.of("IngressClass")}


def _is_internal_alb(one: Object, name: str, controller: str) -> bool:
    """Say whether it is of the AWS controller, whose load balancers are internal unless told otherwise."""
    scheme = text(one.annotations.get(_ALB_SCHEME))
    return scheme == "internal" or ("alb" in (name, controller.rpartition("/")[2]) and scheme != "internet-facing")


@once
def _controllers(model: Model) -> list[Workload]:
    names = known.table().ingress_controllers
    return [one for one in model.workloads if any(known.is_of(found, names) for found in one.pod.containers)]


@once
def _is_shut_in(model: Model) -> bool:
    """Say whether all that stands in front of the controllers that are known is inside the cluster."""
    found = set(_controllers(model))
    fronts = [one for one in model.services if found & set(one.workloads)]
    return bool(fronts) and not any(map(_is_outside, fronts)) and not any(map(host_ports, found))


def _is_outside(front: Service) -> bool:
    spec = front.object.spec
    return services.is_balanced(front) or spec.get("type") == "NodePort" or bool(spec.get("externalIPs"))


def _gateway(model: Model, route: Object, parent: Body) -> str:
    if text(parent.get("kind")) not in ("", "Gateway") or text(parent.get("group")) not in ("", _GATEWAYS):
        return ""
    space = text(parent.get("namespace")) or namespace_of(route)
    found = _gateways(model)
    one = found.get((space, text(parent.get("name"))))
    told = f" (Gateway {space}/{text(parent.get('name'))})"
    if one is None:
        return "" if found else told
    addresses = [text(at(address, "value")) for address in listed(at(one.body, "status", "addresses"))]
    addresses = addresses or [text(at(address, "value")) for address in listed(one.spec.get("addresses"))]
    inside = bool(addresses) and all(map(services.is_private, addresses))
    internal = "internal" in text(one.spec.get("gatewayClassName")) or "rilb" in text(one.spec.get("gatewayClassName"))
    return told if not (inside or internal) and _lets_in(model, one, route, text(parent.get("sectionName"))) else ""


@once
def _gateways(model: Model) -> Mapping[tuple[str, str], Object]:
    return {(namespace_of(one), one.name): one for one in model.cluster.of("Gateway") if one.group == _GATEWAYS}


def _lets_in(model: Model, gateway: Object, route: Object, section: str) -> bool:
    """Say whether a listener takes routes of this namespace: by default only those of its own."""
    for one in map(mapped, listed(gateway.spec.get("listeners"))):
        allowed = mapped(at(one, "allowedRoutes", "namespaces"))
        if section and section != one.get("name"):
            continue
        match text(allowed.get("from")) or "Same":
            case "All":
                return True
            case "Same" if namespace_of(gateway) == namespace_of(route):
                return True
            case "Selector":
                wanted = mapped(at(allowed, "selector", "matchLabels"))
                space = model.namespaces.get(namespace_of(route))
                if space and all(space.labels.get(key) == value for key, value in wanted.items()):
                    return True
    return False


def _backends(model: Model, one: Object) -> Iterator[_Backend]:
    if one.kind == "Ingress":
        yield from _of_ingress(one)
        return
    if one.kind == "Route":
        for told in map(mapped, [one.spec.get("to"), *listed(one.spec.get("alternateBackends"))]):
            if text(told.get("kind")) in ("", "Service") and text(told.get("name")):
                yield _Backend(namespace_of(one), text(told.get("name")), None)
        return
    if one.kind == "VirtualService":
        yield from _of_virtual_service(one)
        return
    for rule in listed(one.spec.get("rules")):
        for told in map(mapped, listed(at(rule, "backendRefs"))):
            space = text(told.get("namespace")) or namespace_of(one)
            if text(told.get("kind")) in ("", "Service") and _is_granted(model, one, space, text(told.get("name"))):
                yield _Backend(space, text(told.get("name")), told.get("port"))


def _of_ingress(one: Object) -> Iterator[_Backend]:
    space = namespace_of(one)
    told = [one.spec.get("defaultBackend"), one.spec.get("backend")]
    told += [
        at(path, "backend") for rule in listed(one.spec.get("rules")) for path in listed(at(rule, "http", "paths"))
    ]
    for backend in map(mapped, told):
        service = mapped(backend.get("service"))
        name = text(service.get("name")) or text(backend.get("serviceName"))
        port = at(service, "port", "number") or at(service, "port", "name") or backend.get("servicePort")
        if name:
            yield _Backend(space, name, port)


def _of_virtual_service(one: Object) -> Iterator[_Backend]:
    for protocol in ("http", "tls", "tcp"):
        for rule in listed(one.spec.get(protocol)):
            for told in listed(at(rule, "route")):
                name, _, space = (
                    text(at(told, "destination", "host")).removesuffix(_LOCAL).removesuffix(".svc").partition(".")
                )
                yield _Backend(space or namespace_of(one), name, at(told, "destination", "port", "number"))


def _is_granted(model: Model, route: Object, space: str, name: str) -> bool:
    """Say whether a route may lead into a namespace: its own, or one that has a ReferenceGrant for it."""
    if space == namespace_of(route):
        return True
    for one in model.cluster.of("ReferenceGrant"):
        givers = map(mapped, listed(one.spec.get("from")))
        given = map(mapped, listed(one.spec.get("to")))
        if (
            namespace_of(one) == space
            and any(
                (text(f.get("kind")), text(f.get("namespace"))) == (route.kind, namespace_of(route)) for f in givers
            )
            and any(text(t.get("kind")) == "Service" and text(t.get("name")) in ("", name) for t in given)
        ):
            return True
    return False


def _is_open(model: Model, service: Service, backend: _Backend) -> bool:
    """Say whether policies let the controller through to the port of a pod behind the Service."""
    ways = [partial(model.reach.allows, one) for one in _controllers(model)]
    for workload in service.workloads:
        wanted = _wanted(service, backend, workload)
        opened = [way(workload) for way in ways] or [
            model.reach.from_internet(workload),
            _from_unknown(model, workload),
        ]
        if any(intervals.intersection(wanted, one) for one in opened):
            return True
    return False


def _wanted(service: Service, backend: _Backend, workload: Workload) -> Intervals:
    def is_meant(port: Port) -> bool:
        return backend.port is None or backend.port in (port.number, port.name)

    meant = tuple(filter(is_meant, service.ports))
    return services.targets(service._replace(ports=meant), workload)


def _from_unknown(model: Model, workload: Workload) -> Intervals:
    """Return the ports that are open to a controller that is not among the objects: to a namespace that is not either."""
    end = model.reach.ends[workload]
    told = model.reach.policies.selecting(end, "ingress").network
    rules = (rule for one in told for rule in one.rules("ingress") or ())
    foreign = [rule.of(end) for rule in rules if any(_is_foreign(model, peer) for peer in rule.peers or ())]
    return intervals.union(model.reach.policies.connections(entrances.ANYWHERE, end), *foreign)


def _is_foreign(model: Model, peer: policy.Peer) -> bool:
    if not isinstance(peer, policy.Pods) or peer.namespace is not None:
        return False
    named = [one for one in peer.namespaces if one.key == network.NAME_LABEL and one.operator == "In"]
    return any(not set(one.values) & set(model.namespaces) for one in named)

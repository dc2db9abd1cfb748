"""The network: which pods no policy speaks of, what can be reached from outside, what is not encrypted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found
from plimsoll.posture.judging.kubescape_references import backends, route_backends
from plimsoll.posture.judging.whole import namespace, once, services_of, workloads
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_CILIUM = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
_CLUSTERWIDE = "CiliumClusterwideNetworkPolicy"
_OPEN = ("NodePort", "LoadBalancer")
_AWS_CERTIFICATE = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert"
_AZURE_INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_AZURE_GATEWAY = "azure/application-gateway"
_SSH = frozenset((22, 222, 2222, "22", "222", "2222", "ssh"))
_SOURCES = ("k8s:", "any:")

# Policies


def _directions(policy: Object) -> frozenset[str]:
    """Return what a NetworkPolicy speaks of, by Kubernetes' own defaults."""
    told = policy.spec.get("policyTypes")
    if isinstance(told, list) and told:
        return frozenset(text(one) for one in told)
    return frozenset(("Ingress", "Egress") if policy.spec.get("egress") else ("Ingress",))


def _rules_of_cilium(policy: Object) -> Iterator[tuple[Body, frozenset[str]]]:
    """Yield the selectors of a policy of Cilium and what it speaks of; Kubescape reads an egress as both ways."""
    specs = [policy.spec, *listed(policy.body.get("specs"))]
    for spec in map(mapped, specs):
        selector = spec.get("endpointSelector")
        if isinstance(selector, dict):
            ways = ("Ingress", "Egress") if "egress" in spec or "egressDeny" in spec else ("Ingress",)
            yield _as_kubernetes(selector), frozenset(ways)


def _as_kubernetes(selector: Body) -> Body:
    """Return a selector of Cilium without the sources that its labels may name."""
    labels = {_without_source(str(key)): value for key, value in mapped(selector.get("matchLabels")).items()}
    expressions = [
        {**mapped(one), "key": _without_source(text(mapped(one).get("key")))}
        for one in listed(selector.get("matchExpressions"))
    ]
    return {"matchLabels": labels, "matchExpressions": expressions}


def _without_source(label: str) -> str:
    return next((label.removeprefix(source) for source in _SOURCES if label.startswith(source)), label)


def _policies(cluster: Cluster) -> Iterator[tuple[str | None, Body, frozenset[str]]]:
    """Yield the policies: namespace (None for all), selector, what they speak of."""
    for policy in cluster.of("NetworkPolicy"):
        yield namespace(policy), mapped(policy.spec.get("podSelector")), _directions(policy)
    for policy in cluster.of(*_CILIUM):
        where = None if policy.kind == _CLUSTERWIDE else namespace(policy)
        for selector, ways in _rules_of_cilium(policy):
            yield where, selector, ways


@once
def _spoken_of(cluster: Cluster) -> dict[int, set[str]]:
    """Return what policies say of each workload that one selects."""
    found: dict[int, set[str]] = defaultdict(set)
    places = {namespace(one) for one in cluster.workloads}
    for where, selector, ways in _policies(cluster):
        for place in places if where is None else (where,):
            for one in workloads(cluster).meant(place, selector):
                found[id(one)] |= ways
    return found


@test(*MAKERS)
def no_policy(one: Object, cluster: Cluster) -> Found:
    """No policy selects a workload."""
    if id(one) not in _spoken_of(cluster):
        yield Violation("", "no policy selects its pods")


@test(*MAKERS)
def policies_one_way(one: Object, cluster: Cluster) -> Found:
    """The policies of a workload leave one direction open, or both."""
    spoken = _spoken_of(cluster).get(id(one), ())
    missing = [way for way in ("Ingress", "Egress") if way not in spoken]
    if missing:
        yield Violation("", f"no policy with {' and '.join(missing).lower()} selects its pods")


@once
def _places_with_policies(cluster: Cluster) -> frozenset[str | None]:
    return frozenset(where for where, _, _ in _policies(cluster))


@test("Namespace")
def namespace_without_policy(one: Object, cluster: Cluster) -> Found:
    """A namespace has no policy."""
    if _places_with_policies(cluster).isdisjoint((one.name, None)):
        yield Violation("", f"no policy speaks of namespace {one.name}")


# What can be reached


def _open_services(one: Object, cluster: Cluster) -> Iterator[Object]:
    return (service for service in services_of(one, cluster) if service.spec.get("type") in _OPEN)


@once
def _behind_ingresses(cluster: Cluster) -> dict[tuple[str, str], Object]:
    return {(namespace(one), name): one for one in cluster.of("Ingress") for _, name in backends(one)}


@once
def _behind_routes(cluster: Cluster) -> dict[tuple[str, str], Object]:
    routes = cluster.of("HTTPRoute", "TCPRoute", "UDPRoute")
    return {(where, name): one for one in routes for _, where, name in route_backends(one)}


def _entrance(one: Object, cluster: Cluster, behind: dict[tuple[str, str], Object]) -> Object | None:
    found = (behind.get((namespace(service), service.name)) for service in services_of(one, cluster))
    return next((entrance for entrance in found if entrance), None)


@test(*MAKERS)
def exposed(one: Object, cluster: Cluster) -> Found:
    """A Service or an Ingress opens a workload to the outside."""
    service = next(_open_services(one, cluster), None)
    entrance = service or _entrance(one, cluster, _behind_ingresses(cluster))
    if entrance is not None:
        yield Violation("", f"{entrance.kind} {entrance.name} opens it")


@test(*MAKERS)
def exposed_by_gateway(one: Object, cluster: Cluster) -> Found:
    """A route of the Gateway API opens a workload to the outside."""
    if entrance := _entrance(one, cluster, _behind_routes(cluster)):
        yield Violation("", f"{entrance.kind} {entrance.name} opens it")


@test(*MAKERS)
def exposed_by_istio(one: Object, cluster: Cluster) -> Found:
    """A VirtualService behind a gateway of Istio opens a workload to the outside."""
    if entrance := _entrance(one, cluster, _behind_istio(cluster)):
        yield Violation("", f"{entrance.kind} {entrance.name} opens it")


@once
def _behind_istio(cluster: Cluster) -> dict[tuple[str, str], Object]:
    doors = _istio_doors(cluster)
    found: dict[tuple[str, str], Object] = {}
    for one in cluster.of("VirtualService"):
        if any(_gateway_name(text(name), namespace(one)) in doors for name in listed(one.spec.get("gateways"))):
            found |= dict.fromkeys(_destinations(one), one)
    return found


def _istio_doors(cluster: Cluster) -> set[tuple[str, str]]:
    """Return the gateways of Istio whose own Service can be reached from outside."""
    outside = [
        mapped(one.spec.get("selector")).items() for one in cluster.of("Service") if one.spec.get("type") in _OPEN
    ]
    gateways = (one for one in cluster.of("Gateway") if one.group == "networking.istio.io")
    return {
        (namespace(one), one.name)
        for one in gateways
        if any(mapped(one.spec.get("selector")).items() <= selector for selector in outside)
    }


def _gateway_name(told: str, place: str) -> tuple[str, str]:
    where, slash, name = told.partition("/")
    return (where, name) if slash else (place, told)


def _destinations(one: Object) -> Iterator[tuple[str, str]]:
    """Yield the Services a VirtualService sends to: namespace, name."""
    for kind in ("http", "tcp", "tls"):
        for rule in listed(one.spec.get(kind)):
            for route in listed(mapped(rule).get("route")):
                name, _, rest = text(at(route, "destination", "host")).partition(".")
                yield rest.partition(".")[0] or namespace(one), name


@test(*MAKERS)
def sensitive_interface(one: Object, cluster: Cluster) -> Found:
    """A Service opens an interface for administrators to the outside."""
    if any(name in one.name for name in kubescape_defaults.SENSITIVE_INTERFACES):
        for service in _open_services(one, cluster):
            yield Violation("", f"Service {service.name} ({service.spec['type']}) opens it")


@test(*MAKERS)
def ssh(one: Object, cluster: Cluster) -> Found:
    """A Service leads to a port of SSH."""
    for service in services_of(one, cluster):
        for port in map(mapped, listed(service.spec.get("ports"))):
            if any(_is_ssh(port.get(name)) for name in ("port", "targetPort")):
                yield Violation("", f"Service {service.name} leads to its SSH")


def _is_ssh(port: object) -> bool:
    return isinstance(port, int | str) and port in _SSH


@once
def _unauthenticated(cluster: Cluster) -> frozenset[tuple[str, str]]:
    """Return the Services that a scan from within the cluster found to ask nobody who they are."""
    return frozenset(
        (namespace(one), one.name)
        for one in cluster.of("ServiceScanResult")
        if any(mapped(port).get("authenticated") is False for port in listed(one.spec.get("ports")))
    )


@test(*MAKERS)
def unauthenticated(one: Object, cluster: Cluster) -> Found:
    """A Service answers without asking who asks."""
    for service in services_of(one, cluster):
        if (namespace(service), service.name) in _unauthenticated(cluster):
            yield Violation("", f"Service {service.name} answers without authentication")


# Encryption


@test("Ingress")
def ingress_without_tls(one: Object, _: Cluster) -> Found:
    """An Ingress has no certificate."""
    if not listed(one.spec.get("tls")):
        yield Violation("spec.tls", "no certificate is set")


@test("Service")
def aws_without_certificate(one: Object, _: Cluster) -> Found:
    """A load balancer takes HTTPS at AWS and has no certificate there."""
    ports = [mapped(port).get("port") for port in listed(one.spec.get("ports"))]
    if one.spec.get("type") == "LoadBalancer" and 443 in ports and not one.annotations.get(_AWS_CERTIFICATE):
        yield Violation("metadata.annotations", "the load balancer has no certificate")


@test("Service", "Ingress")
def azure_without_gateway(one: Object, _: Cluster) -> Found:
    """What takes requests at Azure is no internal load balancer behind an application gateway with TLS."""
    if one.kind == "Ingress":
        if not listed(one.spec.get("tls")):
            yield Violation("spec.tls", "no certificate is set")
        elif one.annotations.get(_INGRESS_CLASS) != _AZURE_GATEWAY:
            yield Violation("metadata.annotations", "it is not at the application gateway")
    elif one.spec.get("type") == "LoadBalancer":
        if one.annotations.get(_AZURE_INTERNAL) != "true":
            yield Violation("metadata.annotations", "the load balancer is not internal")
    elif one.spec.get("type"):
        yield Violation("spec.type", f"it is a {text(one.spec.get('type'))}, no load balancer")

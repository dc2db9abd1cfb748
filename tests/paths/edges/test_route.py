import pytest

from plimsoll.paths.edges import route
from tests.paths.clusters import namespace, pod, thing
from tests.paths.familiar import kinds, steps

IN = ("ENTRY_INGRESS", "Internet", "Endpoint:a/s")
BACKEND = {"service": {"name": "s", "port": {"number": 80}}}
BEHIND = (
    pod("p"),
    thing("Service", "s", "a", spec={"selector": {"app": "p"}, "ports": [{"port": 80, "targetPort": 8080}]}),
)
GATEWAY = "gateway.networking.k8s.io/v1"


def ingress(annotations=None, status=None, backend=BACKEND, **spec):
    rules = [{"http": {"paths": [{"path": "/", "backend": backend}]}}]
    return thing("Ingress", "i", "a", "networking.k8s.io/v1", metadata={"annotations": annotations or {}}, spec={"rules": rules, **spec}, status=status or {})  # fmt: skip


def served(name="nginx", controller="k8s.io/ingress-nginx"):
    return thing("IngressClass", name, api="networking.k8s.io/v1", spec={"controller": controller})


def test_an_ingress_leads_to_its_service():
    assert IN in steps(route.edges, *BEHIND, ingress())
    assert IN in steps(route.edges, *BEHIND, ingress(ingressClassName="nginx"), served())


def test_a_default_backend_is_a_backend():
    told = thing("Ingress", "i", "a", "networking.k8s.io/v1", spec={"defaultBackend": BACKEND})
    assert IN in steps(route.edges, *BEHIND, told)


@pytest.mark.parametrize(
    "told",
    [
        ingress(backend={"service": {"name": "other", "port": {"number": 80}}}),
        ingress(backend={"service": {"name": "s", "port": {"number": 81}}}),
        ingress(ingressClassName="gone"),
        ingress(annotations={"alb.ingress.kubernetes.io/scheme": "internal"}),
        ingress(ingressClassName="gce-internal"),
        ingress(status={"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}),
    ],
)
def test_what_is_not_served_for_the_internet_is_no_way_in(told):
    assert "ENTRY_INGRESS" not in kinds(route.edges, *BEHIND, told, served())


def test_aws_keeps_an_ingress_inside_unless_told_otherwise():
    alb = served("alb", "ingress.k8s.aws/alb")
    assert IN not in steps(route.edges, *BEHIND, ingress(ingressClassName="alb"), alb)
    facing = ingress(ingressClassName="alb", annotations={"alb.ingress.kubernetes.io/scheme": "internet-facing"})
    assert IN in steps(route.edges, *BEHIND, facing, alb)


def policy(peer):
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}] if peer else []}
    return thing("NetworkPolicy", "d", "a", "networking.k8s.io/v1", spec=spec)


def test_a_policy_that_lets_the_controller_in_leaves_the_way_open():
    labels = {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}
    controller = pod("nginx", "ingress", container={"image": "registry.k8s.io/ingress-nginx/controller:v1"})
    assert IN in steps(route.edges, *BEHIND, ingress(), policy({"namespaceSelector": labels}))
    assert IN in steps(
        route.edges, *BEHIND, ingress(), policy({"namespaceSelector": labels}), namespace("ingress"), controller
    )
    assert IN not in steps(
        route.edges, *BEHIND, ingress(), policy({"podSelector": {}}), namespace("ingress"), controller
    )
    assert IN not in steps(route.edges, *BEHIND, ingress(), policy(None))


def test_a_controller_that_only_the_cluster_reaches_serves_nobody_outside():
    controller = pod("nginx", "ingress", container={"image": "registry.k8s.io/ingress-nginx/controller:v1"})

    def front(kind):
        return thing(
            "Service", "f", "ingress", spec={"type": kind, "selector": {"app": "nginx"}, "ports": [{"port": 80}]}
        )

    assert IN not in steps(route.edges, *BEHIND, ingress(), controller, front("ClusterIP"))
    assert IN in steps(route.edges, *BEHIND, ingress(), controller, front("LoadBalancer"))
    assert IN in steps(route.edges, *BEHIND, ingress(), controller, front("NodePort"))
    assert IN in steps(route.edges, *BEHIND, ingress(), controller)


def gateway(listener=None, **spec):
    told = {"gatewayClassName": "c", "listeners": [{"name": "h", **(listener or {})}], **spec}
    return thing("Gateway", "g", "a", GATEWAY, spec=told)


def http_route(space="a", backend_space=None, parent=None):
    backend = {"name": "s", "port": 80} | ({"namespace": backend_space} if backend_space else {})
    spec = {"parentRefs": [parent or {"name": "g", "namespace": "a"}], "rules": [{"backendRefs": [backend]}]}
    return thing("HTTPRoute", "r", space, GATEWAY, spec=spec)


def test_a_route_leads_through_a_gateway_that_takes_it():
    assert IN in steps(route.edges, *BEHIND, gateway(), http_route())
    foreign = http_route("b", "a")
    grant = thing(
        "ReferenceGrant",
        "g",
        "a",
        GATEWAY,
        spec={"from": [{"kind": "HTTPRoute", "namespace": "b"}], "to": [{"kind": "Service"}]},
    )
    takes_all = gateway({"allowedRoutes": {"namespaces": {"from": "All"}}})
    assert IN in steps(route.edges, *BEHIND, takes_all, foreign, grant)
    assert IN not in steps(route.edges, *BEHIND, takes_all, foreign)
    assert IN not in steps(route.edges, *BEHIND, gateway(), foreign, grant)


def test_an_inner_gateway_or_a_mesh_is_no_way_in():
    inner = gateway(addresses=[{"value": "10.0.0.1"}])
    assert IN not in steps(route.edges, *BEHIND, inner, http_route())
    assert IN not in steps(route.edges, *BEHIND, http_route(parent={"kind": "Service", "name": "s"}))


def test_routes_of_openshift_and_of_istios_gateways_lead_in():
    openshift = thing("Route", "r", "a", "route.openshift.io/v1", spec={"to": {"kind": "Service", "name": "s"}})
    assert IN in steps(route.edges, *BEHIND, openshift)

    def virtual(host, *gateways):
        spec = {
            "gateways": list(gateways),
            "http": [{"route": [{"destination": {"host": host, "port": {"number": 80}}}]}],
        }
        return thing("VirtualService", "v", "b", "networking.istio.io/v1", spec=spec)

    assert IN in steps(route.edges, *BEHIND, virtual("s.a.svc.cluster.local", "public"))
    assert IN not in steps(route.edges, *BEHIND, virtual("s", "public"))
    assert IN not in steps(route.edges, *BEHIND, virtual("s.a.svc.cluster.local", "mesh"))

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

WEB = pod(labels="{app: web}")
BOTH = "policyTypes: [Ingress, Egress]"


def policy(spec, place="shop"):
    return f"{{kind: NetworkPolicy, metadata: {{name: p, namespace: {place}}}, spec: {spec}}}"


def cilium(spec, kind="CiliumNetworkPolicy", key="spec"):
    return f"{{kind: {kind}, metadata: {{name: p, namespace: shop}}, {key}: {spec}}}"


def service(kind="ClusterIP", more="", name="web"):
    return f"{{kind: Service, metadata: {{name: {name}, namespace: shop}}, spec: {{type: {kind}, selector: {{app: web}}{more}}}}}"


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([], 1),
        ([policy("{podSelector: {}}")], 0),
        ([policy("{podSelector: {matchLabels: {app: web}}}")], 0),
        ([policy("{podSelector: {matchLabels: {app: other}}}")], 1),
        ([policy("{podSelector: {}}", "other")], 1),
        ([cilium("{endpointSelector: {matchLabels: {'k8s:app': web}}}")], 0),
        ([cilium("{endpointSelector: {}}", "CiliumClusterwideNetworkPolicy")], 0),
        ([cilium("{nodeSelector: {}}", "CiliumClusterwideNetworkPolicy")], 1),
        ([cilium("[]", key="specs")], 1),
    ],
)
def test_a_policy_selects_a_workload_or_none_does(others, found):
    assert len(fields("kubescape_network.no_policy", WEB, *others)) == found


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([], 1),
        ([policy(f"{{podSelector: {{}}, {BOTH}}}")], 0),
        ([policy("{podSelector: {}}")], 1),
        ([policy("{podSelector: {}, egress: [{}]}")], 0),
        ([policy("{podSelector: {}, policyTypes: [Egress]}"), policy("{podSelector: {}, policyTypes: [Ingress]}")], 0),
        ([cilium("{endpointSelector: {}, ingress: [{}]}")], 1),
        ([cilium("{endpointSelector: {}, egress: [{}]}")], 0),
    ],
)
def test_policies_speak_of_both_directions_or_not(others, found):
    assert len(fields("kubescape_network.policies_one_way", WEB, *others)) == found


def test_a_namespace_has_a_policy_or_not():
    space = "{kind: Namespace, metadata: {name: shop}}"
    assert fields("kubescape_network.namespace_without_policy", space) == [""]
    assert fields("kubescape_network.namespace_without_policy", space, policy("{}", "other")) == [""]
    assert fields("kubescape_network.namespace_without_policy", space, policy("{}")) == []


INGRESS = "{kind: Ingress, metadata: {name: i, namespace: shop}, spec: {defaultBackend: {service: {name: web}}}}"


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([service()], 0),
        ([service("NodePort")], 1),
        ([service("LoadBalancer")], 1),
        ([service(), INGRESS], 1),
        ([service(name="other"), INGRESS], 0),
    ],
)
def test_a_workload_can_be_reached_or_not(others, found):
    assert len(fields("kubescape_network.exposed", WEB, *others)) == found


def test_a_route_of_the_gateway_api_opens_a_workload():
    route = "{kind: HTTPRoute, metadata: {namespace: shop}, spec: {rules: [{backendRefs: [{name: web}]}]}}"
    assert fields("kubescape_network.exposed_by_gateway", WEB, service(), route) == [""]
    assert fields("kubescape_network.exposed_by_gateway", WEB, service(name="other"), route) == []


@pytest.mark.parametrize(("kind", "found"), [("LoadBalancer", 1), ("ClusterIP", 0)])
@pytest.mark.parametrize("host", ["web", "web.shop.svc.cluster.local"])
def test_a_gateway_of_istio_opens_a_workload_where_its_own_service_is_open(kind, found, host):
    gateway = (
        "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: edge},"
        " spec: {selector: {istio: gw}}}"
    )
    door = f"{{kind: Service, metadata: {{namespace: edge}}, spec: {{type: {kind}, selector: {{istio: gw, app: x}}}}}}"
    routes = f"[{{route: [{{destination: {{host: {host}}}}}]}}]"
    virtual = f"{{kind: VirtualService, metadata: {{namespace: shop}}, spec: {{gateways: [edge/g], http: {routes}}}}}"
    assert len(fields("kubescape_network.exposed_by_istio", WEB, service(), gateway, door, virtual)) == found


def test_an_interface_of_administrators_should_face_nobody():
    jenkins = pod(labels="{app: web}", name="jenkins-0")
    assert fields("kubescape_network.sensitive_interface", jenkins, service("NodePort")) == [""]
    assert fields("kubescape_network.sensitive_interface", jenkins, service()) == []
    assert fields("kubescape_network.sensitive_interface", WEB, service("NodePort")) == []


@pytest.mark.parametrize(
    ("ports", "found"), [("[{port: 22}]", 1), ("[{port: 80, targetPort: 2222}]", 1), ("[{port: 80}]", 0)]
)
def test_a_service_leads_to_ssh_or_not(ports, found):
    assert len(fields("kubescape_network.ssh", WEB, service(more=f", ports: {ports}"))) == found


def test_a_scan_found_a_service_that_asks_nobody():
    def scanned(authenticated):
        ports = f"[{{port: 1, authenticated: {authenticated}}}]"
        return f"{{kind: ServiceScanResult, metadata: {{name: web, namespace: shop}}, spec: {{ports: {ports}}}}}"

    assert fields("kubescape_network.unauthenticated", WEB, service(), scanned("false")) == [""]
    assert fields("kubescape_network.unauthenticated", WEB, service(), scanned("true")) == []


def test_an_ingress_has_a_certificate_or_not():
    assert fields("kubescape_network.ingress_without_tls", INGRESS) == ["spec.tls"]
    assert fields("kubescape_network.ingress_without_tls", "{kind: Ingress, spec: {tls: [{}]}}") == []


@pytest.mark.parametrize(("port", "annotations", "found"), [(443, "{}", 1), (80, "{}", 0)])
def test_a_load_balancer_at_aws_has_a_certificate_or_not(port, annotations, found):
    body = f"{{kind: Service, metadata: {{annotations: {annotations}}}, spec: {{type: LoadBalancer, ports: [{{port: {port}}}]}}}}"
    assert len(fields("kubescape_network.aws_without_certificate", body)) == found
    key = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert"
    assert fields("kubescape_network.aws_without_certificate", body.replace("{}", f"{{{key}: a}}")) == []


AZURE = "service.beta.kubernetes.io/azure-load-balancer-internal"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("{kind: Ingress, spec: {}}", ["spec.tls"]),
        ("{kind: Ingress, spec: {tls: [{}]}}", ["metadata.annotations"]),
        (
            "{kind: Ingress, spec: {tls: [{}]}, metadata: {annotations: {kubernetes.io/ingress.class: azure/application-gateway}}}",
            [],
        ),
        ("{kind: Service, spec: {type: LoadBalancer}}", ["metadata.annotations"]),
        (f"{{kind: Service, metadata: {{annotations: {{{AZURE}: 'true'}}}}, spec: {{type: LoadBalancer}}}}", []),
        ("{kind: Service, spec: {type: NodePort}}", ["spec.type"]),
        ("{kind: Service, spec: {}}", []),
    ],
)
def test_what_azures_benchmark_wants_of_an_entrance(body, found):
    assert fields("kubescape_network.azure_without_gateway", body) == found

"""What Ingresses, Gateways' routes and OpenShift's Routes open to the ingress controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll import flow_policies

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{ports: [{containerPort: 8080, name: http}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, name: plain, targetPort: http}, {port: 443, targetPort: 8443}]}
---
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: it, namespace: shop}
spec: {rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]}
"""
OLD_INGRESS = """
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: it, namespace: shop}
spec: {backend: {serviceName: web, servicePort: plain}}
"""
ROUTE = """
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: it, namespace: shop}
spec: {to: {kind: Service, name: web}, port: {targetPort: http}}
"""
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: it, namespace: front}
spec: {rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}
"""
POLICY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: it, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}
"""


def opened(folder: Path, text: str) -> list[tuple[str, str]]:
    (folder / "all.yaml").write_text(text)
    rows = [line.as_row() for line in flow_policies.connectivity_of([str(folder)]).lines]
    return [(str(row["dst"]), str(row["conn"])) for row in rows if row["src"] == "{ingress-controller}"]


@pytest.mark.parametrize("entrance", [INGRESS, OLD_INGRESS, ROUTE, GATEWAY])
def test_each_kind_opens_the_target_port_of_its_service(tmp_path: Path, entrance: str) -> None:
    assert opened(tmp_path, APP + entrance) == [("shop/web[Deployment]", "TCP 8080")]


def test_where_policies_do_not_let_it_in_there_is_no_line(tmp_path: Path) -> None:
    assert opened(tmp_path, APP + INGRESS + POLICY) == []
    anybody = POLICY.replace("{podSelector: {}}]", "{namespaceSelector: {}}]")
    assert opened(tmp_path, APP + INGRESS + anybody) == [("shop/web[Deployment]", "TCP 8080")]


def test_a_port_that_containers_do_not_tell_beside_others_is_not_reached(tmp_path: Path) -> None:
    assert opened(tmp_path, APP + INGRESS.replace("number: 80", "number: 443")) == []
    silent = APP.replace("[{containerPort: 8080, name: http}]", "[]")
    assert opened(tmp_path, silent + INGRESS.replace("number: 80", "number: 443")) == [
        ("shop/web[Deployment]", "TCP 8443")
    ]


def test_what_is_no_ingress_opens_nothing(tmp_path: Path) -> None:
    assert opened(tmp_path, APP + INGRESS.replace("rules: [", "rules: 7, old: [")) == []
    assert opened(tmp_path, APP + INGRESS.replace("name: web, port", "name: gone, port")) == []

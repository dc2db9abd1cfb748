"""Each kind says its own: addresses of those that have any, templates of those that make pods."""

from __future__ import annotations

import msgspec
import pytest

from plimsoll.cluster import kinds


def inner(kind: str, api: str = "v1", **parts: object) -> kinds.Inner:
    return kinds.inner(kind, api, msgspec.json.encode(parts))


def test_endpoints_and_their_slices_have_addresses() -> None:
    assert inner("Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}]).ips == [
        "10.0.0.1",
        "10.0.0.2",
    ]
    told = inner(
        "EndpointSlice", "discovery.k8s.io/v1", endpoints=[{"addresses": ["10.0.0.1", "FD00::1"]}, {"addresses": None}]
    )
    assert told.ips == ["10.0.0.1", "fd00::1"]


def test_a_headless_service_has_none() -> None:
    assert inner("Service", spec={"clusterIP": "None", "clusterIPs": ["None"]}).ips == []


def test_a_service_of_another_group_is_no_service() -> None:
    knative = inner("Service", "serving.knative.dev/v1", spec={"template": {"spec": {"containers": [{}]}}})
    assert (knative.ips, knative.runs, knative.service_account) == ((), True, "default")


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({"template": {"spec": {"containers": [], "serviceAccountName": "a"}}}, "a"),
        ({"jobTemplate": {"spec": {"template": {"spec": {"containers": [], "serviceAccount": "b"}}}}}, "b"),
        ({"containers": []}, "default"),
        ({"template": {"spec": {}}}, None),
        ({"template": "text"}, None),
        ({"template": {"spec": {"template": {"spec": {"template": {"spec": {"containers": []}}}}}}}, None),
        (None, None),
    ],
)
def test_a_template_is_found_where_kubernetes_puts_it(spec: object, account: str | None) -> None:
    assert inner("Own", "acme.io/v1", spec=spec).service_account == account


def test_a_workload_is_one_without_a_template_too() -> None:
    assert inner("Deployment", "apps/v1").runs


@pytest.mark.parametrize(
    ("told", "kind", "api", "runs", "where"),
    [
        ("", "ConfigMap", "v1", False, "default"),
        ("", "Ingress", "networking.k8s.io/v1", False, "default"),
        ("shop", "ClusterRole", "rbac.authorization.k8s.io/v1", False, ""),
        ("", "Cluster", "acme.io/v1", False, ""),
        ("", "Rollout", "argoproj.io/v1alpha1", True, "default"),
        ("shop", "Rollout", "argoproj.io/v1alpha1", True, "shop"),
    ],
)
def test_an_object_is_in_its_namespace(told: str, kind: str, api: str, runs: bool, where: str) -> None:
    assert kinds.namespace(told, kind, api, runs=runs) == where


@pytest.mark.parametrize("text", ["", "10.0.0.256", "n1", "1" * 1000, "10.0.0.1/24", "fe80::1%eth0%x"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert kinds.address(text) in ("", text)

"""Which workloads a Service stands for, and on which ports."""

from __future__ import annotations

import pytest

from plimsoll.policies import policy, services
from tests.policies import clusters

WEB = policy.Workload(
    "shop", "Pod", "web", policy.labels({"app": "web", "tier": "x"}), (policy.NamedPort("http", "TCP", 8080),)
)


def read(**spec: object) -> services.Service:
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }
    return services.read(clusters.frame([document]))["shop", "web"]


def test_it_stands_for_the_pods_of_its_namespace_that_have_all_its_labels() -> None:
    service = read(selector={"app": "web"}, ports=[{"port": 80}])
    others = [WEB._replace(namespace="other"), WEB._replace(labels=())]
    assert services.behind(service, [WEB, *others]) == [WEB]
    assert services.behind(read(ports=[{"port": 80}]), [WEB]) == []


@pytest.mark.parametrize(("target", "numbers"), [(None, [80]), (8081, [8081]), ("http", [8080]), ("gone", [])])
def test_its_port_leads_to_a_number_or_to_a_name_of_the_pod(target: int | str | None, numbers: list[int]) -> None:
    (port,) = read(ports=[{"port": 80, "targetPort": target}]).ports
    assert services.numbers(port, WEB) == numbers


def test_what_is_no_service_is_none() -> None:
    with pytest.raises(KeyError):
        read(ports=[{"port": "eighty"}])

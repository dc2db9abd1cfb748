"""What objects say of workloads."""

from __future__ import annotations

import polars as pl
import pytest

from plimsoll.policies import edges, templates
from plimsoll.policies.policy import NamedPort
from plimsoll.policies.services import Port
from plimsoll.policies.templates import Key
from tests.policies import flows


def deployment(**spec: object) -> dict[str, object]:
    template = {"metadata": {"labels": {"app": "web", "tier": "front"}}, "spec": {"containers": [], **spec}}
    body = {"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}}
    return flows.row("apps/v1", "Deployment", "shop", "web", body, workload_kind="Deployment", workload_name="web")


def test_a_template_tells_labels_and_the_selector_that_cannot_change() -> None:
    one = flows.cluster(deployment()).workloads[Key("shop", "Deployment", "web")]
    assert (one.variants, one.selector) == (({"app": "web", "tier": "front"},), {"app": "web"})


def test_all_forms_of_a_workloads_pods_are_kept() -> None:
    one = flows.cluster(deployment(), flows.pod("shop", "web", {"app": "web"})).workloads[
        Key("shop", "Deployment", "web")
    ]
    assert one.variants == ({"app": "web"}, {"app": "web", "tier": "front"})


def test_a_port_has_a_name_where_it_means_that_port_alone() -> None:
    ports = (("TCP", 80, "http"), ("TCP", 53, "dns"), ("UDP", 53, "dns"), ("TCP", 9, ""))
    one = flows.cluster(flows.pod("shop", "web", {}, ports=ports)).workloads[Key("shop", "Deployment", "web")]
    assert NamedPort("http", "TCP", 80) in one.ports
    assert [one.port_name("TCP", number) for number in (80, 53, 9, 81)] == ["http", None, None, None]


def test_a_workload_on_its_nodes_network_is_known_as_such() -> None:
    assert flows.cluster(deployment(hostNetwork=True)).workloads[Key("shop", "Deployment", "web")].on_host


def test_a_services_ports_lead_to_the_pods_own() -> None:
    told = flows.cluster(flows.service("shop", "web", {"app": "web"}, (80, "http"), (81, "8081"), type="NodePort"))
    one = told.services["shop", "web"]
    assert (one.ports, one.public) == ((Port(80, "", "TCP", "http"), Port(81, "", "TCP", 8081)), True)


def test_addresses_of_pods_nodes_and_the_api_server_are_told_apart() -> None:
    ends = flows.row("v1", "Endpoints", "default", "kubernetes", {}, ips=["192.168.7.9"])
    node = flows.row("v1", "Node", "", "n1", {"spec": {"podCIDR": "10.1.0.0/24"}}, ips=["192.168.7.1"])
    told = flows.cluster(*flows.SHOP, ends, node)
    assert told.pod_addresses == {"10.1.0.5", "10.1.0.7"}
    assert (told.node_addresses, told.apiserver) == ({"192.168.7.1"}, {"192.168.7.9"})
    assert told.pod_networks == ("10.1.0.0/24",)


def test_who_is_in_no_object_is_what_flows_tell_of_it() -> None:
    told = pl.DataFrame(
        [("shop", "Deployment", "job", ["app=job"]), ("shop", "Other", "web", ["app=x"])], edges.LABELS, orient="row"
    )
    assert [key.name for key in flows.cluster(deployment(), told=told).workloads] == ["web", "job"]


@pytest.mark.parametrize("spec", [7, None, {"template": []}, {"template": {"spec": {"containers": [{"ports": [{}]}]}}}])
def test_an_object_that_no_cluster_would_hold_says_nothing_and_breaks_nothing(spec: object) -> None:
    flows.cluster(flows.row("apps/v1", "Deployment", "shop", "web", {"spec": spec}))
    flows.cluster(
        flows.row("v1", "Service", "shop", "web", {"spec": spec}), flows.row("v1", "Node", "", "n", {"spec": spec})
    )


def test_a_text_that_is_no_network_is_none() -> None:
    assert templates.network("10.0.0.0/99") is None

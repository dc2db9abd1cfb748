"""Calico's flow logs: aggregated names lead to workloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll.sources import calico
from tests.sources import told

ENTERPRISE, GOLDMANE = (msgspec.json.decode(line) for line in told.sample("calico"))


def test_names_that_pods_share_lead_to_their_workload() -> None:
    row = told.row(calico, ENTERPRISE)
    assert (row["source_workload_kind"], row["source_workload_name"]) == ("Deployment", "web")
    assert (row["destination_workload_name"], row["destination_port"], row["count"]) == ("redis", 6379, 40)
    assert row["source_labels"] == ["app=web", "pod-template-hash=6b687c8dcb"]
    assert (row["verdict"], row["is_reply"], row["destination_service"]) == ("FORWARDED", False, "shop/redis")


def test_a_pods_own_name_is_kept() -> None:
    row = told.row(calico, {**ENTERPRISE, "source_name": "web-6b687c8dcb-x2k4q"})
    assert (row["source_pod_name"], row.get("source_workload_name")) == ("web-6b687c8dcb-x2k4q", None)


def test_goldmanes_flows_say_the_same_otherwise() -> None:
    row = told.row(calico, GOLDMANE)
    assert (row["verdict"], row["l4_protocol"], row["source_labels"]) == ("DROPPED", "TCP", ["app=web", "tier=front"])
    assert (row["source_namespace"], row["source_workload_name"]) == ("shop", "web")
    assert "destination_workload_name" not in row


@pytest.mark.parametrize(("kind", "identity"), [("hep", "host"), ("net", "world")])
def test_what_is_no_pod_has_its_address(kind: str, identity: str) -> None:
    row = told.row(calico, {**ENTERPRISE, "dest_type": kind, "dest_ip": "203.0.113.9"})
    assert (row["destination_identity"], row["destination_ip"]) == (identity, "203.0.113.9")


@pytest.mark.parametrize("change", [{"start_time": "soon"}, {"action": 7}, {"dest_port": "x"}, {"start_time": -1}])
def test_what_is_no_flow_log_is_a_reject(change: dict[str, Any]) -> None:
    assert told.refused(calico, {**ENTERPRISE, **change})


@pytest.mark.data
def test_a_published_flow_log_is_read(shared_data: Path) -> None:
    record = msgspec.json.decode((shared_data / "flows" / "calico-flowlog-sample.json").read_bytes())
    row = told.row(calico, record)
    assert (row["source_workload_name"], row["destination_workload_name"]) == ("access", "nginx")
    assert calico.recognises(record)

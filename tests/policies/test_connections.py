"""What processes connect to and accept becomes flows."""

from __future__ import annotations

from typing import Any

from plimsoll import frames, tables
from plimsoll.policies import connections
from tests.policies.flows import NOON

POD = {"k8s_ns_name": "shop", "k8s_pod_name": "web-1", "k8s_workload_kind": "Deployment", "k8s_workload_name": "web"}


def flows(**act: Any) -> list[dict[str, Any]]:
    ends = {"fd_cip": "10.1.0.5", "fd_cport": 40_000, "fd_sip": "10.1.0.7", "fd_sport": 6379, "fd_l4proto": "tcp"}
    row = {"time": NOON, "evt_num": 1, "evt_type": "connect", **ends, **POD, **act}
    return connections.of(frames.of_rows(tables.ACTIVITY, [row])).to_dicts()


def test_who_connects_is_the_source() -> None:
    (flow,) = flows(fd_sip_name="redis.shop")
    assert (flow["source_workload_name"], flow["destination_workload_name"]) == ("web", None)
    assert (flow["destination_ip"], flow["destination_port"], flow["l4_protocol"]) == ("10.1.0.7", 6379, "TCP")
    assert (flow["destination_names"], flow["is_reply"]) == (["redis.shop"], False)


def test_who_accepts_is_the_destination() -> None:
    (flow,) = flows(evt_type="accept")
    assert (flow["source_workload_name"], flow["destination_workload_name"]) == (None, "web")
    assert flow["source_ip"] == "10.1.0.5"


def test_what_failed_stays_inside_or_is_no_connection_is_none() -> None:
    assert (
        flows(evt_res="ECONNREFUSED")
        == flows(fd_sip="127.0.0.1")
        == flows(evt_type="openat")
        == flows(fd_sip=None)
        == []
    )


def test_a_connection_on_its_way_counts() -> None:
    assert len(flows(evt_res="EINPROGRESS")) == 1

"""Access logs of Istio: who called whom, from the proxies at both ends."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.sources import istio
from tests.sources import told

OUT, IN, EXTERNAL = told.sample("istio")


def rows(*lines: bytes) -> list[dict[str, Any]]:
    parsed = istio.parse(lines, 1)
    assert parsed.rejects == []
    return parsed.events.to_dicts()


def ends(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["source_ip"], row["destination_ip"], row["destination_port"]


def test_the_callers_proxy_tells_the_pod_that_was_chosen() -> None:
    assert [ends(row) for row in rows(OUT)] == [("10.1.0.5", "10.1.0.7", 7070)]


def test_the_called_proxy_tells_the_same() -> None:
    (row,) = rows(IN)
    assert (ends(row), row["destination_names"]) == (("10.1.0.5", "10.1.0.7", 7070), None)


def test_a_name_outside_the_cluster_is_kept() -> None:
    (row,) = rows(EXTERNAL)
    assert (ends(row), row["destination_names"]) == (("10.1.0.5", "203.0.113.9", 443), ["api.example.com"])


def test_a_gateway_is_called_and_calls() -> None:
    line = OUT.replace(b"10.1.0.5:54321", b"198.51.100.7:54321").replace(b"10.96.45.67:7070", b"10.1.0.5:8443")
    assert [ends(row) for row in rows(line)] == [("198.51.100.7", "10.1.0.5", 8443), ("10.1.0.5", "10.1.0.7", 7070)]


def test_what_no_route_leads_to_is_dropped() -> None:
    line = OUT.replace(b"outbound|7070||cart.shop.svc.cluster.local", b"BlackHoleCluster").replace(
        b"10.1.0.7:7070", b"-"
    )
    (row,) = rows(line)
    assert (row["verdict"], row["destination_ip"]) == ("DROPPED", "10.96.45.67")


@pytest.mark.parametrize(
    "line", [b"{}", b'[2026-11-02T10:00:00.123Z] "GET', b'[yesterday] "GET /" 200 "a" b c d e f g', b"\xff"]
)
def test_what_is_no_entry_is_a_reject(line: bytes) -> None:
    assert len(istio.parse([line], 1).rejects) == 1

"""Proof by enforcement: with generated policies in the kernel the app works, and what it never did is stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll import flow_generate
from tests.policies import enforcing
from tests.policies.enforcing import Pod

PODS = [
    Pod("shop", "web", "10.77.0.2", {"app": "web", "pod-template-hash": "5d8"}, {"http": 8080}),
    Pod("shop", "redis", "10.77.0.3", {"app": "redis"}, {"redis": 6379}),
    Pod("jobs", "batch", "10.77.0.4", {}, {}),
]
ENDS = {**{pod.name: pod.address for pod in PODS}, "world": "203.0.113.9", "elsewhere": "198.51.100.7"}
PORTS = (443, 6379, 8080, 9999)
APP = [("web", "redis", 6379), ("world", "web", 8080), ("web", "world", 443), ("batch", "web", 8080)]
ATTACKS = [
    ("batch", "redis", 6379),
    ("web", "redis", 9999),
    ("redis", "web", 8080),
    ("redis", "world", 443),
    ("web", "elsewhere", 443),
    ("elsewhere", "web", 8080),
    ("batch", "world", 9999),
]


def objects() -> str:
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "labels": dict(pod.labels)},
            "spec": {
                "containers": [
                    {"name": "c", "ports": [{"containerPort": port, "name": name} for name, port in pod.ports.items()]}
                ]
            },
            "status": {"phase": "Running", "podIP": pod.address},
        }
        for pod in PODS
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})


def recording(calls: list[tuple[str, str, int]]) -> str:
    """What conntrack prints of these calls, each made six times."""
    line = "[1795415661.{n:06}]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src={src} dst={dst} sport={own} dport={port} [UNREPLIED] src={dst} dst={src} sport={port} dport={own} id={n}\n"
    return "".join(
        line.format(n=n, src=ENDS[source], dst=ENDS[destination], port=port, own=40_000 + n)
        for n, (source, destination, port) in enumerate(calls * 6)
    )


def test_the_app_works_and_what_it_never_did_is_stopped(tmp_path: Path) -> None:
    if lacking := enforcing.missing():
        pytest.skip(f"no proof by enforcement: {lacking}")
    with enforcing.Net(ENDS, PORTS) as net:
        assert [call for call in [*APP, *ATTACKS] if not net.reaches(*call)] == []
        (tmp_path / "objects.json").write_text(objects())
        (tmp_path / "flows.log").write_text(recording(APP))
        given = [str(tmp_path / "flows.log")]
        flow_generate.run(
            given, [str(tmp_path / "objects.json")], tmp_path / "out", form=None, progress=lambda _, __: None
        )
        net.enforce(enforcing.rules(tmp_path / "out", PODS))
        assert [call for call in APP if not net.reaches(*call)] == []
        assert [call for call in ATTACKS if net.reaches(*call)] == []

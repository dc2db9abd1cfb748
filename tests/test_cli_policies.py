"""`plimsoll policies`: the forms of its answers, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll import cli

MANIFESTS = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, ports: [{containerPort: 5432, name: sql}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: sql}]}]
"""
BROKEN = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: bad, namespace: shop}
spec: {podSelector: {}, ingress: [{ports: [{port: 0}]}]}
"""


def test_the_help_says_what_the_verbs_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "--help"]) == 0
    assert "who can reach whom" in capsys.readouterr().out


@pytest.fixture
def manifests(tmp_path: Path) -> str:
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return str(tmp_path / "all.yaml")


def test_connectivity_in_the_notation_of_np_guard(manifests: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "connectivity", manifests, "-o", "csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "src,dst,conn",
        "0.0.0.0-255.255.255.255[External],shop/web[Pod],All Connections",
        "shop/db[Pod],0.0.0.0-255.255.255.255[External],All Connections",
        "shop/db[Pod],shop/web[Pod],All Connections",
        "shop/web[Pod],0.0.0.0-255.255.255.255[External],All Connections",
        "shop/web[Pod],shop/db[Pod],TCP 5432",
    ]


def test_json_lines_have_the_ranges_of_ports(manifests: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "connectivity", manifests, "-o", "jsonl"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["allow"] == [{"proto": "TCP", "ports": [[5432, 5432]]}]
    assert last["network"] == "pod-network"


def test_what_cannot_be_read_is_told_with_its_place_and_the_rest_is_judged(
    manifests: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(manifests).write_text(f"{MANIFESTS}---\na: [\n---\n{BROKEN}")
    assert cli.run(["policies", "connectivity", manifests, "-o", "table"]) == 3
    told = capsys.readouterr()
    assert "shop/web[Pod]" in told.out
    assert "all.yaml:19: " in told.err
    assert "NetworkPolicy shop/bad: no range of ports: 0-0" in told.err


def test_what_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "connectivity", str(tmp_path / "gone")]) == 2
    assert capsys.readouterr().err.count("\n") == 1

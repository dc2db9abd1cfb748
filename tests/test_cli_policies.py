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


FLOW = {
    "time": "2026-11-24T10:00:00Z",
    "verdict": "FORWARDED",
    "Type": "L3_L4",
    "is_reply": False,
    "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
    "l4": {"TCP": {"source_port": 40000, "destination_port": 9187}},
    "source": {"namespace": "shop", "pod_name": "web", "labels": ["k8s:app=web"]},
    "destination": {"namespace": "shop", "pod_name": "db", "labels": ["k8s:app=db"]},
}


@pytest.fixture
def replaying(manifests: str, tmp_path: Path) -> list[str]:
    flows = tmp_path / "flows.jsonl"
    flows.write_text(json.dumps({"flow": FLOW}) + "\n")
    objects = tmp_path / "objects.yaml"
    objects.write_text(MANIFESTS.rpartition("---")[0])
    return ["policies", "replay", str(flows), "--policies", manifests, "--objects", str(objects)]


def test_replay_names_the_missing_rule(replaying: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*replaying, "-o", "jsonl"]) == 0
    (row,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (row["src"], row["dst"], row["port"], row["cause"]) == ("shop/web[Pod]", "shop/db[Pod]", 9187, "port")
    assert row["policies"] == ["NetworkPolicy shop/db"]
    assert row["first"] == "2026-11-24T10:00:00.000000Z"


def test_replay_fails_where_asked_to_and_sums_up(replaying: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*replaying, "--fail-on", "denied"]) == 1
    assert "0 flows allowed, 1 denied, 0 not judged." in capsys.readouterr().out
    assert cli.run([*replaying, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["flows"] == {"allowed": 0, "denied": 1, "unjudged": {}}


def test_replay_says_what_it_could_not_judge(replaying: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    stranger = {**FLOW, "source": {"identity": 2, "labels": ["reserved:world"]}, "IP": {"destination": "10.0.0.2"}}
    Path(replaying[2]).write_text(f"{json.dumps({'flow': stranger})}\n{{broken\n")
    assert cli.run(replaying) == 3
    told = capsys.readouterr()
    assert "1 flows not judged: no address of world" in told.err
    assert "1 record" in told.err


def test_replay_wants_flows(replaying: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text('{"evt.num": 1, "evt.type": "open", "proc.name": "cat"}\n')
    assert cli.run([*replaying[:2], str(events), *replaying[3:]]) == 2
    assert "this asks flows" in capsys.readouterr().err


def test_diff_says_what_a_change_opens(manifests: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = tmp_path / "after.yaml"
    after.write_text(MANIFESTS.replace("{port: sql}", "{port: 5432, endPort: 5433}"))
    assert cli.run(["policies", "diff", manifests, str(after), "--fail-on", "closed"]) == 0
    assert cli.run(["policies", "diff", manifests, str(after), "--fail-on", "opened", "-o", "csv"]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "src,dst,opened,closed,why",
        "shop/web[Pod],shop/db[Pod],TCP 5433,,",
    ]
    assert cli.run(["policies", "diff", manifests, manifests, "--fail-on", "any"]) == 0
    assert "Everybody reaches whom they reached." in capsys.readouterr().out


FRESH = '{{"time": "2026-11-24T{hour:02}:{minute:02}:00Z", "verdict": "FORWARDED", "is_reply": false, "IP": {{"source": "10.1.0.1", "destination": "10.1.0.2"}}, "l4": {{"TCP": {{"destination_port": {port}}}}}, "source": {{"namespace": "shop", "pod_name": "web", "labels": ["k8s:app=web"]}}, "destination": {{"namespace": "shop", "pod_name": "db", "labels": ["k8s:app=db"]}}}}\n'


def test_a_proposal_is_a_diff_that_can_be_applied_and_then_nothing_of_it_is_denied(
    manifests: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, objects = tmp_path / "policies", tmp_path / "objects.yaml"
    folder.mkdir()
    (objects, kept) = (tmp_path / "objects.yaml", folder / "db.yaml")
    parts = MANIFESTS.split("---\n")
    objects.write_text("---\n".join(parts[:2]))
    kept.write_text(parts[2])
    habit = "".join(FRESH.format(hour=10 + number, minute=0, port=9090) for number in range(6))
    (tmp_path / "fresh.jsonl").write_text(habit + FRESH.format(hour=10, minute=5, port=22))
    asked = ["policies", "replay", str(tmp_path / "fresh.jsonl"), "--policies", str(folder), "--objects", str(objects)]
    assert cli.run([*asked, "--propose"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("diff --git a/shop/pod-db-also-")
    assert "not proposed: shop/web[Pod] to shop/db[Pod], TCP 22: seen fewer than 5 times" in err
    assert "with them 6 are allowed" in err
    name, text = out.split("+++ b/")[1].split("\n", 1)
    (folder / "shop").mkdir()
    (folder / name).write_text("".join(f"{line[1:]}\n" for line in text.splitlines()[1:]))
    assert cli.run([*asked, "-o", "json"]) == 0
    assert [one["port"] for one in json.loads(capsys.readouterr().out)["denied"]] == [22]


def test_a_proposal_is_told_as_a_document_and_in_no_form_of_rows(
    manifests: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fresh.jsonl").write_text(FRESH.format(hour=10, minute=5, port=22))
    asked = ["policies", "replay", str(tmp_path / "fresh.jsonl"), "--policies", manifests, "--objects", manifests]
    assert cli.run([*asked, "--propose", "-o", "json"]) == 0
    proposal = json.loads(capsys.readouterr().out)["proposal"]
    assert (proposal["files"], proposal["proven"], proposal["wanted"][0]["proposed"]) == ({}, 0, False)
    assert cli.run([*asked, "--propose", "-o", "jsonl"]) == 2

"""From recorded flows to files."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from plimsoll import engines, errors, flow_generate, frames, tables
from plimsoll.cluster import objects as inventory
from plimsoll.cluster import resolve
from plimsoll.policies import edges, kinds, lookups, templates
from tests.policies import flows

OBJECTS = [
    {
        "time": f"2026-11-23T06:3{minute}:00Z",
        "type": kind,
        "object": {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
            "spec": {"nodeName": "n1", "containers": [{"name": "c"}]},
            "status": {"phase": "Running", "podIP": ip, "hostIP": "192.168.7.1"},
        },
    }
    for minute, kind, name, ip in (
        (0, "ADDED", "web", "10.1.0.5"),
        (0, "ADDED", "redis", "10.1.0.7"),
        (5, "DELETED", "web", "10.1.0.5"),
        (6, "ADDED", "batch", "10.1.0.5"),
    )
]
CALL = "[{at}.000000]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=10.1.0.5 dst=10.1.0.7 sport=40000 dport=6379 [UNREPLIED] src=10.1.0.7 dst=10.1.0.5 sport=6379 dport=40000 id=1\n"
START = 1_795_415_400  # 2026-11-23T06:30:00Z


def run(
    folder: Path, *minutes: int, more: str = "", add: bool = False, kind: kinds.Name = "networkpolicy"
) -> flow_generate.Outcome:
    (folder / "objects.jsonl").write_text("".join(json.dumps(one) + "\n" for one in OBJECTS))
    (folder / "flows.log").write_text("".join(CALL.format(at=START + 60 * minute) for minute in minutes) + more)
    given = [str(folder / "flows.log")]
    return flow_generate.run(
        given,
        [str(folder / "objects.jsonl")],
        folder / "out",
        form=None,
        add=add,
        kind=kind,
        progress=lambda _, __: None,
    )


def test_an_address_belongs_to_who_had_it_then(tmp_path: Path) -> None:
    run(tmp_path, 2)
    assert "shop/Pod/web" in (tmp_path / "out/shop/pod-redis.yaml").read_text()
    run(tmp_path, 7)
    assert "shop/Pod/batch" in (tmp_path / "out/shop/pod-redis.yaml").read_text()


def test_another_run_leaves_what_is_the_same_and_takes_away_only_its_own(tmp_path: Path) -> None:
    run(tmp_path, 2)
    mine, same = tmp_path / "out/shop/mine.yaml", tmp_path / "out/shop/default-deny.yaml"
    mine.write_text("kind: NetworkPolicy\n")
    before = same.stat().st_mtime_ns
    run(tmp_path, 7)
    assert (mine.exists(), (tmp_path / "out/shop/pod-web.yaml").exists()) == (True, False)
    assert "never seen: Pod/web" in same.read_text()
    run(tmp_path, 2)
    run(tmp_path, 2)
    assert same.stat().st_mtime_ns >= before


def test_the_files_are_read_back_and_allow_what_they_were_made_from(tmp_path: Path) -> None:
    proof = run(tmp_path, 2, 3, 7).replayed
    assert proof is not None
    assert (proof.allowed, proof.denied, proof.unjudged) == (3, [], {})


@pytest.mark.parametrize("kind", [name for name, kind in kinds.KINDS.items() if kind.judged])
def test_every_kind_that_is_judged_allows_what_it_was_made_from(kind: kinds.Name, tmp_path: Path) -> None:
    proof = run(tmp_path, 2, 3, 7, kind=kind).replayed
    assert proof is not None
    assert (proof.allowed, proof.denied, proof.unjudged) == (3, [], {})
    closed = (tmp_path / "out/shop/pod-redis.yaml").read_text().replace("6379", "6380")
    (tmp_path / "out/shop/pod-redis.yaml").write_text(closed)
    held = inventory.read(str(tmp_path / "objects.jsonl")).frame
    seen = flows.seen(flows.flow(("shop", "Pod", "web"), ("shop", "Pod", "redis"), 6379))
    cluster = templates.cluster(held, edges.LABELS.to_frame())
    assert [one.port for one in flow_generate.replayed(tmp_path / "out", held, seen, cluster).denied] == [6379]


def test_what_is_not_judged_is_written_and_has_no_proof(tmp_path: Path) -> None:
    outcome = run(tmp_path, 2, kind="istio")
    assert (outcome.replayed, outcome.files) == (None, tuple(sorted(outcome.files)))
    assert "AuthorizationPolicy" in (tmp_path / "out/shop/pod-redis.yaml").read_text()


def test_what_is_edited_by_hand_shows_in_the_proof(tmp_path: Path) -> None:
    run(tmp_path, 2)
    closed = (tmp_path / "out/shop/pod-redis.yaml").read_text().replace("6379", "6380")
    held = inventory.read(str(tmp_path / "objects.jsonl")).frame
    cluster = templates.cluster(held, edges.LABELS.to_frame())
    seen = flows.seen(flows.flow(("shop", "Pod", "web"), ("shop", "Pod", "redis"), 6379))
    assert flow_generate.replayed(tmp_path / "out", held, seen, cluster).denied == []
    (tmp_path / "out/shop/pod-redis.yaml").write_text(closed)
    assert [one.port for one in flow_generate.replayed(tmp_path / "out", held, seen, cluster).denied] == [6379]


def test_fresh_flows_are_added_to_what_policies_were_made_from(tmp_path: Path) -> None:
    run(tmp_path, 2)
    both = run(tmp_path, 7, add=True)
    assert {one.workload.name for one in both.generated.policies} == {"web", "batch", "redis"}
    assert both.replayed is not None
    assert both.replayed.allowed == 2
    again = run(tmp_path, 7, add=True)
    anew = run(tmp_path, 7)
    assert [one.replayed.allowed for one in (again, anew) if one.replayed] == [2, 1]


def test_what_was_kept_and_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    run(tmp_path, 2)
    (tmp_path / "out/.edges/edges.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(errors.InputError, match="start anew"):
        run(tmp_path, 7, add=True)


def test_what_could_not_be_read_is_counted(tmp_path: Path) -> None:
    outcome = run(tmp_path, 2, more="nonsense\n")
    assert (outcome.intake.accepted, outcome.intake.rejects.total) == (1, 1)


def test_how_well_workloads_are_known_is_told(tmp_path: Path) -> None:
    known = {one.workload: one.state for one in run(tmp_path, 2).known}
    assert known == {
        "shop/Pod/batch": "never seen",
        "shop/Pod/web": "learning",
        "shop/Pod/redis": "learning",
    }


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(errors.InputError):
        run(tmp_path, 2)


@pytest.mark.data
def test_a_recorded_app_needs_few_policies(shared_data: Path, tmp_path: Path) -> None:
    folder = next((shared_data / "flows" / "live").rglob("lifecycle.jsonl")).parent
    told = [line for line in (folder / "lifecycle.jsonl").read_text().splitlines() if '"MARK"' not in line]
    (tmp_path / "objects.jsonl").write_text("\n".join(told))
    (tmp_path / "conntrack.log").write_bytes(gzip.decompress((folder / "conntrack.log.gz").read_bytes()))
    given = [str(tmp_path / "conntrack.log")]
    outcome = flow_generate.run(
        given, [str(tmp_path / "objects.jsonl")], tmp_path / "out", form=None, progress=lambda _, __: None
    )
    assert (outcome.intake.rejects.total, outcome.generated.unattributed) == (0, 0)
    assert outcome.score.allowed == outcome.score.seen
    assert outcome.replayed is not None
    assert (outcome.replayed.denied, outcome.replayed.unjudged) == ([], {})


HUBBLE_END = {
    "namespace": "shop",
    "pod_name": "web",
    "labels": ["k8s:app=web"],
    "workloads": [{"kind": "Pod", "name": "web"}],
}
DNS_END = {"namespace": "kube-system", "pod_name": "dns", "labels": ["k8s:k8s-app=kube-dns"]}


def hubble(minute: int, to: str, port: int, **more: object) -> str:
    flow = {
        "time": f"2026-11-23T06:{30 + minute}:00Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.1.0.5", "destination": to},
        "l4": {"UDP" if port == 53 else "TCP": {"source_port": 40000, "destination_port": port}},
        "source": HUBBLE_END,
        "destination": DNS_END if port == 53 else {"labels": ["reserved:world"]},
        "is_reply": False,
        **more,
    }
    return json.dumps({"flow": flow}) + "\n"


ANSWER = hubble(
    1,
    "10.1.0.9",
    53,
    is_reply=True,
    Type="L7",
    l7={"type": "RESPONSE", "dns": {"query": "api.example.com.", "ips": ["203.0.113.7"]}},
)


@pytest.mark.parametrize("together", [True, False])
def test_a_name_that_dns_told_is_the_peer_of_later_connections(together: bool, tmp_path: Path) -> None:
    calls = "".join(hubble(minute, "203.0.113.7", 443) for minute in range(2, 9))
    asked = hubble(0, "10.1.0.9", 53)
    (tmp_path / "a.jsonl").write_text(asked + (ANSWER if together else "") + calls)
    (tmp_path / "b.jsonl").write_text("" if together else ANSWER)
    (tmp_path / "objects.jsonl").write_text("".join(json.dumps(one) + "\n" for one in OBJECTS))
    flow_generate.run(
        [str(tmp_path / name) for name in (("a.jsonl",) if together else ("a.jsonl", "b.jsonl"))],
        [str(tmp_path / "objects.jsonl")],
        tmp_path / "out",
        form=None,
        kind="cilium",
        progress=lambda _, __: None,
    )
    text = (tmp_path / "out/shop/pod-web.yaml").read_text()
    assert 'matchName: "api.example.com"' in text
    assert "matchPattern" in text


@pytest.mark.parametrize(
    "engine", ["duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.timeout(900)])]
)
def test_edges_are_the_same_wherever_they_are_added_up(engine: str, tmp_path: Path) -> None:
    pytest.importorskip("pyspark" if engine == "spark" else engine)
    if engine == "spark" and not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs Java, and there is none on this machine")
    days = [flows.NOON + dt.timedelta(days=number % 3, minutes=number) for number in range(40)]
    calls = [
        flows.flow(
            flows.WEB, "203.0.113.7" if number % 2 else flows.REDIS, 443 + number % 5, time=day, count=number + 1
        )
        for number, day in enumerate(days)
    ]
    found = []
    for one in ("polars", engine):
        taken = flow_generate.Edges(resolve.inventory(frames.empty(tables.OBJECTS)), lookups.Names())
        for start in range(0, 40, 7):
            taken.take("flow", flows.events(*calls[start : start + 7]))
        found.append(taken.told(one)[0])
    assert engines.digest(found[0]) == engines.digest(found[1])
    assert found[0].height == 30


AT = "2026-11-23T06:32:00Z"
_SOCK = '"saddr": "10.1.0.5", "daddr": "10.1.0.7", "sport": 40000, "dport": 6379'
_POD = '"namespace": "shop", "name": "web"'
_WEP = '"source_namespace": "shop", "source_type": "wep", "dest_namespace": "shop", "dest_type": "wep"'
TOLD = {
    "conntrack": CALL.format(at=START + 120),
    "hubble": hubble(2, "10.1.0.7", 6379, destination={"namespace": "shop", "pod_name": "redis"}),
    # Retina with Hubble's control plane writes Hubble's flows; its ends may lack workloads and reply is not told.
    "hubble (Retina)": f'{{"flow": {{"time": "{AT}", "verdict": "FORWARDED", "IP": {{"source": "10.1.0.5", "destination": "10.1.0.7", "ipVersion": "IPv4"}}, "l4": {{"TCP": {{"source_port": 40000, "destination_port": 6379, "flags": {{"SYN": true}}}}}}, "source": {{{_POD.replace("name", "pod_name", 2).replace("pod_namespace", "namespace")}}}, "destination": {{"namespace": "shop", "pod_name": "redis"}}, "Type": "L3_L4", "node_name": "n1", "event_type": {{"type": 4, "sub_type": 3}}, "extensions": {{"@type": "type.googleapis.com/utils.RetinaMetadata"}}}}, "node_name": "n1", "time": "{AT}"}}\n',
    "calico": f'{{"start_time": {START + 120}, "action": "allow", "reporter": "src", "source_name": "web", "source_name_aggr": "web", "source_ip": "10.1.0.5", "dest_name": "redis", "dest_name_aggr": "redis", "dest_ip": "10.1.0.7", "dest_port": 6379, "proto": "tcp", {_WEP}}}\n',
    "istio": f'[{AT[:-1]}.000Z] "- - -" 0 - - - "-" 10 20 5 - "-" "-" "-" "-" "10.1.0.7:6379" outbound|6379||redis.shop.svc.cluster.local 10.1.0.5:40000 10.96.0.9:6379 10.1.0.5:39999 - -\n',
    "vpc_flow": f"2 123456789012 eni-1 10.1.0.5 10.1.0.7 40000 6379 6 5 500 {START + 120} {START + 180} ACCEPT OK\n",
    "inspektor_gadget": f'{{"k8s": {{"namespace": "shop", "podName": "web", "containerName": "c", "node": "n1"}}, "proc": {{"comm": "app", "pid": 7}}, "mntns_id": 1, "timestamp": "{AT}", "type": "connect", "src": {{"addr": "10.1.0.5", "port": 40000, "proto": "TCP"}}, "dst": {{"addr": "10.1.0.7", "port": 6379, "proto": "TCP"}}}}\n',
    "tetragon": f'{{"process_kprobe": {{"process": {{"pod": {{{_POD}}}, "binary": "/app", "pid": 7}}, "function_name": "tcp_connect", "args": [{{"sock_arg": {{"family": "AF_INET", "protocol": "IPPROTO_TCP", {_SOCK}}}}}]}}, "node_name": "n1", "time": "{AT}"}}\n',
    "plimsoll_activity": f'{{"evt_source": "plimsoll", "time": "{AT}", "evt_type": "connect", "evt_res": "SUCCESS", "fd_l4proto": "tcp", "fd_sip": "10.1.0.7", "fd_sport": 6379, "k8s_ns_name": "shop", "k8s_pod_name": "web"}}\n',
    "plimsoll_activity (accept)": f'{{"evt_source": "plimsoll", "time": "{AT}", "evt_type": "accept", "fd_l4proto": "tcp", "fd_cip": "10.1.0.5", "fd_cport": 40000, "fd_sip": "10.1.0.7", "fd_sport": 6379, "k8s_ns_name": "shop", "k8s_pod_name": "redis"}}\n',
}


@pytest.mark.parametrize("told", TOLD)
def test_whoever_tells_of_a_connection_the_policies_are_the_same(told: str, tmp_path: Path) -> None:
    (tmp_path / "objects.jsonl").write_text("".join(json.dumps(one) + "\n" for one in OBJECTS))
    (tmp_path / "flows").write_text(TOLD[told])
    outcome = flow_generate.run(
        [str(tmp_path / "flows")],
        [str(tmp_path / "objects.jsonl")],
        tmp_path / "out",
        form=told.partition(" ")[0],
        progress=lambda _, __: None,
    )
    assert (outcome.intake.accepted, outcome.intake.rejects.total) == (1, 0)
    redis = (tmp_path / "out/shop/pod-redis.yaml").read_text()
    assert '"app": "web"  # ' in redis or "# shop/Pod/web: seen less than 10 times on 1 day" in redis
    assert outcome.replayed is not None
    assert (outcome.replayed.allowed, outcome.replayed.denied) == (1, [])


@pytest.mark.data
@pytest.mark.parametrize("sensor", ["inspektor-gadget", "tetragon"])
def test_recorded_acts_are_read_as_connections(sensor: str, shared_data: Path, tmp_path: Path) -> None:
    lines = [
        json.loads(line)["event"]
        for path in (shared_data / "sensors" / sensor).glob("*.ndjson")
        for line in path.read_text().splitlines()
    ]
    (tmp_path / "acts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    pod = {**OBJECTS[0]["object"], "metadata": {"name": "mypod2", "namespace": "default", "labels": {"app": "it"}}}  # type: ignore[dict-item]
    (tmp_path / "objects.json").write_text(json.dumps(pod))
    outcome = flow_generate.run(
        [str(tmp_path / "acts.jsonl")],
        [str(tmp_path / "objects.json")],
        tmp_path / "out",
        form=None,
        progress=lambda _, __: None,
    )
    assert outcome.intake.rejects.total == 0
    named = {one.workload.name for one in outcome.generated.policies}
    assert named == ({"mypod2"} if sensor == "inspektor-gadget" else set())

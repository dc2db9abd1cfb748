"""Events are given the workloads that had their addresses, containers and names at the time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from plimsoll import frames, tables
from plimsoll.cluster import objects, resolve

CONTAINER = "6b742e38ee3a4f0c9d1e" + "0" * 44


def at(second: float) -> datetime:
    return datetime.fromtimestamp(1_800_000_000 + second, UTC)


def pod(
    name: str, ip: str = "", *, owner: tuple[str, str] | None = None, node: str = "n1", **more: Any
) -> dict[str, Any]:
    kind, of = owner or ("ReplicaSet", name.rpartition("-")[0])
    digest = of.rpartition("-")[2]
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "labels": {"app": of.partition("-")[0], **({"pod-template-hash": digest} if kind == "ReplicaSet" else {})},
        "ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": of, "controller": True}],
    }
    status = {"phase": more.pop("phase", "Running"), "hostIP": "192.168.0.1"} | ({"podIP": ip} if ip else {})
    status["containerStatuses"] = [
        {"name": container, "containerID": f"containerd://{identifier}"}
        for container, identifier in more.pop("containers", {}).items()
    ]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": node, **more}, "status": status}


def service(name: str, ip: str, namespace: str = "shop") -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"clusterIP": ip}}


def watched(folder: Path, *told: tuple[float, str, dict[str, Any]]) -> pl.DataFrame:
    lines = [msgspec.json.encode({"time": at(when), "type": change, "object": one}) for when, change, one in told]
    file = folder / "watch.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    return frame_of(file)


def listed(folder: Path, *items: dict[str, Any]) -> pl.DataFrame:
    file = folder / "list.json"
    file.write_bytes(msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items}))
    return frame_of(file)


def frame_of(file: Path) -> pl.DataFrame:
    found = objects.read(str(file))
    assert not found.rejects
    return found.frame


def flow(second: float, source: str | None = None, destination: str | None = None, **more: Any) -> dict[str, Any]:
    return {"time": at(second), "source_ip": source, "destination_ip": destination, **more}


def flows(*rows: dict[str, Any]) -> pl.DataFrame:
    return frames.of_rows(tables.FLOW, rows)


def acts(*rows: dict[str, Any]) -> pl.DataFrame:
    return frames.of_rows(tables.ACTIVITY, [{"time": at(0), **row} for row in rows])


def pods(events: pl.DataFrame, side: str = "source") -> list[str | None]:
    return events[f"{side}_pod_name"].to_list()


def test_an_end_is_the_pod_that_has_its_address(tmp_path: Path) -> None:
    found = listed(
        tmp_path, pod("web-5d8f7c-abcde", "10.0.0.1"), pod("redis-0", "10.0.0.2", owner=("StatefulSet", "redis"))
    )
    row = resolve.resolve("flow", flows(flow(0, "10.0.0.1", "10.0.0.2")), found).row(0, named=True)
    assert (row["source_namespace"], row["source_workload_kind"], row["source_workload_name"]) == (
        "shop",
        "Deployment",
        "web",
    )
    assert row["source_labels"] == ["app=web", "pod-template-hash=5d8f7c"]
    assert (row["destination_pod_name"], row["destination_workload_kind"]) == ("redis-0", "StatefulSet")
    assert row["source_identity"] is row["destination_identity"] is None


def test_an_address_belongs_to_the_pod_that_had_it_at_the_time(tmp_path: Path) -> None:
    found = watched(
        tmp_path,
        (0, "ADDED", pod("web-5d8f7c-abcde", "10.0.0.1")),
        (10, "DELETED", pod("web-5d8f7c-abcde", "10.0.0.1")),
        (20, "ADDED", pod("pay-6c9b4d-fghij", "10.0.0.1")),
        (30, "DELETED", pod("pay-6c9b4d-fghij", "10.0.0.1")),
    )
    events = flows(*(flow(second, "10.0.0.1") for second in (-1, 0, 9.999, 10, 19, 20, 29, 30)))
    web, pay = "web-5d8f7c-abcde", "pay-6c9b4d-fghij"
    assert pods(resolve.resolve("flow", events, found)) == [None, web, web, None, None, pay, pay, None]


def test_a_pod_deleted_before_the_watch_saw_it_had_its_address_until_then(tmp_path: Path) -> None:
    found = watched(tmp_path, (10, "DELETED", pod("web-5d8f7c-abcde", "10.0.0.1")))
    events = flows(flow(5, "10.0.0.1"), flow(11, "10.0.0.1"))
    assert pods(resolve.resolve("flow", events, found)) == ["web-5d8f7c-abcde", None]


def test_a_pod_uses_its_address_before_the_kubelet_tells_it(tmp_path: Path) -> None:
    found = watched(
        tmp_path,
        (0, "ADDED", pod("old-5d8f7c-abcde", "10.0.0.1")),
        (2, "ADDED", pod("new-6c9b4d-fghij", node="")),
        (3, "MODIFIED", pod("new-6c9b4d-fghij")),
        (5, "DELETED", pod("old-5d8f7c-abcde", "10.0.0.1")),
        (8, "MODIFIED", pod("new-6c9b4d-fghij", "10.0.0.1")),
    )
    events = flows(*(flow(second, "10.0.0.1") for second in (4, 6, 9)))
    assert pods(resolve.resolve("flow", events, found)) == ["old-5d8f7c-abcde", "new-6c9b4d-fghij", "new-6c9b4d-fghij"]


def test_a_pod_that_waits_for_a_node_has_no_address_yet(tmp_path: Path) -> None:
    waiting = (0, "ADDED", pod("web-5d8f7c-abcde", node=""))
    found = watched(tmp_path, waiting, (8, "MODIFIED", pod("web-5d8f7c-abcde", "10.0.0.1")))
    assert pods(resolve.resolve("flow", flows(flow(5, "10.0.0.1")), found)) == [None]


def test_a_finished_pod_gives_its_address_back(tmp_path: Path) -> None:
    run, done = (pod("run-x2k4q", "10.0.0.1", owner=("Job", "run"), phase=phase) for phase in ("Running", "Succeeded"))
    found = watched(
        tmp_path, (0, "ADDED", run), (5, "MODIFIED", done), (7, "ADDED", pod("web-5d8f7c-abcde", "10.0.0.1"))
    )
    events = flows(*(flow(second, "10.0.0.1") for second in (1, 6, 8)))
    assert pods(resolve.resolve("flow", events, found)) == ["run-x2k4q", None, "web-5d8f7c-abcde"]


def test_two_pods_that_claim_one_address_are_not_guessed_between(tmp_path: Path) -> None:
    found = listed(tmp_path, pod("web-5d8f7c-abcde", "10.0.0.1"), pod("pay-6c9b4d-fghij", "10.0.0.1"))
    assert pods(resolve.resolve("flow", flows(flow(0, "10.0.0.1")), found)) == [None]


def test_the_address_of_a_node_is_the_host_and_no_pod_on_it(tmp_path: Path) -> None:
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n2"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.168.0.2"}, {"type": "Hostname", "address": "n2"}]
        },
    }
    agent = pod("agent-x2k4q", "192.168.0.2", owner=("DaemonSet", "agent"), hostNetwork=True)
    found = listed(tmp_path, node, agent)
    got = resolve.resolve("flow", flows(flow(0, "192.168.0.2"), flow(0, "192.168.0.1")), found)
    assert pods(got) == [None, None]
    assert got["source_identity"].to_list() == ["host", "host"]


def test_the_api_server_is_known_by_its_service_and_its_endpoints(tmp_path: Path) -> None:
    part = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "endpoints": [{"addresses": ["192.168.0.1"]}],
    }
    found = listed(tmp_path, service("kubernetes", "10.96.0.1", "default"), part, pod("web-5d8f7c-abcde", "10.0.0.1"))
    got = resolve.resolve("flow", flows(flow(0, "10.0.0.1", "10.96.0.1"), flow(0, "10.0.0.1", "192.168.0.1")), found)
    assert got["destination_identity"].to_list() == ["kube-apiserver", "kube-apiserver"]
    assert got["destination_service"].to_list() == ["default/kubernetes", None]


def test_a_service_address_names_the_service(tmp_path: Path) -> None:
    got = resolve.resolve("flow", flows(flow(0, None, "10.96.0.9")), listed(tmp_path, service("redis", "10.96.0.9")))
    assert got["destination_service"].to_list() == ["shop/redis"]


def test_a_load_balancer_on_the_nodes_leaves_them_hosts(tmp_path: Path) -> None:
    public = service("web", "10.96.0.9") | {"status": {"loadBalancer": {"ingress": [{"ip": "192.168.0.1"}]}}}
    got = resolve.resolve(
        "flow", flows(flow(0, None, "192.168.0.1")), listed(tmp_path, public, pod("web-5d8f7c-abcde"))
    )
    assert got.select("destination_identity", "destination_service").row(0) == ("host", None)


def test_ipv6_is_known_in_every_spelling(tmp_path: Path) -> None:
    found = listed(tmp_path, pod("web-5d8f7c-abcde", "FD00:0::1"), pod("pay-6c9b4d-fghij", "10.0.0.2"))
    got = resolve.resolve("flow", flows(flow(0, "fd00:0000::1"), flow(0, "::ffff:10.0.0.2")), found)
    assert pods(got) == ["web-5d8f7c-abcde", "pay-6c9b4d-fghij"]
    assert got["source_ip"].to_list() == ["fd00:0000::1", "::ffff:10.0.0.2"]


@pytest.mark.parametrize(
    "told",
    [
        {"source_pod_name": "other-0", "source_namespace": "shop"},
        {"source_namespace": "elsewhere"},
        {"source_identity": "world"},
        {"source_workload_kind": "Deployment", "source_workload_name": "other"},
    ],
)
def test_what_the_source_told_is_not_overwritten_nor_added_to_by_another(tmp_path: Path, told: dict[str, str]) -> None:
    events = flows(flow(0, "10.0.0.1", **told))
    assert_frame_equal(resolve.resolve("flow", events, listed(tmp_path, pod("web-5d8f7c-abcde", "10.0.0.1"))), events)


def test_a_flow_that_names_its_pod_is_given_the_workload_without_an_address(tmp_path: Path) -> None:
    events = flows(flow(0, None, source_namespace="shop", source_pod_name="web-5d8f7c-abcde"))
    got = resolve.resolve("flow", events, listed(tmp_path, pod("web-5d8f7c-abcde", "10.0.0.1")))
    assert got["source_workload_name"].to_list() == ["web"]


@pytest.mark.parametrize("told", [CONTAINER, CONTAINER[:12], CONTAINER[:31]])
def test_an_act_is_its_containers(tmp_path: Path, told: str) -> None:
    found = listed(tmp_path, pod("web-5d8f7c-abcde", "10.0.0.1", containers={"app": CONTAINER, "proxy": "f" * 64}))
    row = resolve.resolve("activity", acts({"container_id": told}), found).row(0, named=True)
    shown = ("k8s_ns_name", "k8s_pod_name", "k8s_pod_uid", "k8s_workload_kind", "k8s_workload_name", "container_name")
    assert [row[name] for name in shown] == [
        "shop",
        "web-5d8f7c-abcde",
        "uid-web-5d8f7c-abcde",
        "Deployment",
        "web",
        "app",
    ]


@pytest.mark.parametrize("told", ["host", "", CONTAINER[:11], CONTAINER[:12] + "e" * 52, None])
def test_an_id_that_is_no_containers_names_none(tmp_path: Path, told: str | None) -> None:
    events = acts({"container_id": told})
    found = listed(tmp_path, pod("web-5d8f7c-abcde", containers={"app": CONTAINER}))
    assert_frame_equal(resolve.resolve("activity", events, found), events)


def test_ids_that_begin_alike_name_none(tmp_path: Path) -> None:
    other = CONTAINER[:12] + "e" * 52
    found = listed(
        tmp_path,
        pod("web-5d8f7c-abcde", containers={"app": CONTAINER}),
        pod("pay-6c9b4d-fghij", containers={"app": other}),
    )
    assert resolve.resolve("activity", acts({"container_id": CONTAINER[:12]}), found)["k8s_pod_name"].to_list() == [
        None
    ]


def test_an_act_that_names_its_pod_is_given_the_workload_and_the_only_container(tmp_path: Path) -> None:
    one, two = (
        pod("web-5d8f7c-abcde", containers={"app": CONTAINER}),
        pod("pay-6c9b4d-fghij", containers={"a": "a" * 64, "b": "b" * 64}),
    )
    told = [{"k8s_ns_name": "shop", "k8s_pod_name": each["metadata"]["name"]} for each in (one, two)]
    events = acts(*told, {**told[0], "container_id": "c" * 64})
    got = resolve.resolve("activity", events, listed(tmp_path, one, two))
    assert got["k8s_workload_name"].to_list() == ["web", "pay", "web"]
    assert got["container_name"].to_list() == ["app", None, None]  # a container nobody knows may be a debugger's


def test_a_name_leads_to_who_had_it_last(tmp_path: Path) -> None:
    first, second = (pod("worker", owner=("Rollout", name)) for name in ("blue", "green"))
    found = watched(tmp_path, (0, "ADDED", first), (5, "DELETED", first), (9, "ADDED", second))
    told = {"k8s_ns_name": "shop", "k8s_pod_name": "worker"}
    events = acts(*({**told, "time": at(second)} for second in (-1, 4, 6, 10)))
    got = resolve.resolve("activity", events, found)
    assert got["k8s_workload_name"].to_list() == ["blue", "blue", "blue", "green"]


def test_audit_events_need_nothing(tmp_path: Path) -> None:
    events = frames.of_rows(tables.AUDIT, [{"time": at(0), "source_ip": "10.0.0.1"}])
    assert resolve.resolve("audit", events, listed(tmp_path, pod("web-5d8f7c-abcde", "10.0.0.1"))) is events


@pytest.mark.parametrize("stream", ["flow", "activity"])
def test_without_objects_or_events_nothing_changes(stream: str) -> None:
    empty = frames.empty(tables.STREAMS[stream])
    row = {"flow": flow(0, "10.0.0.1", "10.0.0.2"), "activity": {"time": at(0), "container_id": CONTAINER}}[stream]
    one = frames.of_rows(tables.STREAMS[stream], [row])
    for events in (empty, one):
        assert_frame_equal(resolve.resolve(stream, events, frames.empty(tables.OBJECTS)), events)


NAMES = st.sampled_from(["web-5d8f7c-abcde", "web-5d8f7c-fghij", "pay-6c9b4d-fghij", "redis-0"])
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.168.0.1", "fd00::1", ""])
SECONDS = st.integers(0, 20)
CONTAINERS = st.dictionaries(
    st.sampled_from(["app", "proxy"]), st.sampled_from([CONTAINER, "a" * 64, "b" * 64]), max_size=2
)


@st.composite
def told(draw: st.DrawFn) -> tuple[float, str, dict[str, Any]]:
    name, ip = draw(NAMES), draw(IPS)
    owner = ("StatefulSet", "redis") if name == "redis-0" else None
    one = pod(name, ip, owner=owner, hostNetwork=draw(st.booleans()), containers=draw(CONTAINERS))
    return draw(SECONDS), draw(st.sampled_from(["ADDED", "MODIFIED", "DELETED"])), one


SPACES = st.sampled_from(["shop", "elsewhere", None])
FLOWS = st.builds(
    lambda **told: {"time": at(told.pop("second")), **told},
    second=SECONDS,
    source_ip=IPS | st.none(),
    destination_ip=IPS | st.none(),
    source_namespace=SPACES,
    source_pod_name=NAMES | st.none(),
    source_workload_name=st.sampled_from(["web", "redis", None]),
    destination_identity=st.sampled_from(["world", "host", None]),
)
ACTS = st.builds(
    lambda **told: {"time": at(told.pop("second")), **told},
    second=SECONDS,
    container_id=st.sampled_from([CONTAINER, CONTAINER[:12], "a" * 12, "c" * 64, "host", None]),
    k8s_ns_name=SPACES,
    k8s_pod_name=NAMES | st.none(),
    container_name=st.sampled_from(["app", None]),
)


@given(st.lists(told(), max_size=8), st.lists(FLOWS, max_size=6), st.lists(ACTS, max_size=6))
def test_resolving_twice_is_resolving_once_and_keeps_what_was_told(
    tmp_path_factory: pytest.TempPathFactory, changes: list[Any], met: list[Any], done: list[Any]
) -> None:
    known = resolve.inventory(
        watched(tmp_path_factory.mktemp("law"), *changes) if changes else frames.empty(tables.OBJECTS)
    )
    for stream, rows in (("flow", met), ("activity", done)):
        events = frames.of_rows(tables.STREAMS[stream], rows)
        once = resolve.resolve(stream, events, known)
        assert_frame_equal(resolve.resolve(stream, once, known), once)
        assert once.schema == events.schema
        for name in events.columns:
            kept = events[name].is_not_null()
            assert once[name].filter(kept).to_list() == events[name].filter(kept).to_list()


@given(st.lists(FLOWS, max_size=8), st.randoms())
def test_an_event_is_resolved_alike_in_any_company(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], chance: Any
) -> None:
    changes = [(n, "ADDED", pod(f"web-5d8f7c-{n}", f"10.0.0.{1 + n % 2}")) for n in range(6)]
    known = resolve.inventory(watched(tmp_path_factory.mktemp("law"), *changes))
    order = list(range(len(rows)))
    chance.shuffle(order)
    mixed = resolve.resolve("flow", flows(*(rows[n] for n in order)), known)
    whole = resolve.resolve("flow", flows(*rows), known)
    assert [whole.row(n) for n in order] == mixed.rows()


def test_the_pods_of_a_recorded_app_have_the_addresses_they_had(shared_data: Path) -> None:
    for folder in sorted((shared_data / "flows" / "live").glob("*/*")):
        if (folder / "lifecycle.jsonl").exists():
            found = objects.read(str(folder / "lifecycle.jsonl")).frame.filter(pl.col("kind") == "Pod")
            rows = found.select(pl.col("since").alias("time"), pl.col("ips").list.first().alias("source_ip")).to_dicts()
            got = resolve.resolve("flow", flows(*rows), found)
            assert pods(got) == found["name"].to_list()
            assert not set(found["workload_kind"]) & {"ReplicaSet", "Job", "Pod"}

"""Manifests and watches become rows of objects: what each is, whose, where, and when it held."""

from __future__ import annotations

import gzip
import io
import random
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from plimsoll import frames, tables
from plimsoll.cluster import objects

SHOP = """\
# the shop
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web-5d8f7c
  namespace: shop
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-5d8f7c-abcde
  namespace: shop
  uid: "1e2"
  labels: {app: web, tier: 1, live: yes}
  ownerReferences: [{kind: Other, name: x}, {kind: ReplicaSet, name: web-5d8f7c, controller: true}]
spec:
  nodeName: n1
  serviceAccountName: web
status:
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "FD00::1"}]
  containerStatuses:
  - name: app
    containerID: containerd://aaa
    lastState: {terminated: {containerID: containerd://bbb}}
  initContainerStatuses: [{name: init, containerID: cri-o://ccc}]
  ephemeralContainerStatuses: [{name: debug, containerID: docker://ddd}, {name: soon}]
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}, {type: Hostname, address: n1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, "fd00:1::1"], externalIPs: [203.0.113.9]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}, {hostname: lb.example}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: reporter, containers: [{name: c}]}}}}}
"""


def written(folder: Path, text: str | bytes, name: str = "objects.yaml") -> str:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(file)


def rows(found: objects.Objects) -> dict[str, dict[str, Any]]:
    assert not found.rejects
    return {f"{row['kind']}/{row['name']}": row for row in found.frame.iter_rows(named=True)}


def event(second: int, change: str, one: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"time": datetime.fromtimestamp(second, UTC), "type": change, "object": one})


def pod(name: str, ip: str = "", **status: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "status": {"podIP": ip, **status}}


def spans(found: objects.Objects) -> list[tuple[str, int | None, int | None]]:
    seconds = [pl.col(name).dt.epoch("s") for name in ("since", "until")]
    return found.frame.select("name", *seconds).rows()


def test_a_pod_says_what_it_is_where_it_runs_and_whose_it_is(tmp_path: Path) -> None:
    row = rows(objects.read(written(tmp_path, SHOP)))["Pod/web-5d8f7c-abcde"]
    assert (row["apiVersion"], row["namespace"], row["uid"]) == ("v1", "shop", "1e2")
    assert (row["owner_kind"], row["owner_name"]) == ("ReplicaSet", "web-5d8f7c")
    assert (row["workload_kind"], row["workload_name"]) == ("Deployment", "web")
    assert row["labels"] == ["app=web", "tier=1", "live=true"]
    assert row["ips"] == ["10.0.0.1", "fd00::1"]
    assert row["container_ids"] == ["aaa=app", "bbb=app", "ccc=init", "ddd=debug"]
    assert (row["node"], row["service_account"]) == ("n1", "web")
    assert row["since"] is row["until"] is None
    assert msgspec.json.decode(row["object"])["spec"] == {"nodeName": "n1", "serviceAccountName": "web"}


def test_nodes_and_services_have_addresses_and_no_workload(tmp_path: Path) -> None:
    found = rows(objects.read(written(tmp_path, SHOP)))
    assert found["Node/n1"]["ips"] == ["192.168.0.1"]
    assert set(found["Service/web"]["ips"]) == {"10.96.0.1", "fd00:1::1", "203.0.113.9", "203.0.113.7"}
    assert found["Node/n1"]["workload_kind"] is found["Service/web"]["workload_kind"] is None
    assert (found["Node/n1"]["namespace"], found["Service/web"]["namespace"]) == ("", "default")


def test_what_has_a_pod_template_is_a_workload_with_its_service_account(tmp_path: Path) -> None:
    found = rows(objects.read(written(tmp_path, SHOP)))
    assert found["CronJob/report"]["workload_name"] == "report"
    assert found["CronJob/report"]["service_account"] == "reporter"
    assert found["ReplicaSet/web-5d8f7c"]["workload_kind"] == "Deployment"


def test_a_finished_pod_has_no_address(tmp_path: Path) -> None:
    found = rows(objects.read(written(tmp_path, msgspec.json.encode(pod("a", "10.0.0.1", phase="Succeeded")))))
    assert found["Pod/a"]["ips"] == []


def test_a_custom_object_is_left_as_it_is(tmp_path: Path) -> None:
    text = "apiVersion: acme.io/v1\nkind: Service\nmetadata: {name: x}\nspec: [its, own]\n"
    row = rows(objects.read(written(tmp_path, text)))["Service/x"]
    assert (row["namespace"], row["ips"], row["workload_kind"]) == ("", [], None)


def test_the_items_of_a_list_are_objects_that_know_their_kind(tmp_path: Path) -> None:
    bare = {"metadata": {"name": "a"}}
    text = msgspec.json.encode({"apiVersion": "v1", "kind": "PodList", "items": [bare, {}]})
    found = objects.read(written(tmp_path, text)).frame
    assert found["kind"].to_list() == ["Pod", "Pod"]
    assert [msgspec.json.decode(one)["kind"] for one in found["object"]] == ["Pod", "Pod"]


def test_lists_arrays_streams_and_documents_hold_the_same(tmp_path: Path) -> None:
    items = [pod("a", "10.0.0.1"), pod("b", "10.0.0.2")]
    texts = {
        "list.json": msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items}),
        "pretty.json": msgspec.json.format(
            msgspec.json.encode({"apiVersion": "v1", "kind": "PodList", "items": items})
        ),
        "array.json": msgspec.json.encode(items),
        "lines.jsonl": b"\n".join(map(msgspec.json.encode, items)),
        "documents.yaml": b"\n---\n".join(map(msgspec.json.encode, items)),
        "packed": gzip.compress(msgspec.json.encode(items)),
        "utf-16.yaml": "\n---\n".join(msgspec.json.encode(item).decode() for item in items).encode("utf-16"),
        "crlf.yaml": b"\r\n---\r\n".join(map(msgspec.json.encode, items)),
    }
    first, *others = (objects.read(written(tmp_path, text, name)) for name, text in texts.items())
    assert first.frame.height == 2
    for other in others:
        assert not other.rejects
        assert_frame_equal(other.frame, first.frame)


def test_standard_input_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SHOP.encode())))
    assert objects.read("-").frame.height == 5


def test_a_watch_gives_each_telling_its_time(tmp_path: Path) -> None:
    lines = [
        event(10, "ADDED", pod("a")),
        event(20, "MODIFIED", pod("a", "10.0.0.1")),
        event(30, "DELETED", pod("a", "10.0.0.1")),
        event(40, "ADDED", pod("a", "10.0.0.2")),
        event(15, "DELETED", pod("gone", "10.0.0.3")),
        msgspec.json.encode({"type": "BOOKMARK", "object": {"kind": "Pod"}}),
        msgspec.json.encode({"type": "MARK", "object": {"name": "start"}}),
    ]
    found = objects.read(written(tmp_path, b"\n".join(lines)))
    assert not found.rejects
    assert sorted(spans(found), key=str) == [("a", 10, 20), ("a", 20, 30), ("a", 40, None), ("gone", None, 15)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"type": "ADDED", "object": {"kind": "Pod"}}', "without its time"),
        (b'{"time": "2026-01-01T00:00:00", "type": "ADDED", "object": {"kind": "Pod"}}', "timezone"),
        (b'{"time": "2026-01-01T00:00:00Z", "type": "NOTHING", "object": {}}', "knows no 'NOTHING'"),
        (b'{"time": "2026-01-01T00:00:00Z", "type": "ADDED", "object": 7}', "Expected `object`"),
        (b'{"kind": "Pod", "metadata": {"name": 7}}', "$.metadata.name"),
        (b'{"kind": "Pod", "apiVersion": "v1", "status": []}', "$.status"),
        (b'{"a": 1}', "no kind"),
        (b"[[[[[{}]]]]]", "a list in a list"),
        (b"7", "Expected `object`"),
        (b'{"kind": "Pod", "metadata": {"name": "\xff"}}', ""),
        (b'{"kind": "Pod", "metadata": {}, "own": "\xff"}', "utf-8"),
        (b'{"kind": "Pod", "metadata": {"name": "\\ud800"}}', ""),
    ],
)
def test_a_broken_document_is_told_with_its_place_and_stops_nothing(tmp_path: Path, line: bytes, reason: str) -> None:
    good = msgspec.json.encode(pod("a"))
    source = written(tmp_path, b"\n".join([good, line, good]), "mixed.jsonl")
    found = objects.read(source)
    assert [(one.file, one.line) for one in found.rejects] == [(source, 2)]
    assert reason in found.rejects[0].reason
    assert found.rejected == 1
    assert found.frame.height == 2


def test_broken_yaml_between_good_is_told_with_its_line(tmp_path: Path) -> None:
    text = "kind: Pod\n---\n\n# three\nkind: Pod\nmetadata: [a\n---\nkind: Pod\n"
    found = objects.read(written(tmp_path, text))
    assert found.frame.height == 2
    assert [one.line for one in found.rejects] == [7]


def test_a_broken_item_stops_no_other(tmp_path: Path) -> None:
    text = msgspec.json.encode({"kind": "List", "items": [pod("a"), 7, pod("b")]})
    found = objects.read(written(tmp_path, text))
    assert found.frame.height == 2
    assert found.rejects[0].reason.startswith("[1]: ")


def test_a_list_of_too_many_is_one_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MOST_ITEMS", 10)
    found = objects.read(written(tmp_path, b"[" + b"{}," * 10 + b"{}]", "a.json"))
    assert [one.reason for one in found.rejects] == ["a list of more than 10"]


def test_few_rejects_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    found = objects.read(written(tmp_path, b"{}\n" * (objects.KEPT + 5), "a.jsonl"))
    assert (len(found.rejects), found.rejected) == (objects.KEPT, objects.KEPT + 5)


def documents() -> list[dict[str, Any]]:
    owner = [{"kind": "ReplicaSet", "name": "web-5d8f7c", "controller": True}]
    top = [{"kind": "Rollout", "name": "web", "controller": True}]
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-5d8f7c-abcde", "ownerReferences": owner}},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-5d8f7c", "ownerReferences": top}},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-5d8f7c"}},
        pod("a", "10.0.0.1"),
        pod("a", "10.0.0.2"),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.1"}},
    ]


@given(st.permutations(documents()))
def test_the_order_of_documents_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, shuffled: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("law")
    one, other = (
        objects.read(written(folder, b"\n---\n".join(map(msgspec.json.encode, items)), f"{n}.yaml"))
        for n, items in enumerate((documents(), shuffled))
    )
    assert_frame_equal(one.frame, other.frame)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["ADDED", "MODIFIED", "DELETED"])), max_size=8),
    st.randoms(),
)
def test_the_order_of_a_watchs_lines_does_not_matter_and_rows_of_an_object_never_overlap(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, str]], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("law")
    lines = [event(second, change, pod(name)) for second, (name, change) in enumerate(told)]
    first = objects.read(written(folder, b"\n".join(lines), "a.jsonl"))
    chance.shuffle(lines)
    assert_frame_equal(objects.read(written(folder, b"\n".join(lines), "b.jsonl")).frame, first.frame)
    for name in "ab":
        held = sorted(
            (since or -1, 99 if until is None else until) for who, since, until in spans(first) if who == name
        )
        assert all(before[1] <= after[0] for before, after in pairwise(held))
        assert all(since < until for since, until in held)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_without_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    found = objects.read(written(tmp_path_factory.mktemp("law"), data))
    assert found.frame.schema == frames.empty(tables.OBJECTS).schema


@given(st.integers(0, len(SHOP)), st.integers(0, 255))
def test_damaged_manifests_are_read_without_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    damaged = SHOP.encode()[:place] + bytes([byte]) + SHOP.encode()[place + 1 :]
    found = objects.read(written(tmp_path_factory.mktemp("law"), damaged))
    assert found.frame.height + found.rejected >= 4


def test_other_peoples_manifests_are_read(shared_data: Path) -> None:
    apps = sorted((shared_data / "netpol-truth").glob("*/manifests.yaml"))
    assert apps
    for app in apps:
        found = objects.read(str(app))
        assert not found.rejects
        assert found.frame.height > 10

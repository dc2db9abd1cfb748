"""Every kind allows the edges it was generated from, as NetworkPolicies do, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.policies import addresses, generate, kinds, network, workloads
from plimsoll.policies.network import PolicySet
from plimsoll.policies.policy import End, External
from tests.policies import flows

NAMES = ("web", "redis", "api", "batch")
SPACES = {"web": "shop", "redis": "shop", "api": "other", "batch": "other"}
KEYS = {name: (SPACES[name], "Deployment", name) for name in NAMES}
PORTS = (8080, 6379, 53)
OUTSIDE = {"203.0.113.7": "api.example.com", "198.51.100.9": None, "192.168.7.9": None}
OBJECTS = (
    *(
        flows.pod(
            SPACES[name],
            name,
            {"app": name, "pod-template-hash": "5d8"},
            ip=f"10.1.0.{number + 5}",
            ports=(("TCP", 8080, "http"),),
            serviceAccountName=name,
        )
        for number, name in enumerate(NAMES)
    ),
    flows.row("v1", "Endpoints", "default", "kubernetes", {}, ips=["192.168.7.9"]),
    flows.row("v1", "Node", "", "n1", {}, ips=["192.168.7.1"]),
)
TAKES = ("cilium", "calico", "admin", "networkpolicy")
Edge = tuple[str, str, int]


def seen(edges: Sequence[Edge]) -> pl.DataFrame:
    told = [*edges, ("batch", "batch", 53)]  # somebody asks DNS, else everybody may
    return flows.seen(*(_flow(*edge) for edge in told), times=9)


def _flow(source: str, destination: str, port: int) -> dict[str, Any]:
    more = {"destination_names": [name]} if (name := OUTSIDE.get(destination)) else {}
    to = KEYS.get(destination, destination)
    return flows.flow(KEYS[source], to, port, "UDP" if port == 53 else "TCP", **more)  # type: ignore[arg-type]


def written(kind: kinds.Name, edges: Sequence[Edge]) -> dict[str, str]:
    made = kinds.KINDS[kind]
    return made.files(generate.generate(seen(edges), flows.cluster(*OBJECTS), made.dialect))


def documents(files: dict[str, str]) -> Iterator[dict[str, Any]]:
    for text in files.values():
        yield from yaml.safe_load_all(text)


def judge(files: dict[str, str]) -> PolicySet:
    rows = [
        flows.row(
            one["apiVersion"],
            one["kind"],
            one["metadata"].get("namespace", ""),
            one["metadata"]["name"],
            {"spec": one["spec"]},
        )
        for one in documents(files)
    ]
    read = network.read(frames.of_rows(tables.OBJECTS, [*OBJECTS, *rows]))
    assert read.refused == ()
    return read


def ends() -> dict[str, End]:
    inside = {one.name: one for one in workloads.read(frames.of_rows(tables.OBJECTS, _owned()))}
    numbers = {text: addresses.address(text) for text in (*OUTSIDE, "198.18.0.1")}
    outside = {
        text: External(((number, number),), (name,) if (name := OUTSIDE.get(text)) else ())
        for text, number in numbers.items()
        if number is not None
    }
    return {**inside, **outside}


def _owned() -> list[dict[str, Any]]:
    return [{**one, "owner_kind": one["workload_kind"], "owner_name": one["workload_name"]} for one in OBJECTS[:4]]


def allowed(told: PolicySet, found: dict[str, End]) -> set[Edge]:
    return {
        (source, destination, port)
        for source in NAMES
        for destination in found
        for port in PORTS
        if source != destination
        and told.allows(found[source], found[destination], "UDP" if port == 53 else "TCP", port).allowed
    }


edges_of = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([*NAMES, *OUTSIDE]), st.sampled_from(PORTS)).filter(
        lambda edge: edge[0] != edge[1]
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@pytest.mark.parametrize("kind", TAKES)
@settings(max_examples=40, deadline=None)
@given(edges_of)
def test_what_was_seen_is_allowed_and_nothing_else_in_every_namespace_that_was_seen(
    kind: kinds.Name, edges: list[Edge]
) -> None:
    found = ends()
    told = allowed(judge(written(kind, edges)), found)
    closed = {SPACES[name] for edge in [*edges, ("batch", "batch", 53)] for name in edge[:2] if name in SPACES}
    free = {edge for edge in told if SPACES[edge[0]] not in closed and SPACES.get(edge[1]) not in closed}
    assert told - free == set(edges)


@settings(max_examples=40, deadline=None)
@given(edges_of)
def test_istio_lets_in_over_tcp_whom_the_network_policies_let_in(edges: list[Edge]) -> None:
    policies = [*documents(written("istio", edges))]
    into = {edge for edge in edges if edge[1] in NAMES and edge[2] != 53}
    closed = {one["metadata"]["namespace"] for one in policies}
    asked = [
        (source, destination, port)
        for source in NAMES
        for destination in NAMES
        for port in (8080, 6379)
        if source != destination and SPACES[destination] in closed
    ]
    assert {edge for edge in asked if _lets_in(policies, *edge)} == into


def _lets_in(policies: list[dict[str, Any]], source: str, destination: str, port: int) -> bool:
    """Istio's ALLOW policies: where some select a workload, one of their rules has to match."""
    labels = {"app": destination}
    about = [
        one["spec"]
        for one in policies
        if one["metadata"]["namespace"] == SPACES[destination]
        and one["spec"].get("selector", {"matchLabels": {}})["matchLabels"].items() <= labels.items()
    ]
    principal = f"cluster.local/ns/{SPACES[source]}/sa/{source}"
    rules = [rule for spec in about for rule in spec.get("rules", [])]
    return not about or any(
        any(principal in one["source"].get("principals", []) for one in rule["from"])
        and any(str(port) in one["operation"]["ports"] for one in rule["to"])
        for rule in rules
    )


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_another_run_and_another_order_write_the_same_bytes(kind: kinds.Name) -> None:
    edges = [("web", "redis", 6379), ("api", "web", 8080), ("web", "203.0.113.7", 8080), ("web", "192.168.7.9", 6379)]
    assert written(kind, edges) == written(kind, edges[::-1])


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_file_says_whose_it_is_and_every_object_that_we_manage_it(kind: kinds.Name) -> None:
    files = written(kind, [("web", "redis", 6379)])
    assert all(text.startswith("# Written by plimsoll") for text in files.values())
    assert {one["metadata"]["labels"]["app.kubernetes.io/managed-by"] for one in documents(files)} == {"plimsoll"}


def test_kinds_that_cannot_say_all_say_so() -> None:
    assert [name for name, kind in kinds.KINDS.items() if kind.unsaid] == ["admin", "istio"]

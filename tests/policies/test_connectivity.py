"""Who can reach whom: what is listed is what is allowed, no more and no less."""

from __future__ import annotations

import itertools

import polars as pl
from hypothesis import given, settings

from plimsoll.policies import addresses, connectivity, intervals, network, ports, workloads
from tests.policies import clusters


def listed(documents: list[clusters.Document], family: addresses.Family = "ipv4") -> list[connectivity.Line]:
    frame = clusters.frame(documents)
    return list(connectivity.lines(network.read(frame), workloads.read(frame), family))


@settings(max_examples=50)
@given(clusters.clusters)
def test_the_list_says_of_every_pair_what_a_naive_judge_says(documents: list[clusters.Document]) -> None:
    found = {(line.src, line.dst): line.ports for line in listed(documents)}
    naive = clusters.Judge(documents)
    pods = [one for one in documents if one["kind"] == "Pod"]
    name = lambda one: f"{one['metadata']['namespace']}/{one['metadata']['name']}[Pod]"  # noqa: E731
    for source in pods:
        for destination in pods:
            if source is not destination:
                told = found.get((name(source), name(destination)), ports.NO_PORTS)
                for protocol in clusters.PROTOCOLS:
                    for port in (80, 81, 443, 444):
                        expected = naive.allows(source, destination, protocol, port)
                        assert ports.allows(told, protocol, port) == expected


@settings(max_examples=50)
@given(clusters.clusters)
def test_outside_ranges_are_disjoint_and_as_wide_as_they_can_be(documents: list[clusters.Document]) -> None:
    ranges: dict[tuple[bool, str], list[tuple[int, int, intervals.Intervals]]] = {}
    for line in listed(documents):
        inward = line.src.endswith("[External]")
        if inward or line.dst.endswith("[External]"):
            text = (line.src if inward else line.dst).removesuffix("[External]")
            low, high = (addresses.address(part) or 0 for part in text.split("-"))
            ranges.setdefault((inward, line.dst if inward else line.src), []).append((low, high, line.ports))
    for found in ranges.values():
        found.sort()
        for before, after in itertools.pairwise(found):
            assert after[0] > before[1]
            assert after[0] > before[1] + 1 or after[2] != before[2]


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"containers": []},
}


def test_without_policies_everything_is_open_but_a_workload_to_itself_has_no_line() -> None:
    rows = [line.as_row() for line in listed([POD])]
    assert [(row["src"], row["dst"], row["conn"]) for row in rows] == [
        ("0.0.0.0-255.255.255.255[External]", "shop/web[Pod]", "All Connections"),
        ("shop/web[Pod]", "0.0.0.0-255.255.255.255[External]", "All Connections"),
    ]


def test_the_family_says_which_outside_is_listed() -> None:
    assert [line.src.partition("-")[0] for line in listed([POD], "dual")] == ["0.0.0.0", "::", *["shop/web[Pod]"] * 2]


def test_pods_of_one_workload_that_differ_in_labels_are_listed_together() -> None:
    owner = {"ownerReferences": [{"kind": "StatefulSet", "name": "db"}]}
    both = [
        {**POD, "metadata": {"name": f"db-{role}", "namespace": "shop", "labels": {"role": role}, **owner}}
        for role in ("main", "spare")
    ]
    opened = [
        _policy("main", "10.0.0.0/8", 5432),
        _policy("spare", "10.0.0.0/16", 5433),
    ]
    frame = clusters.frame([*both, *opened]).with_columns(owner_kind=None, owner_name=None)
    frame = frame.with_columns(
        owner_kind=pl.when(pl.col("kind") == "Pod").then(pl.lit("StatefulSet")),
        owner_name=pl.when(pl.col("kind") == "Pod").then(pl.lit("db")),
    )
    found = connectivity.lines(network.read(frame), workloads.read(frame))
    assert [(line.src, ports.written(line.ports)) for line in found if line.dst == "shop/db[StatefulSet]"] == [
        ("10.0.0.0-10.0.255.255[External]", "TCP 5432-5433"),
        ("10.1.0.0-10.255.255.255[External]", "TCP 5432"),
    ]


def _policy(role: str, cidr: str, port: int) -> clusters.Document:
    rule = {"from": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": port}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": role, "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"role": role}}, "ingress": [rule]},
    }

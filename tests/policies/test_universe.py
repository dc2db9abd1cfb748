"""All ends at once: whom a rule means is what asking one by one says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.policies import addresses, network, policy, universe, workloads
from tests.policies import clusters


@settings(max_examples=80)
@given(clusters.clusters, st.sampled_from(["external-only", "all"]))
def test_a_rule_means_whom_it_means_asked_one_by_one(
    documents: list[clusters.Document], ip_blocks: network.IpBlocks
) -> None:
    frame = clusters.frame(documents)
    policies = network.read(frame, ip_blocks=ip_blocks)
    outside = [policy.External(atom) for atom in addresses.atoms(addresses.IPV4, policies.blocks())]
    whole = universe.Universe(policies, workloads.read(frame), outside)
    for one in policies.policies:
        assert [*universe.bits(whole.meant(one.subject))] == [
            place
            for place, end in enumerate(whole.ends)
            if one.subject.has(end, policies.namespace_labels(getattr(end, "namespace", "")))
        ]
        for way in policy.WAYS:
            for rule in one.rules(way) or ():
                expected = [place for place, end in enumerate(whole.ends) if policies.matches(rule, end)]
                assert [*universe.bits(whole.spoken(rule))] == expected


@settings(max_examples=50)
@given(clusters.clusters)
def test_who_is_alike_may_reach_the_same_and_nobody_else_is_possible(documents: list[clusters.Document]) -> None:
    frame = clusters.frame(documents)
    policies, ends = network.read(frame), workloads.read(frame)
    whole = universe.Universe(policies, ends)
    for group in whole.alike():
        for other in ends:
            assert len({policies.connections(one, other) for one in group}) == 1
            assert len({policies.connections(other, one) for one in group}) == 1
    for source in ends:
        possible = {*universe.bits(whole.possible(source, "egress"))}
        assert {place for place, end in enumerate(ends) if policies.connections(source, end)} <= possible

"""Single steps between some things: which there are, which is told, and what leads to too much to tell anything."""

from __future__ import annotations

import pytest

from plimsoll.paths import between, nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph

APP, SA = "Container:shop/web/app", "SA:shop/web"


def steps(edges, sources=(APP,), targets=(SA,)):
    found = between.between(Graph(edges), sources, targets)
    return [(edge.kind, edge.source, edge.target) for edge in found]


def test_a_step_between_two_things_is_told():
    assert steps([Edge("TOKEN_MOUNT", APP, SA, "")]) == [("TOKEN_MOUNT", APP, SA)]


def test_nothing_is_told_backwards_or_of_others():
    assert steps([Edge("TOKEN_MOUNT", SA, APP, ""), Edge("TOKEN_MOUNT", APP, "SA:shop/other", "")]) == []


def test_a_way_of_two_steps_is_none():
    assert steps([Edge("CE_PRIVILEGED", APP, "Node:n", ""), Edge("NODE_TOKEN_THEFT", "Node:n", SA, "")]) == []


@pytest.mark.parametrize("more", [{"conditional": True}, {"walk": False}])
def test_what_no_path_goes_over_is_left_out(more):
    assert steps([Edge("TOKEN_MOUNT", APP, SA, "", **more)]) == []


def test_sets_are_folded_away():
    whole, part = nodes.set_of("accounts", "SA:*/*"), nodes.set_of("accounts", "SA:shop/*")
    edges = [Edge("POD_CREATE_SA", APP, whole, "why"), Edge("", whole, part, ""), Edge("", part, SA, "")]
    [found] = between.between(Graph(edges), [APP], [SA])
    assert (found.kind, found.source, found.target, found.why) == ("POD_CREATE_SA", APP, SA, "why")


def test_of_several_steps_the_easiest_is_told():
    node = "Node:n"
    edges = [Edge("CE_RAWIO", APP, node, ""), Edge("CE_PRIVILEGED", APP, node, "")]
    assert steps(edges, targets=[node]) == [("CE_PRIVILEGED", APP, node)]


def test_who_may_do_it_to_everything_is_a_hub():
    whole = nodes.set_of("containers", "Container:*/*/*")
    members = [f"Container:shop/p{number}/c" for number in range(between.HUB + 1)]
    few = [Edge("POD_EXEC", SA, whole, ""), *(Edge("", whole, one, "") for one in members[:-1])]
    assert len(steps(few, [SA], members)) == between.HUB
    assert steps([*few, Edge("", whole, members[-1], "")], [SA], members) == []


def test_what_everybody_may_call_is_a_hub():
    called, dns = nodes.set_of("called", "Endpoint:*/*"), "Endpoint:kube-system/kube-dns"
    callers = [f"Container:shop/p{number}/c" for number in range(between.HUB + 1)]
    few = [Edge("", called, dns, ""), *(Edge("NET_REACH", one, called, "") for one in callers[:-1])]
    assert len(steps(few, callers, [dns])) == between.HUB
    assert steps([*few, Edge("NET_REACH", callers[-1], called, "")], callers, [dns]) == []


def test_what_is_in_far_too_many_sets_is_a_hub():
    sets = [nodes.set_of(f"called-{number}", "Endpoint:*/*") for number in range(500)]
    edges = [Edge("NET_REACH", APP, sets[0], ""), *(Edge("", one, "Endpoint:a/b", "") for one in sets)]
    assert steps(edges, targets=["Endpoint:a/b"]) == []


def test_sets_that_hold_each_other_end():
    one, other = nodes.set_of("one", "SA:*"), nodes.set_of("other", "SA:*")
    edges = [Edge("X", APP, one, ""), Edge("", one, other, ""), Edge("", other, one, ""), Edge("", other, SA, "")]
    assert steps(edges) == [("X", APP, SA)]

import math

import pytest

from plimsoll.paths import explain, weights
from plimsoll.paths.edge import Edge


def test_every_kind_that_is_told_is_weighed_and_the_other_way_round():
    assert set(weights.table().kinds) == set(explain.kinds())


def test_counts_fit_the_attacks_that_were_counted():
    told = weights.table()
    assert len(told.sources) == told.attacks
    assert all(one.wild <= one.seen <= told.attacks for one in told.kinds.values())
    assert all(one.wild <= told.in_the_wild for one in told.kinds.values())


@pytest.mark.parametrize("kind", sorted(weights.table().kinds))
def test_no_step_costs_less_than_nothing(kind):
    assert 0 <= weights.cost_of(kind) < weights.cost_of(kind, conditional=True)
    assert math.isfinite(weights.cost_of(kind))


def test_of_two_steps_as_easy_the_one_that_attackers_took_comes_first():
    assert weights.of("CE_PRIVILEGED").ease == weights.of("CE_WIN_HOSTPROCESS").ease
    assert weights.cost_of("CE_PRIVILEGED") < weights.cost_of("CE_WIN_HOSTPROCESS")


def test_easier_comes_before_often():
    assert weights.cost_of("STATIC_POD") < weights.cost_of("CE_NET_MITM")


def test_what_is_no_step_costs_nothing():
    assert weights.cost(Edge("", "~a b", "c", "")) == 0
    assert weights.cost(Edge("NEW_KIND", "a", "b", "")) > 0


def test_the_whole_cluster_is_worth_most():
    goals = ["Sink:cluster-admin", "Node:n", "Cloud:node", "Secret:a/b", "SA:a/b", "Sink:compute", "Endpoint:a/b"]
    worth = [weights.harm(one) for one in goals]
    assert worth == sorted(worth, reverse=True)
    assert weights.risk(1.0, "Node:n") < weights.risk(0.5, "Node:n")

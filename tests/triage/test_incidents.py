"""Which cases are one incident, why they are, and what joining can not be made to do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from plimsoll.triage import incidents, queue
from plimsoll.triage.incidents import Link
from plimsoll.triage.memory import Case
from tests.triage.told import MINUTE, START

WEB, DB, SA = "shop/Deployment/web", "shop/StatefulSet/db", "sa:shop/web"
TOKEN = Link(WEB, SA, "mounted token (T1528)", step=True)


def case(id_="c", minute=0, *, until=None, **more):
    first = START + minute * MINUTE
    last = first if until is None else START + until * MINUTE
    plain = {"kind": "signature", "title": "t", "workload": id_, "actor": "", "severity": "low"}
    return Case(id=id_, first=first, last=last, **(plain | more))


def groups(cases, links=()):
    return sorted({found.cases for found in incidents.incidents(cases, links).values()})


def test_cases_of_one_pod_at_one_time_are_one_incident():
    one = case("a", entities=["shop/pod"])
    soon = case("b", 10, entities=["shop/pod", "actor:bob"])
    of_bob = case("c", 20, entities=["actor:bob"])
    late = case("d", 180, entities=["shop/pod"])
    found = incidents.incidents([one, soon, of_bob, late])
    assert groups([one, soon, of_bob, late]) == [("a", "b", "c"), ("d",)]
    assert found["c"].why == ("b after a: the same pod shop/pod", "c after b: the same actor bob")
    assert found["d"].why == ()


def test_a_long_case_joins_what_falls_into_it():
    long = case("a", -540, until=60, entities=["shop/pod"])
    short = case("b", -480, entities=["shop/pod"])
    inside = case("c", entities=["shop/pod"])
    assert groups([long, short, inside]) == [("a", "b", "c")]


def test_pods_of_one_workload_are_one_incident():
    one = case("a", workload=f"{WEB}:app", entities=["shop/web-1"])
    other = case("b", 5, workload=f"{WEB}:sidecar", entities=["shop/web-2"])
    assert incidents.incidents([one, other])["a"].why == (f"b after a: the same workload {WEB}",)


def test_an_account_joins_the_pod_that_runs_as_it_whichever_was_first():
    link = Link(WEB, SA, "runs as ServiceAccount shop/web")
    for minutes in ((0, 9), (9, 0)):
        cases = [case("a", minutes[0], workload=WEB), case("b", minutes[1], workload=SA)]
        assert len(groups(cases, [link])) == 1
        assert len(groups(cases)) == 2


def test_a_step_joins_its_ends_in_its_order_and_says_which_it_is():
    before, after = case("a", workload=WEB), case("b", 9, workload=SA)
    assert incidents.incidents([after, before], [TOKEN])["b"].joined == {"b": ("mounted token (T1528) (a)",)}
    assert len(groups([case("a", 9, workload=WEB), case("b", workload=SA)], [TOKEN])) == 2


def test_a_step_that_comes_much_later_joins_nothing():
    assert len(groups([case("a", workload=WEB), case("b", 31, workload=SA)], [TOKEN])) == 2
    assert len(groups([case("a", workload=WEB, until=9), case("b", 39, workload=SA)], [TOKEN])) == 1


def test_steps_follow_each_other():
    steps = [TOKEN, Link(SA, DB, "exec (T1609)", step=True)]
    cases = [case("a", workload=WEB), case("b", 20, workload=SA), case("c", 40, workload=DB)]
    assert groups(cases, steps) == [("a", "b", "c")]


def test_a_step_is_told_also_where_something_else_joins_its_ends():
    cases = [case("a", workload=WEB, entities=["node:n"]), case("b", 9, workload=SA, entities=["node:n"])]
    assert incidents.incidents(cases, [TOKEN])["a"].why == ("b after a: mounted token (T1528)",)
    cases = [case("a", workload=WEB, entities=["shop/p"]), case("b", 9, workload=SA, entities=["shop/p"])]
    assert len(incidents.incidents(cases, [TOKEN])["a"].why) == 2


def test_an_incident_is_as_grave_as_its_gravest_case():
    cases = [case("a", entities=["shop/p"], severity="critical"), case("b", 1, entities=["shop/p"])]
    assert {one.severity for one in incidents.incidents(cases).values()} == {"critical"}


def test_joining_hides_no_case_and_changes_none():
    """An attacker who is joined with a thousand harmless cases is still in the queue, as grave and as high as alone."""
    his = case("his", 5, entities=["shop/p"], severity="critical")
    noise = [case(f"n{number}", 1 + number % 9, entities=["shop/p"]) for number in range(1_000)]
    alone, joined = queue.queue([his])[0], queue.queue([*noise, his])[0]
    assert (joined.case, joined.pressing) == (his, alone.pressing)
    assert len(queue.queue([*noise, his])) == 1_001


def test_no_incident_grows_without_bound():
    noise = [case(f"n{number:03}", entities=["node:n", f"shop/p{number}"]) for number in range(500)]
    assert max(map(len, groups(noise))) <= incidents.MOST


def test_a_pod_is_joined_before_a_node_fills_the_incident():
    """Noise on a node cannot tear apart what happened in one pod."""
    noise = [case(f"n{number:03}", entities=["node:n", f"shop/p{number}"]) for number in range(500)]
    own = [case("x", 1, entities=["shop/own", "node:n"]), case("y", 2, entities=["shop/own", "node:n"])]
    found = incidents.incidents([*noise, *own])
    assert found["x"] is found["y"]


def test_reasons_are_cut_to_size():
    link = Link(WEB, SA, "x" * 9_999, step=True)
    [why] = incidents.incidents([case("a", workload=WEB), case("b", workload=SA)], [link])["a"].why
    assert len(why) < 500


SUBJECTS = [WEB, DB, SA, "host:n1", "actor:bob", "shop/web-1"]
CASES = some.lists(
    some.builds(
        lambda minute, length, workload, entities, severity: case(
            "x", minute, until=minute + length, workload=workload, entities=entities, severity=severity
        ),
        some.integers(0, 600),
        some.integers(0, 90),
        some.sampled_from(SUBJECTS),
        some.lists(some.sampled_from(["node:n1", "actor:bob", "shop/web-1", "shop/db-0"]), max_size=3, unique=True),
        some.sampled_from(["info", "low", "high", "critical"]),
    ),
    max_size=30,
)
LINKS = some.lists(
    some.builds(Link, some.sampled_from(SUBJECTS), some.sampled_from(SUBJECTS), some.just("why"), some.booleans()),
    max_size=9,
)


@given(CASES, LINKS, some.randoms(use_true_random=False), some.sampled_from([3, 100]))
def test_incidents_part_the_cases_whatever_their_order(cases, links, dice, most):
    for number, one in enumerate(cases):
        one.id = f"c{number:02}"
    incidents.MOST, before = most, incidents.MOST
    try:
        found = incidents.incidents(cases, links)
        dice.shuffle(cases)
        dice.shuffle(links)
        assert incidents.incidents(cases, links) == found
    finally:
        incidents.MOST = before
    assert found.keys() == {one.id for one in cases}
    parts = {one.id: one.cases for one in found.values()}
    assert sorted(id_ for part in parts.values() for id_ in part) == sorted(found)
    by_id = {one.id: one for one in cases}
    for id_, one in found.items():
        assert id_ in one.cases
        assert len(one.cases) <= most
        assert one.id == one.cases[0]
        assert one.severity in {by_id[other].severity for other in one.cases}
        assert len(one.cases) == 1 or len(one.why) >= min(len(one.cases) - 1, incidents.REASONS)
        assert all(incidents._rank(one.severity) >= incidents._rank(by_id[other].severity) for other in one.cases)


def test_many_cases_are_joined_soon():
    cases = [case(f"c{number}", number, workload=f"shop/Deployment/w{number % 300}") for number in range(20_000)]
    links = [Link(f"shop/Deployment/w{at}", f"shop/Deployment/w{at + 1}", "x", step=True) for at in range(299)]
    assert len(incidents.incidents(cases, links)) == 20_000


def test_alerts_of_nobody_have_nothing_in_common():
    assert (
        len(
            groups(
                [
                    case("a", workload="(unknown)", entities=["(unknown)"]),
                    case("b", workload="(unknown)", entities=["(unknown)"]),
                ]
            )
        )
        == 2
    )

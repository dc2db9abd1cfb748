"""Somebody new is expected to do what was granted, and whoever is known is judged by what was learned."""

from __future__ import annotations

import pytest

from plimsoll.detect import granted, judge
from tests import told

RIGHTS = granted.chances({
    "sa:shop/new": [granted.Grant(("list",), ("",), ("secrets",))],
    "sa:shop/web": [granted.Grant(("list",), ("",), ("secrets",))],
    "sa:shop/any": [granted.Grant(("*",), ("*",), ("*",))],
})  # fmt: skip
KNOWN = told.learned("audit", told.habit())


@pytest.mark.parametrize(
    ("subject", "request_", "chance"),
    [
        ("sa:shop/new", "list secrets", 1.0),
        ("sa:shop/new", "get secrets", 0.0),
        ("sa:shop/new", "list secrets.other", 0.0),
        ("sa:shop/any", "create pods/exec", 0.01),
        ("sa:shop/none", "list secrets", 0.0),
    ],
)
def test_a_granted_request_is_as_likely_as_any_other_that_is_granted(subject, request_, chance):
    assert RIGHTS(subject, request_) == chance


def bits(account: str, rights: granted.Chance | None) -> float:
    plain = told.judge_of(KNOWN)
    bench = judge.Judge(plain._known, KNOWN.clear(), rights=rights)
    row = told.request("list secrets", user_username=f"system:serviceaccount:shop:{account}", user_pod_uid="uid-x")
    found = bench.take("audit", told.events("audit", [row]))
    return sum(fact.bits for act in found for fact in act.facts if fact.verb == "request")


def test_the_first_request_of_somebody_new_weighs_less_where_it_was_granted():
    assert bits("new", RIGHTS) < bits("new", None)
    assert bits("none", RIGHTS) == bits("none", None)


def test_rights_excuse_nobody_who_is_known_for_something_else():
    assert bits("web", RIGHTS) == bits("web", None)

from __future__ import annotations

import pytest

from plimsoll.posture.judging.rights import given, right, rules
from plimsoll.posture.objects import Object


def role(**rule):
    return Object({"kind": "Role", "rules": [{"apiGroups": [""], **rule}]})


EXEC = right("create", "pods/exec")


@pytest.mark.parametrize("resource", ["*", "pods/exec", "pods/*", "*/exec"])
def test_wildcards_of_resources_name_what_is_below(resource):
    assert list(given(role(verbs=["create"], resources=[resource]), (EXEC,))) == [0]


@pytest.mark.parametrize(
    "rule",
    [
        {"verbs": ["get"], "resources": ["pods/exec"]},
        {"verbs": ["create"], "resources": ["pods"]},
        {"verbs": ["create"], "resources": ["pods/exec"], "apiGroups": ["apps"]},
        {"verbs": "create", "resources": 1},
        {},
    ],
)
def test_other_rules_do_not_give_it(rule):
    assert list(given(role(**rule), (EXEC,))) == []


def test_names_restrict_a_right_that_is_of_all_objects_and_an_empty_list_does_not():
    every = right("get", "secrets", whole=True)
    assert list(given(role(verbs=["get"], resources=["secrets"], resourceNames=["a"]), (every,))) == []
    assert list(given(role(verbs=["get"], resources=["secrets"], resourceNames=[]), (every,))) == [0]
    assert list(given(role(verbs=["get"], resources=["secrets"], resourceNames=["a"]), (right("get", "secrets"),))) == [
        0
    ]


def test_a_role_of_any_shape_has_rules():
    assert rules(Object({"kind": "Role", "rules": [1, {"verbs": [3, "get"]}]}))[1].verbs == {"", "get"}
    assert rules(Object({"kind": "Role", "rules": {}})) == ()

"""Label selectors mean what Kubernetes' documentation says they mean."""

from __future__ import annotations

import msgspec
import pytest

from plimsoll.policies import selectors


def of(text: str) -> selectors.Selector:
    return selectors.selector(msgspec.json.decode(text, type=selectors.Document))


def test_all_requirements_must_hold() -> None:
    both = of('{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}')
    assert selectors.selects(both, {"app": "web", "tier": ""})
    assert not selectors.selects(both, {"app": "web"})
    assert not selectors.selects(both, {"tier": "x"})


@pytest.mark.parametrize(
    ("operator", "values", "absent", "there", "other"),
    [
        ("In", '["a"]', False, True, False),
        ("NotIn", '["a"]', True, False, True),
        ("Exists", "[]", False, True, True),
        ("DoesNotExist", "null", True, False, False),
    ],
)
def test_each_operator(operator: str, values: str, absent: bool, there: bool, other: bool) -> None:
    found = of(f'{{"matchExpressions": [{{"key": "k", "operator": "{operator}", "values": {values}}}]}}')
    assert [selectors.selects(found, labels) for labels in ({}, {"k": "a"}, {"k": "b"})] == [absent, there, other]


def test_an_empty_selector_selects_everything() -> None:
    assert selectors.selects(of("{}"), {}) is True


@pytest.mark.parametrize("term", ['"operator": "In"', '"operator": "Exists", "values": ["a"]', '"operator": "Like"'])
def test_what_the_api_refuses_is_refused(term: str) -> None:
    with pytest.raises(ValueError):
        of(f'{{"matchExpressions": [{{"key": "k", {term}}}]}}')


def test_it_is_written_as_kubectl_takes_it() -> None:
    found = of(
        '{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "t", "operator": "NotIn", "values": ["a", "b"]}]}'
    )
    assert selectors.written(found) == "app=web,t notin (a,b)"

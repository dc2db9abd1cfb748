from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.context import marks


@given(st.lists(st.text(max_size=60).map(lambda text: f"k8s:{text}") | st.text()))
def test_no_label_widens_a_scope(labels: list[str]) -> None:
    for scope in marks.read(labels).scope:
        namespace, kind, name = scope.split("/")
        assert not set("*?[]") & set(namespace + name)
        assert kind == "*" or kind.isalnum()


@pytest.mark.parametrize(
    "label", ["k8s:*/*", "k8s:shop/*", "k8s:shop/[w]eb", "k8s:shop", "k8s:shop/Deployment/web/x", "k8s:"]
)
def test_a_pattern_is_no_name(label: str) -> None:
    assert marks.read([label]).scope == ()


def test_a_class_that_is_none_excuses_nothing_rather_than_the_usual() -> None:
    assert marks.read(["allow:*"], ["shell"]).allows == ()


@pytest.mark.parametrize("label", [None, 7, {"a": 1}])
def test_a_label_that_is_no_text_says_nothing(label: object) -> None:
    assert marks.read([label]) == marks.Marks((), ())

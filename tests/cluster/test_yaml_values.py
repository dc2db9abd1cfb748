"""YAML is read as Kubernetes reads it, and cannot grow beyond what it is."""

from __future__ import annotations

import re

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.cluster import yaml_values

# PyYAML writes the text 0E0 without quotes, which Kubernetes reads as a number.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20).filter(
    lambda text: not re.match(r"[-+]?[0-9.]+[eEoOxX]", text)
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


@given(VALUES)
def test_what_yaml_writes_is_read_again(held: object) -> None:
    assert yaml_values.value(yaml.safe_dump(held, allow_unicode=True).encode()) == held


@given(VALUES)
def test_json_is_yaml(held: object) -> None:
    assert yaml_values.value(msgspec.json.encode(held)) == held


@given(st.binary(max_size=60) | st.text("[]{}&*!:-?,|>'\"# \nab1<~%", max_size=60).map(str.encode))
def test_any_text_has_a_value_or_is_unreadable(text: bytes) -> None:
    try:
        msgspec.json.encode(yaml_values.value(text))
    except yaml_values.Unreadable as broken:
        assert broken.line <= text.count(b"\n") + 1  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("190:20:30", "190:20:30"),
        ("0755", 0o755),
        ("0o755", 0o755),
        ("-0x1F", -31),
        ("089", "089"),
        ("yes", True),
        ("'yes'", "yes"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int '1'", 1),
        ("y", "y"),
        ("1.", 1.0),
        ("-", None),
        (".inf", ".inf"),
        ("1e400", None),
        ("100000000000000000000", 1e20),
        ("1" * 10_000, "1" * 10_000),
        ("", None),
    ],
)
def test_a_plain_scalar_means_what_json_can_say(text: str, held: object) -> None:
    got = yaml_values.value(text.encode())
    assert msgspec.json.decode(msgspec.json.encode(got)) == ([held] if text == "-" else held)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object:os.system x",
        "!!python/object/apply:os.system [x]",
        "!own {a: 1}",
        "!!binary aGk=",
        "!!timestamp 2026-01-01",
    ],
)
def test_tags_of_a_language_are_unreadable(text: str) -> None:
    with pytest.raises(yaml_values.Unreadable, match="tag"):
        yaml_values.value(text.encode())


@pytest.mark.parametrize(
    "text", ["a: *b", "a: &a [*a]", "? [a]\n: b", "? {a: b}\n: c", "a: &a [1]\n*a : 2", "a: {<<: 1}", "a: {<<: [1]}"]
)
def test_what_json_cannot_say_is_unreadable(text: str) -> None:
    with pytest.raises(yaml_values.Unreadable):
        yaml_values.value(text.encode())


def test_a_merge_brings_in_what_is_not_told() -> None:
    text = b"a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {y: 3, <<: [*a, *b]}\nd: &k e\n*k : 4"
    assert yaml_values.value(text)["c"] == {"y": 3, "x": 1, "z": 2}
    assert yaml_values.value(text)["e"] == 4


def test_aliases_of_aliases_are_no_bomb() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    with pytest.raises(yaml_values.Unreadable, match="stands for too much"):
        yaml_values.value("\n".join(lines).encode())


def test_a_long_text_named_often_is_no_bomb() -> None:
    text = b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a, " * 1000 + b"]"
    with pytest.raises(yaml_values.Unreadable, match="stands for too much"):
        yaml_values.value(text)


def test_nesting_is_bounded_and_told_where() -> None:
    with pytest.raises(yaml_values.Unreadable, match="nested") as caught:
        yaml_values.value(b"\n\n" + b"[" * 100_000)
    assert caught.value.line == 2

from __future__ import annotations

import pytest

from plimsoll import errors


def family(root: type[errors.PlimsollError]) -> list[type[errors.PlimsollError]]:
    return [root, *(kin for child in root.__subclasses__() for kin in family(child))]


@pytest.mark.parametrize("kind", family(errors.PlimsollError))
def test_the_tree_in_the_docstring_shows_every_error_with_its_exit_code(kind: type[errors.PlimsollError]) -> None:
    line = next(line for line in (errors.__doc__ or "").splitlines() if kind.__name__ in line)
    assert kind is errors.PlimsollError or line.endswith(f"exit {kind.exit_code}")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "no"),
        ({"file": "a"}, "a: no"),
        ({"file": "a", "line": 0}, "a:0: no"),
        ({"file": "a", "line": 3, "column": 7}, "a:3:7: no"),
        ({"line": 3}, "3: no"),
    ],
)
def test_an_input_error_says_where_as_far_as_it_is_known(place: dict[str, str | int], text: str) -> None:
    assert str(errors.InputError("no", **place)) == text

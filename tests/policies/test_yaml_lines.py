"""Lines of YAML that every reader takes for the same."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import yaml_lines
from plimsoll.policies.separating import Selector


@given(st.text(max_size=40))
def test_a_text_that_is_quoted_is_read_back(text: str) -> None:
    told = text.encode(errors="replace").decode()
    assert yaml.safe_load(yaml_lines.quoted(told)) == told


@given(st.text(max_size=40))
def test_a_comment_stays_in_its_line(text: str) -> None:
    assert len(yaml_lines.comment(text).splitlines()) <= 1


@given(st.text(max_size=300))
def test_a_folder_is_one_below_whatever_the_namespace_is_called(name: str) -> None:
    folder = yaml_lines.folder(name)
    assert "/" not in folder
    assert folder not in ("", ".", "..")


def test_a_selector_of_nothing_is_an_empty_one() -> None:
    assert [*yaml_lines.selecting("podSelector", Selector(()), "  ")] == ["  podSelector: {}"]
    both = Selector((("app", "web"),), ("canary",))
    assert yaml.safe_load("\n".join(yaml_lines.selecting("podSelector", both, ""))) == {
        "podSelector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "canary", "operator": "DoesNotExist"}],
        }
    }


def test_a_list_is_cut_into_parts() -> None:
    assert yaml_lines.parts([1, 2, 3], 2) == [[1, 2], [3]]


def test_a_list_of_nothing_has_no_key() -> None:
    assert [*yaml_lines.listed("except", ["10.0.0.0/8"], "  ")] == ["  except:", '    - "10.0.0.0/8"']
    assert [*yaml_lines.listed("except", (), "  ")] == []

"""Sigma rules, read with their places; what cannot be used is refused where it stands."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect.sigma import rule
from plimsoll.detect.sigma.problems import Unusable
from tests.detect.sigma import written


def test_a_rule_has_what_is_said_of_it() -> None:
    found = written.one("a: {verb: get}\ncondition: a")
    assert (found.id, found.title, found.severity) == ("0c9b3bda-0000-4000-8000-000000000001", "A rule", "high")
    assert found.attack == ("T1609", "T1552.007")
    assert [one.name for one in found.fields] == ["verb"]


def test_without_id_and_title_the_files_name_stands_in() -> None:
    (found,) = rule.rules("logsource: {product: kubernetes}\ndetection: {a: [x], condition: a}", "mine")
    assert isinstance(found, rule.Rule)
    assert (found.id, found.title, found.severity) == ("mine", "mine", "medium")


@pytest.mark.parametrize(
    ("source", "about"),
    [
        ("{product: windows, category: process_creation}", "product windows, category process_creation"),
        ("{product: kubernetes, service: events}", "product kubernetes, service events"),
        ("{}", "nothing"),
    ],
)
def test_a_rule_about_another_log_is_foreign(source: str, about: str) -> None:
    (found,) = rule.rules(f"logsource: {source}\ndetection: 7", "x")
    assert isinstance(found, rule.Foreign)
    assert found.about == about


@pytest.mark.parametrize(
    "source",
    [
        "{product: kubernetes, service: audit}",
        "{category: application, product: kubernetes, service: audit}",
        "{application: kubernetes}",
    ],
)
def test_a_rule_about_the_audit_log_is_ours(source: str) -> None:
    (found,) = rule.rules(f"logsource: {source}\ndetection: {{a: [x], condition: a}}", "x")
    assert isinstance(found, rule.Rule)


def test_a_withdrawn_rule_is_foreign() -> None:
    (found,) = rule.rules("status: deprecated\nlogsource: {product: kubernetes}", "x")
    assert isinstance(found, rule.Foreign)


def test_a_list_of_conditions_is_any_of_them() -> None:
    found = written.one("a: {verb: get}\nb: {verb: list}\ncondition: [a, not b]")
    assert getattr(found.condition, "every", None) is False


@pytest.mark.parametrize(
    ("detection", "line", "reason"),
    [
        ("a: {verb|base64: get}\ncondition: a", 8, "verb: modifier 'base64' is not supported"),
        ("a:\n  verb|re:\n  - ok\n  - (?=x)\ncondition: a", 10, "verb: this pattern cannot be run"),
        ("a: {process.name: x}\ncondition: a", 8, "no field 'process.name'"),
        ("a: {verb: {b: c}}\ncondition: a", 8, "a value is a text, a number or a list of them"),
        ("a: {verb: []}\ncondition: a", 8, "a list without values"),
        ("a: {}\ncondition: a", 8, "a search without fields"),
        ("a: []\ncondition: a", 8, "a search without fields"),
        ("a:\ncondition: a", 8, "a search without fields"),
        ("a: {verb: get}\ncondition: b", 9, "no search is called b"),
        ("a: {verb: get}\ncondition: {b: c}", 9, "a condition is a text"),
        ("a: {verb: get}\ncondition: []", 9, "a condition is a text"),
        ("a: {verb: get}\ncondition: a | count() > 5", 9, "counting"),
        ("a: {verb: get}\ntimeframe: 5m\ncondition: a", 9, "`timeframe` is not supported"),
        ("a: {verb: get}", 8, "a rule without `condition`"),
    ],
)
def test_what_cannot_be_used_is_refused_where_it_stands(detection: str, line: int, reason: str) -> None:
    with pytest.raises(Unusable) as refused:
        written.one(detection)
    assert reason in str(refused.value)
    assert refused.value.mark.line == line


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a", "a Sigma rule is a mapping"),
        ("a: [", "did not find"),
        ("correlation: {type: event_count}", "'correlation' is not supported"),
        ("action: global\nlogsource: {product: kubernetes}", "'action' is not supported"),
        ("title: x", "a rule without `logsource`"),
        ("logsource: {product: kubernetes}", "a rule without `detection`"),
        ("logsource: {product: kubernetes}\nlevel: grave\ndetection: {a: [x], condition: a}", "level 'grave' is none"),
        ("logsource: {product: kubernetes}\ntitle: [x]\ndetection: {a: [x], condition: a}", "`title` is a text"),
        (f"logsource: {{product: kubernetes}}\ndetection: {{a: [{'x,' * 6000}], condition: a}}", "more than 200 searches"),
        ("a: &a [x]\nb: &b [" + "*a," * 999 + "]\nc: &c [" + "*b," * 999 + "]\nd: [" + "*c," * 999 + "]", "stands for too much"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason.replace("(", "\\(")):
        list(rule.rules(text, "x"))


def test_yamls_tags_make_no_objects() -> None:
    found = written.one('a: {verb: !!python/object/apply:os.system ["x"]}\ncondition: a')
    assert found.searches["a"]


@given(st.text("ab:{}[]-'|*&! \n", max_size=80))
def test_any_text_is_rules_or_is_refused(text: str) -> None:
    with suppress(Unusable):
        list(rule.rules(written.text(text), "x"))
        list(rule.rules(text, "x"))


def test_the_published_rules_are_all_taken(shared_data: Path) -> None:
    for path in sorted((shared_data / "audit-public" / "sigma").glob("*.yml")):
        (found,) = rule.rules(path.read_text(), path.stem)
        assert isinstance(found, rule.Rule)

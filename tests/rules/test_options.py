from __future__ import annotations

import pytest

from plimsoll import errors
from plimsoll.rules import options
from tests.rules.test_compile import rules


def read(text: str) -> dict[str, options.Option]:
    return options.read("options.yaml", text, rules("evt.type = open", "evt.type = close"))


def test_a_rule_is_named_or_meant_by_a_glob_and_later_entries_win() -> None:
    found = read("'*': {times: 3, minutes: 0.5, group_by: proc.name}\nr1: {times: 1, dedupe: 60, enabled: false}\n")
    assert found["r0"] == options.Option(times=3, minutes=0.5, group_by=("proc.name",))
    assert found["r1"] == options.Option(1, 0.5, ("proc.name",), 60, enabled=False)
    assert read("") == {}


def test_without_fields_what_a_container_did_counts_together() -> None:
    assert [one.columns for one in read("r0: {dedupe: 1}")["r0"].together("syscall")] == [("container.id",)]
    assert [one.columns for one in options.Option(group_by=()).together("k8s_audit")] == []


def test_options_turn_rules_on_and_off() -> None:
    made = rules("evt.type = open", "evt.type = close")
    assert [rule.enabled for rule in options.applied(made, read("r1: {enabled: false}")).rules] == [True, False]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("r0: {times: 3}", 1, "`times` wants `minutes`"),
        ("r0: {times: 0, minutes: 1}", 1, "times is a whole number from 1 to 10000"),
        ("r0: {times: 1e400, minutes: 1}", 1, "times is a whole number"),
        ("r0: {times: 2.5, minutes: 1}", 1, "times is a whole number"),
        ("r0: {dedupe: nan}", 1, "dedupe is a number"),
        ("r0: {dedupe: 1_0}", 1, "dedupe is a number"),
        ("r0: {dedupe: [1]}", 1, "dedupe is a number"),
        ("r0:\n  enabled: maybe", 2, "enabled is true or false"),
        ("r0:\n  group_by: [proc.nobody]", 2, "nonexistent field proc.nobody"),
        ("r0: {group_by: {a: b}}", 1, "'' is no field"),
        ("r0: {group_by: [tolower(fd.num)]}", 1, "takes one text"),
        (f"r0: {{group_by: [{', '.join(['proc.name'] * 21)}]}}", 1, "at most 20 fields"),
        ("\nnobody: {enabled: false}", 2, "no rule is called nobody"),
        ("r0: {often: 3}", 1, "no key often: there are times, minutes"),
        ("r0: 7", 1, "what is wanted of a rule is keys"),
        ("- r0", 1, "options are names of rules"),
        ("r0: {a: b: c}", 1, ""),
        ("&a [*a]", 1, ""),
        ("[" * 1000, 1, ""),
    ],
)
def test_a_file_that_says_something_else_is_one_clear_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(errors.InputError) as wrong:
        read(text)
    assert (wrong.value.file, wrong.value.line) == ("options.yaml", line)
    assert reason in wrong.value.reason
    assert "\n" not in str(wrong.value)

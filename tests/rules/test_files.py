from __future__ import annotations

import pytest

from plimsoll.rules import files, problems

RULE = "- {rule: r, desc: d, condition: evt.type = open, output: o, priority: warning}\n"


def read(*texts: str) -> files.Collected:
    collected = files.Collected()
    for number, text in enumerate(texts):
        collected.take(f"{number}.yaml", text)
    return collected


def refused(*texts: str) -> problems.Problem:
    with pytest.raises(problems.Refused) as wrong:
        read(*texts)
    return wrong.value.problem


def test_a_rule_defined_again_stays_where_it_was() -> None:
    collected = read(RULE + RULE.replace("rule: r", "rule: s"), RULE.replace("warning", "INFO"))
    assert [(rule.name, rule.priority) for rule in collected.rules.values()] == [
        ("r", "Informational"),
        ("s", "Warning"),
    ]


def test_appended_text_stands_behind_without_brackets() -> None:
    macro = "- {macro: m, condition: a or b}\n- {macro: m, condition: and c, override: {condition: append}}\n"
    assert read(macro).macros["m"].condition.text == "a or b and c"


def test_append_alone_still_works_and_warns() -> None:
    collected = read("- {list: l, items: [a]}\n- {list: l, items: [b], append: true}\n")
    assert collected.lists["l"].items == ["a", "b"]
    assert [problem.code for problem in collected.problems] == ["LOAD_DEPRECATED_ITEM"]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("- macro:\n  condition: a\n", "Mapping for key 'macro' is empty", 1),
        ("- rule: r\n  desc: d\n  condition: c\n  priority: info\n", "Item has no mapping for key 'output'", 1),
        (
            RULE + "- rule: r\n  append: true\n  override: {desc: append}\n  desc: x\n",
            "Keys 'override' and 'append: true'",
            2,
        ),
        (RULE + "- {rule: r, priority: info, desc: x, override: {desc: replace}}\n", "Unexpected key 'priority'", 2),
        (RULE + "- {rule: r, override: {enabled: replace}}\n", "An replace override for 'enabled'", 2),
        ("- {rule: r, condition: and c, override: {condition: append}}\n", "Rule uses 'append'", 1),
        ("- required_engine_version: seven\n", "Unable to parse engine version 'seven'", 1),
        ("- required_engine_version: 0.63.0\n", "Rules require engine version 0.63.0", 1),
        ("- required_plugin_versions: [{name: smoke, version: 1.0.0}]\n", "Plugin requirement not satisfied", 1),
        (RULE.replace("warning", "grave"), "Invalid priority 'grave'", 1),
        (RULE.replace("}", ", source: k8s_audit}") + RULE, "Rule has been re-defined with a different source", 2),
        ("rule: r\n", "Rules content is not yaml array of objects", 1),
        ("- [a]\n", "Unexpected element type", 1),
        ("a: b: c\n", "mapping values are not allowed", 1),
    ],
)
def test_an_error_ends_the_file_and_says_where(text: str, message: str, line: int) -> None:
    problem = refused(text)
    assert problem.message.startswith(message)
    assert (problem.level, problem.file, problem.line) == ("error", "0.yaml", line)
    assert problem.fix


def test_keys_of_ours_are_kept_and_others_warned_of() -> None:
    collected = read(RULE.replace("}", ", attack: [T1059], typo: 1}"))
    assert collected.rules["r"].extras == {"attack": ["T1059"]}
    assert [(problem.code, "typo" in problem.message) for problem in collected.problems] == [("LOAD_UNKNOWN_KEY", True)]


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("{fields: [proc.name]}", "Item has no mapping for key 'name'"),
        ("{name: e}", "Rule exception must have fields"),
        ("{name: e, fields: [not.exist]}", "'not.exist' is not a supported filter field"),
        ("{name: e, fields: [proc.name], comps: [oneof]}", "'oneof' is not a supported comparison operator"),
        ("{name: e, fields: [proc.name], comps: ['>= oneof']}", "'>= oneof' is not a supported comparison operator"),
        ("{name: e, fields: [proc.name], comps: [=, in]}", "Fields and comps lists must have equal length"),
        ("{name: e, fields: proc.name, comps: contains}", "When fields is a single value"),
    ],
)
def test_an_exception_that_does_not_hold_together_is_an_error(exception: str, message: str) -> None:
    assert refused(RULE.replace("}", f", exceptions: [{exception}]}}")).message.startswith(message)


def test_to_an_exception_only_values_are_appended() -> None:
    text = RULE.replace("}", ", exceptions: [{name: e, fields: [proc.name], values: [[a]]}]}")
    more = "- {rule: r, exceptions: [{name: e, values: [[b]]}], override: {exceptions: append}}\n"
    assert read(text + more).rules["r"].exceptions[0].values == [["a"], ["b"]]
    assert refused(text + more.replace("name: e", "name: e, fields: [proc.name]")).message.startswith(
        "Can not append exception fields"
    )


def test_a_rule_of_a_source_we_have_no_events_of_is_warned_of() -> None:
    collected = read(RULE.replace("}", ", source: okta}"))
    assert [problem.code for problem in collected.problems] == ["LOAD_UNKNOWN_SOURCE"]

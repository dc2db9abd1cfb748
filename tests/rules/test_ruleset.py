from __future__ import annotations

import json
import time
from pathlib import Path

import polars as pl
import pytest

from plimsoll import rules
from plimsoll.rules import ruleset, run
from tests.rules.test_compile import frame

OFFICIAL = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml", "k8s_audit_rules.yaml")


def rule(condition: str, name: str = "r", more: str = "") -> str:
    return f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n{more}"


def load(*texts: str) -> ruleset.Ruleset:
    return ruleset.load([(f"{number}.yaml", text) for number, text in enumerate(texts)])


def holds(rules: ruleset.Ruleset, **fields: object) -> bool:
    engine = run.Engine(rules, "syscall")
    return (
        engine.matches(
            frame([{name.replace("_", "."): value for name, value in fields.items()}], engine.columns)
        ).height
        > 0
    )


def test_lists_are_written_out_wherever_they_stand() -> None:
    made = load(
        "- {list: shells, items: [sh, bash]}\n- {list: more, items: [shells, 'a b']}\n"
        + rule("evt.type = open and proc.name in (more, x)")
    )
    assert made.loads
    assert all(holds(made, evt_type="open", proc_name=name) for name in ("sh", "bash", "a b", "x"))
    assert not holds(made, evt_type="open", proc_name="shells")


def test_macros_see_only_earlier_ones() -> None:
    later = load("- {macro: a, condition: b}\n- {macro: b, condition: evt.type = open}\n" + rule("a"))
    assert [problem.message for problem in later.problems if problem.level == "error"] == [
        "Undefined macro 'b' used in filter."
    ]
    assert load("- {macro: b, condition: evt.type = open}\n- {macro: a, condition: b}\n" + rule("a")).loads


def test_macros_in_a_ring_are_an_error() -> None:
    ring = load(
        "- {macro: a, condition: evt.type = open}\n- {macro: b, condition: a}\n- {macro: a, condition: b}\n" + rule("a")
    )
    assert "reference loop" in ring.problems[-1].message


def test_macros_that_double_stay_small() -> None:
    text = "- {macro: m0, condition: evt.type = open}\n" + "".join(
        f"- {{macro: m{n}, condition: m{n - 1} and m{n - 1}}}\n" for n in range(1, 40)
    )
    made = load(text + rule("m39"))
    assert made.loads
    assert holds(made, evt_type="open")


def test_an_error_in_a_condition_is_told_with_its_line_and_column() -> None:
    made = load(rule(">\n    evt.type = open\n    and proc.nobody = x"))
    problem = made.problems[-1]
    assert (problem.message, problem.line, problem.column) == (
        "filter_check called with nonexistent field proc.nobody",
        5,
        9,
    )
    assert problem.item == "rule r"


def test_what_is_unknown_costs_only_the_rule_where_it_says_so() -> None:
    made = load(rule("proc.nobody = x", more="  skip-if-unknown-filter: true\n") + rule("evt.type = open", "s"))
    assert made.loads
    assert [one.name for one in made.rules] == ["s"]
    assert made.problems[0].code == "LOAD_UNKNOWN_FILTER"


def test_exceptions_let_pass() -> None:
    text = rule(
        "evt.type = open",
        more="  exceptions:\n  - {name: e, fields: [proc.name, fd.name], comps: [=, startswith], values: [[cat, /tmp], [vi, '/a b']]}\n  - {name: f, fields: proc.name, values: [ls]}\n",
    )
    made = load(text)
    assert made.loads, made.problems
    assert not holds(made, evt_type="open", proc_name="cat", fd_name="/tmp/x")
    assert not holds(made, evt_type="open", proc_name="vi", fd_name="/a b")
    assert not holds(made, evt_type="open", proc_name="ls")
    assert holds(made, evt_type="open", proc_name="cat", fd_name="/etc")


def test_a_file_for_an_old_engine_has_no_fields_of_containers_unless_a_plugin_is_required() -> None:
    old = "- required_engine_version: 17\n" + rule("evt.type = open and container.id != host")
    assert not load(old).loads
    assert load("- required_plugin_versions: [{name: container, version: 0.4.0}]\n" + old).loads
    assert load(rule("evt.type = open and container.id != host")).loads


def test_tags_choose_rules() -> None:
    made = load(
        rule("evt.type = open", "a", "  tags: [x]\n")
        + rule("evt.type = open", "b", "  tags: [x, y]\n")
        + rule("evt.type = open", "c")
    )
    assert [one.name for one in made.chosen(["x"]).of("syscall")] == ["a", "b"]
    assert [one.name for one in made.chosen(skip=["y"]).of("syscall")] == ["a", "c"]


def test_keys_of_ours_come_in_a_table() -> None:
    made = load(rule("evt.type = open", more="  controls: ['panther:Kubernetes.X']\n  attack: [T1611]\n"))
    assert made.table().select("rule", "controls", "attack").rows() == [("r", ["panther:Kubernetes.X"], ["T1611"])]


def test_the_face_of_the_package_matches_audit_tables() -> None:
    made = rules.load(
        [
            (
                "r.yaml",
                rule(
                    "ka.req.pod.host_pid = true and not ka.user.name startswith 'system:'", more="  source: k8s_audit\n"
                ),
            )
        ]
    )
    assert made.loads
    audit = pl.DataFrame(
        {
            "user_username": ["system:a", "bob", "bob"],
            "requestObject": ['{"spec":{"hostPID":true}}', '{"spec":{"hostPID":true}}', None],
        }
    )
    assert rules.matches(made, audit).rows() == [("r", 1)]
    assert rules.lacking(made) == {}


def test_a_large_file_loads_in_a_moment() -> None:
    begun = time.process_time()
    values = [[f"n{number}", f"c{number}"] for number in range(5_000)]
    text = json.dumps(
        [
            {
                "rule": "r",
                "desc": "d",
                "condition": "evt.type = open",
                "output": "o",
                "priority": "INFO",
                "exceptions": [{"name": "e", "fields": ["proc.name", "proc.cmdline"], "values": values}],
            }
        ]
    )
    assert load(text).loads
    assert time.process_time() - begun < 20


@pytest.mark.data
def test_the_official_files_load_without_errors(shared_data: Path) -> None:
    made = ruleset.load([(name, (shared_data / "falco/rules" / name).read_text()) for name in OFFICIAL])
    assert made.loads
    assert len(made.rules) == 25 + 31 + 37 + 48
    assert {problem.code for problem in made.problems} == {"LOAD_UNSAFE_NA_CHECK"}


@pytest.mark.data
def test_files_load_or_do_not_with_the_words_of_falco(shared_data: Path) -> None:
    wrong = []
    for line in (shared_data / "falco/semantics/rule_loader_facts.jsonl").read_text().splitlines():
        row = json.loads(line)
        for one in row["loads"]:
            if not one["rules"] or one.get("falco_successful") is None:
                continue
            made = load(one["rules"])
            told = sorted((problem.code, problem.message) for problem in made.problems)
            # There Falco ran without the audit plugin.
            wanted = sorted(
                (code, text) for code, text in one["falco_errors"] + one["falco_warnings"] if "k8s_audit" not in text
            )
            wrong += [row["test"]] if (made.loads, told) != (one["falco_successful"], wanted) else []
    assert wrong == []


def test_rules_of_less_priority_can_be_left_out() -> None:
    rows = [
        {"rule": name, "desc": "d", "condition": "evt.type = open", "output": "o", "priority": name, "tags": ["t"]}
        for name in ("ERROR", "warning", "Info")
    ]
    made = load(json.dumps(rows))
    assert [rule.enabled for rule in made.chosen(priority="Warning").rules] == [True, True, False]
    assert [rule.enabled for rule in made.chosen(["t"], priority="Critical").rules] == [False] * 3

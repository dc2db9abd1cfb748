from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll import errors, flow_rules
from plimsoll.rules import options, ruleset

RULES = """
- rule: shell
  desc: a shell
  condition: evt.type = execve and proc.name in (sh, bash)
  output: shell %proc.name of %proc.pname
  priority: NOTICE
  tags: [x]
- rule: any program
  desc: a program
  condition: evt.type = execve
  output: program %proc.name
  priority: INFO
- rule: payload
  desc: a payload
  condition: evt.type = read and evt.buffer contains secret
  output: "%evt.buffer"
  priority: ERROR
- rule: exec
  desc: into a pod
  condition: ka.target.subresource = exec and jevt.value[/stage] = ResponseComplete
  output: "%ka.user.name %ka.uri.param[command]"
  priority: WARNING
  source: k8s_audit
"""
EVENTS = [
    {"evt.num": 7, "evt.type": "execve", "evt.rawtime": 1588262426779031304, "proc.name": "sh", "proc.pname": "runc"},
    {"evt.num": 8, "evt.type": "read", "evt.rawtime": 1588262426779031305, "evt.buffer": "a secret"},
    {"evt.num": 9, "evt.type": "execve", "evt.rawtime": 1588262426779031306, "proc.name": "ls"},
]
AUDIT = {
    "auditID": "a", "stage": "ResponseComplete", "verb": "create", "user": {"username": "bob"}, "kind": "Event",
    "apiVersion": "audit.k8s.io/v1", "requestURI": "/api/v1/namespaces/d/pods/p/exec?command=sh",
    "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "d", "name": "p"},
    "requestReceivedTimestamp": "2026-01-02T03:04:05.000000Z", "stageTimestamp": "2026-01-02T03:04:06.000007Z",
}  # fmt: skip
SENSOR = {"evt_source": "plimsoll", "evt_type": "execve", "time": "2026-01-02T03:04:05Z", "proc_name": "bash", "hostname": "node-7"}  # fmt: skip


@pytest.fixture
def rules() -> ruleset.Ruleset:
    made = ruleset.load([("rules.yaml", RULES)])
    assert made.loads, made.problems
    return made


def written(folder: Path, *rows: Any) -> str:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_rules_run_over_events_with_falcos_fields(tmp_path: Path, rules: ruleset.Ruleset) -> None:
    alerts = list(flow_rules.Run([written(tmp_path, *EVENTS)], rules, first=True))
    told = [(alert["rule"], alert["output_fields"]["evt.num"]) for alert in alerts]
    assert told == [("shell", 7), ("payload", 8), ("any program", 9)]
    assert alerts[0]["output"].startswith("16:00:26.779031304: Notice shell sh of runc container_id=<NA>")
    assert len(list(flow_rules.Run([written(tmp_path, *EVENTS)], rules, first=False))) == 4


def test_rules_run_over_audit_logs(tmp_path: Path, rules: ruleset.Ruleset) -> None:
    (alert,) = flow_rules.Run([written(tmp_path, AUDIT)], rules, first=False)
    assert (alert["output"], alert["source"]) == ("03:04:06.000007000: Warning bob sh", "k8s_audit")
    assert alert["output_fields"] == {
        "evt.num": 1,
        "evt.time": 1767323046000007000,
        "ka.uri.param[command]": "sh",
        "ka.user.name": "bob",
    }


def test_rules_run_over_a_sensors_activity_as_far_as_it_has_the_fields(tmp_path: Path, rules: ruleset.Ruleset) -> None:
    going = flow_rules.Run([written(tmp_path, SENSOR)], rules, first=False)
    alerts = list(going)
    assert [alert["rule"] for alert in alerts] == ["shell", "any program"]
    assert (alerts[0]["hostname"], alerts[0]["time"]) == ("node-7", "2026-01-02T03:04:05.000000000Z")
    assert going.rooms["plimsoll_activity"].engine.lacking == {"payload": ["evt.buffer"]}


OPTIONS = "any program: {dedupe: 60, group_by: [container.id]}\nshell: {enabled: false}\n"


def test_options_hold_back_what_repeats_and_say_how_often(tmp_path: Path, rules: ruleset.Ruleset) -> None:
    (tmp_path / "options.yaml").write_text(OPTIONS)
    wanted = flow_rules.read_options(str(tmp_path / "options.yaml"), rules)
    events = [EVENTS[0] | {"evt.num": at, "container.id": box} for at, box in enumerate("abaab")]
    alerts = list(flow_rules.Run([written(tmp_path, *events)], rules, first=True, wanted=wanted))
    assert [(one["output_fields"]["evt.num"], one["count"]) for one in alerts] == [(0, 1), (1, 1), (3, 2), (4, 1)]
    assert alerts[0]["first"] == alerts[0]["last"] == alerts[0]["time"]
    plain = list(flow_rules.Run([written(tmp_path, *events)], rules, first=False))
    assert not {"count", "first", "last"} & {key for alert in plain for key in alert}


def test_a_field_that_a_source_lacks_is_named_where_it_should_count_together(
    tmp_path: Path, rules: ruleset.Ruleset
) -> None:
    wanted = {"shell": options.Option(dedupe=1, group_by=("proc.env[A]", "proc.name"))}
    going = flow_rules.Run([written(tmp_path, SENSOR, SENSOR)], rules, first=True, wanted=wanted)
    assert [alert["count"] for alert in going] == [1, 1]
    assert going.rooms["plimsoll_activity"].ungrouped == ["proc.env"]


def test_lists_count_together_too(tmp_path: Path, rules: ruleset.Ruleset) -> None:
    wanted = {"exec": options.Option(dedupe=1, group_by=("ka.user.groups", "ka.user.name"))}
    one = AUDIT | {"user": {"username": "bob", "groups": ["a", "b"]}}
    going = flow_rules.Run([written(tmp_path, one, one, AUDIT)], rules, first=True, wanted=wanted)
    assert [alert["count"] for alert in going] == [1, 1, 1]


def test_broken_records_are_counted(tmp_path: Path, rules: ruleset.Ruleset) -> None:
    going = flow_rules.Run([written(tmp_path, EVENTS[0], {"evt.num": 1}, 7)], rules, first=False)
    assert len(list(going)) == 2
    assert (going.accepted, going.rejects.total) == (1, 2)


def test_where_all_rules_are_about_audit_events_so_are_records_that_look_like_nothing(tmp_path: Path) -> None:
    made = ruleset.load([("rules.yaml", "- " + RULES.rpartition("\n- ")[2])])
    going = flow_rules.Run([written(tmp_path, {"kind": 0})], made, first=False)
    assert list(going) == []
    assert (going.accepted, going.rejects.total) == (1, 0)


def test_a_file_that_is_no_text_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(errors.InputError, match="UTF-8"):
        flow_rules.read([str(path)])
    with pytest.raises(errors.InputError, match="No such file"):
        flow_rules.read([str(tmp_path / "none.yaml")])


def outcomes_of(folder: Path, document: str) -> list[flow_rules.Outcome | flow_rules.Untestable]:
    (folder / "rules.yaml").write_text(RULES)
    path = folder / "tests.yaml"
    path.write_text(document)
    return list(flow_rules.outcomes(str(path)))


def test_a_users_test_passes_or_says_what_is_missing(tmp_path: Path) -> None:
    outcomes = outcomes_of(
        tmp_path,
        "rules: [rules.yaml]\ntests:\n"
        "- {name: good, events: [{evt.type: execve, proc.name: ls}], alerts: [any program]}\n"
        "- {name: first, matching: first, events: [{evt.type: execve, proc.name: sh}], alerts: [shell]}\n"
        "- {name: bad, events: [{evt.type: execve, proc.name: ls}], alerts: [shell]}\n"
        "- {name: none, events: [], alerts: []}\n",
    )
    assert [(one.name, one.missing, one.extra) for one in outcomes if isinstance(one, flow_rules.Outcome)] == [
        ("good", (), ()),
        ("first", (), ()),
        ("bad", ("shell",), ("any program",)),
        ("none", (), ()),
    ]


@pytest.mark.parametrize(
    "document",
    [
        "a: b: c",
        "tests: []",
        "rules: [rules.yaml]\ntests: [{name: x}]",
        "rules: [rules.yaml]\ntests: [{events: [7], alerts: []}]",
        "rules: [rules.yaml]\ntests: [{events: [{evt.type: 7}], alerts: []}]",
    ],
)
def test_a_file_that_is_no_test_is_an_input_error(tmp_path: Path, document: str) -> None:
    with pytest.raises(errors.InputError):
        outcomes_of(tmp_path, document)

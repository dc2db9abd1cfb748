"""The verbs of triage as a script drives them."""

from __future__ import annotations

import json

import pytest
import yaml

from plimsoll import cli
from tests.triage import told as sample
from tests.triage.told import DAY, HOUR, MINUTE, START


@pytest.fixture
def triage(tmp_path, capsys):
    def run(*arguments, code=0):
        assert cli.run(["triage", *map(str, arguments), "--state", str(tmp_path / "state")]) == code
        return capsys.readouterr()

    return run


def alerts(tmp_path, *rows):
    path = tmp_path / "alerts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def lines(output):
    return [json.loads(line) for line in output.out.splitlines()]


def noise(first, count=4):
    return sample.every(sample.noise, range(first, first + count * HOUR, HOUR))


def test_run_prints_a_decision_a_line(triage, tmp_path):
    told = lines(triage("run", alerts(tmp_path, *noise(START)), "-o", "jsonl"))
    assert [(one["decision"], bool(one["case"]), bool(one["why"])) for one in told] == [("show", True, True)] * 4


def test_ids_of_any_script_are_printed_in_ascii(triage, tmp_path):
    output = triage("run", alerts(tmp_path, sample.noise(id="é\x7f\u202e")), "-o", "jsonl")
    assert output.out.isascii()
    assert "\x7f" not in output.out
    assert lines(output)[0]["id"] == "é\x7f\u202e"


def test_the_queue_empties_as_verdicts_come(triage, tmp_path):
    triage("run", alerts(tmp_path, *noise(START)))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    assert {"id", "title", "count", "first", "last"} <= case.keys()
    assert (case["count"], case["first"]) == (4, "2026-09-21T14:13:20.000000Z")
    verdicts = tmp_path / "verdicts.jsonl"
    verdicts.write_text(json.dumps({"case": case["id"], "verdict": "benign"}) + "\n\n")
    triage("cases", "verdict", "--file", verdicts)
    output = triage("cases", "list", "-o", "jsonl")
    assert output.out == ""
    later = lines(triage("run", alerts(tmp_path, *noise(START + DAY, 30)), "-o", "jsonl"))
    assert any(one["decision"] == "mute" and one["suppression"]["contributions"] for one in later)


def test_a_table_tells_people_the_same(triage, tmp_path):
    output = triage("run", alerts(tmp_path, *noise(START)))
    assert "4 alerts: 4 shown, 0 muted; 1 cases wait" in output.out
    assert "Disk is busy at host:mail" in triage("cases", "list").out


def muted(triage, tmp_path):
    triage("run", alerts(tmp_path, *noise(START)))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    triage("cases", "verdict", case["id"], "benign", "--by", "ann")
    told = lines(triage("run", alerts(tmp_path, *noise(START + DAY, 30)), "-o", "jsonl"))
    return next(one for one in told if one["decision"] == "mute")


def test_what_is_muted_can_be_listed_searched_and_explained(triage, tmp_path):
    one = muted(triage, tmp_path)
    assert one["case"] in triage("mute", "list").out
    assert lines(triage("mute", "list", "--search", "Disk is busy", "-o", "jsonl"))
    assert "No muted alert" in triage("mute", "list", "--search", "nowhere").out
    explained = json.loads(triage("mute", "explain", one["id"], "-o", "json").out)
    assert explained["suppression"]["would_be_loud_if"]
    assert explained["alert"]["title"] == "Disk is busy"
    assert yaml.safe_load(triage("mute", "explain", one["case"]).out)["case"] == one["case"]


def test_a_case_is_shown_with_its_signatures_alerts_and_verdicts(triage, tmp_path):
    one = muted(triage, tmp_path)
    shown = json.loads(triage("cases", "show", one["case"], "-o", "json", "--most", "3").out)
    assert (len(shown["alerts"]), shown["verdicts"][0]["by"]) == (3, "ann")
    assert shown["signatures"][0]["rule"] == "Disk is busy"


def test_undo_opens_a_case_again(triage, tmp_path):
    one = muted(triage, tmp_path)
    assert "1 verdicts undone" in triage("cases", "undo", "--by", "ann").out
    assert one["case"] in triage("cases", "list", "-o", "jsonl").out


def test_the_certificate_says_what_muting_may_hide(triage, tmp_path):
    muted(triage, tmp_path)
    assert "at 95 %" in triage("certificate").out
    told = json.loads(triage("certificate", "-o", "json").out)
    assert (told["certificate"]["share"]["missed"], told["verdicts"]) == (0, 1)


def test_exceptions_are_a_file_that_falco_reads(triage, tmp_path):
    row = {"rule": "Run shell untrusted", "priority": "Notice", "time": sample.moment(START), "uuid": "u"}
    fields = {"k8s.ns.name": "shop", "k8s.pod.name": "web-0", "proc.exepath": "/bin/sh", "proc.cmdline": "sh -c id"}
    triage("run", alerts(tmp_path, row | {"output_fields": fields}))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    triage("cases", "verdict", case["id"], "false_positive")
    [entry] = yaml.safe_load(triage("exceptions").out)
    assert (entry["rule"], entry["override"]) == ("Run shell untrusted", {"exceptions": "append"})


def test_what_is_refused_is_said_and_exits_3(triage, tmp_path):
    triage("run", alerts(tmp_path, sample.shell()))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    assert "himself" in triage("cases", "verdict", case["id"], "benign", "--by", "bob", code=3).err
    assert "no such case" in triage("cases", "verdict", "c0", "benign", code=3).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("cases", "verdict"),
        ("cases", "verdict", "c1"),
        ("cases", "verdict", "c1", "good"),
        ("cases", "undo"),
        ("cases", "undo", "--since", "yesterday"),
        ("cases", "show", "c1"),
        ("mute", "explain", "x"),
        ("cases", "list"),
        ("certificate",),
        ("run", "/nowhere/at/all"),
        ("run",),
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line_and_exits_2(triage, arguments):
    output = triage(*arguments, code=2)
    assert output.out == ""
    assert 1 <= len(output.err.splitlines()) <= 3


@pytest.mark.parametrize("content", ["nonsense\n", '{"case": 1}\n', "\xff\n"])
def test_a_bad_file_of_verdicts_takes_none(triage, tmp_path, content):
    triage("run", alerts(tmp_path, *noise(START)))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    verdicts = tmp_path / "verdicts.jsonl"
    verdicts.write_text(json.dumps({"case": case["id"], "verdict": "benign"}) + "\n" + content, encoding="latin-1")
    assert "verdicts.jsonl:2" in triage("cases", "verdict", "--file", verdicts, code=2).err
    assert lines(triage("cases", "list", "-o", "jsonl")) == [case]


def test_a_record_that_cannot_be_read_exits_3_and_is_kept(triage, tmp_path):
    path = alerts(tmp_path, sample.noise())
    path.write_text(path.read_text() + "nonsense\n")
    output = triage("run", path, "-o", "jsonl", "--rejects", tmp_path / "rejects.jsonl", code=3)
    assert len(lines(output)) == 1
    assert "1 record set aside" in output.err
    assert json.loads((tmp_path / "rejects.jsonl").read_text())["raw"] == "nonsense"


def test_triage_may_be_kept_from_muting(triage, tmp_path):
    triage("run", alerts(tmp_path, *noise(START)))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    triage("cases", "verdict", case["id"], "benign")
    told = lines(triage("run", alerts(tmp_path, *noise(START + DAY, 30)), "-o", "jsonl", "--autonomy", "demote"))
    assert {one["decision"] for one in told} == {"show"}
    assert all(one["why"][0].startswith("demoted") for one in told)


POD = """
apiVersion: v1
kind: Pod
metadata: {name: web-5d8f7c6b4-x2k4q, namespace: shop}
spec: {nodeName: n1, containers: [{name: app, image: a, securityContext: {privileged: true}}]}
"""


def test_incidents_are_told_with_the_step_that_joins_them(triage, tmp_path):
    (tmp_path / "pod.yaml").write_text(POD)
    rows = [
        sample.noise(START, workload=sample.WEB, title="Odd"),
        sample.noise(START + 1_000_000, workload="host:n1", title="Odder", severity="critical"),
    ]
    triage("run", alerts(tmp_path, *rows), "--objects", tmp_path / "pod.yaml")
    later, first = lines(triage("cases", "list", "-o", "jsonl"))
    assert (later["incident"], later["incident_cases"], later["incident_severity"]) == (first["id"], 2, "critical")
    assert "attack path: privileged container (T1611)" in later["joined"][0]
    assert "privileged container" in " ".join(triage("cases", "list").out.split())
    shown = json.loads(triage("cases", "show", first["id"], "-o", "json").out)["incident"]
    assert (shown["cases"], len(shown["why"])) == ([first["id"], later["id"]], 1)
    (tmp_path / "broken.yaml").write_text("kind: [")
    triage("cases", "list", "--objects", tmp_path / "broken.yaml", code=3)


def test_a_question_is_listed_and_answered(triage, tmp_path):
    triage("run", alerts(tmp_path, *sample.every(sample.shell, (START - 2 * DAY, START - 2 * DAY + 1))))
    [case] = lines(triage("cases", "list", "-o", "jsonl"))
    triage("cases", "verdict", case["id"], "benign", "--by", "ann")
    config = tmp_path / "context.yaml"
    config.write_text(yaml.safe_dump({"sources": [{"kind": "file", "paths": [str(tmp_path / "ticket.yaml")]}]}))
    spec = {"type": "change", "scope": [sample.WEB], "allows": ["shell"], "createdBy": "ann", "approvedBy": "eve"}
    times = {"createdAt": sample.moment(START - HOUR), "approvedAt": sample.moment(START - HOUR)}
    head = {"apiVersion": "plimsoll.dev/v1alpha1", "kind": "Ticket", "metadata": {"name": "chg-1"}}
    (tmp_path / "ticket.yaml").write_text(yaml.safe_dump(head | {"spec": spec | times}))
    minutes = (0, 1, 2, 40, 80, 120, 160)  # the first three, and one of the day by lot, are shown
    acts = [sample.shell(START + minute * MINUTE) for minute in minutes]
    triage("run", alerts(tmp_path, *acts), "--context", config)
    asked = lines(triage("questions", "-o", "jsonl"))
    assert asked
    assert "eve: did you approve of what bob did" in asked[0]["line"]
    assert "`bash`" in " ".join(triage("questions").out.split())
    one = asked[0]["case"]
    assert "himself" in triage("answer", one, "yes", "--as", "bob", code=3).err
    assert "by now" in triage("answer", one, "yes", "--as", "eve", "--acts", 9, code=3).err
    assert "stays muted" in triage("answer", one, "yes", "--as", "eve").out
    assert json.loads(triage("cases", "show", one, "-o", "json").out)["asked"]["confirmed"] == "eve"
    assert one not in triage("questions", "-o", "jsonl").out
    for each in asked[1:]:
        triage("answer", each["case"], "no", "--as", "eve")
    assert triage("questions", "--now", "2030-01-01").out == "Nothing is asked.\n"
    triage("answer", "c0", "perhaps", code=2)
    triage("questions", "--now", "yesterday", code=2)

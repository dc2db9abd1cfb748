"""Alerts through a state on disk: once each, in order of time, and nothing is forgotten between runs."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from plimsoll import errors, flow_triage
from plimsoll.posture.objects import Object
from tests.triage import told as sample
from tests.triage.told import DAY, HOUR, MINUTE, START

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(tmp_path, rows, **options):
    found = flow_triage.Run([write(tmp_path / "alerts.jsonl", rows)], tmp_path / "state", (), NOW, **options)
    return list(found), found


def answer(tmp_path, *said, by="ann", **options):
    verdicts = [flow_triage.Said(case, verdict, by=by) for case, verdict in said]
    return flow_triage.answer(tmp_path / "state", verdicts, NOW, **options)


def hourly(first, count, **more):
    return sample.every(lambda time: sample.noise(time, **more), range(first, first + count * HOUR, HOUR))


def test_every_alert_is_told_of_once_a_line(tmp_path):
    rows = hourly(START, 5)
    told, _ = run(tmp_path, [*rows, rows[0]])
    assert [one.id for one in told] == [row["id"] for row in [*rows, rows[0]]]
    assert len({one.case for one in told}) == 1


def test_an_alert_judged_again_is_told_as_before_and_counted_once(tmp_path):
    rows = hourly(START, 5)
    before, _ = run(tmp_path, rows)
    answer(tmp_path, (before[0].case, "benign"))
    again, _ = run(tmp_path, rows)
    assert again == before
    assert flow_triage.case_of(tmp_path / "state", before[0].case).count == 5


def test_order_in_the_file_does_not_matter(tmp_path):
    rows = [sample.noise(START + at * HOUR, id=str(at), subject=f"host:{at % 3}") for at in range(20)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    there, _ = run(tmp_path / "a", rows)
    back, _ = run(tmp_path / "b", rows[::-1])
    assert sorted(there) == sorted(back)


def test_a_verdict_mutes_in_the_next_run(tmp_path):
    first, _ = run(tmp_path, hourly(START, 5))
    answer(tmp_path, (first[0].case, "benign"))
    assert flow_triage.waiting(tmp_path / "state") == []
    second, _ = run(tmp_path, hourly(START + 3 * DAY, 9))
    assert any(one.mute for one in second)
    assert all(json.loads(one.reason)["suppression"]["would_be_loud_if"] for one in second if one.mute)


def muted_noise(tmp_path):
    """Noise of which one signature is muted, past its audits."""
    first, _ = run(tmp_path, hourly(START, 5))
    answer(tmp_path, (first[0].case, "benign"))
    run(tmp_path, hourly(START + DAY, 20))
    return first[0].case


def test_a_later_chain_brings_what_was_muted_back_and_says_so(tmp_path):
    muted_noise(tmp_path)
    quiet, _ = run(tmp_path, [sample.noise(START + 4 * DAY + at * MINUTE) for at in range(4)])
    assert quiet[-1].mute
    run(tmp_path, [sample.noise(START + 4 * DAY + 5 * MINUTE, title="Clear Log Activities", severity="critical")])
    [kept] = flow_triage.kept(tmp_path / "state", alert=quiet[-1].id)
    assert (kept.mute, "G2 chain" in kept.reason["why"][0]) == (False, True)
    assert quiet[-1].case in {one.case.id for one in flow_triage.waiting(tmp_path / "state")}


def test_muted_alerts_are_stored_searchable_and_counted(tmp_path):
    case = muted_noise(tmp_path)
    found = flow_triage.kept(tmp_path / "state", text="Disk is busy", mute=True)
    assert found
    assert all(one.mute and one.alert["title"] == "Disk is busy" for one in found)
    assert flow_triage.kept(tmp_path / "state", text="no such thing", mute=True) == []
    assert [one.id for one in flow_triage.muted(tmp_path / "state")] == [case]
    assert flow_triage.case_of(tmp_path / "state", case).muted == len(found)


def test_a_case_that_is_not_there_and_a_judge_of_himself_are_refused_and_the_others_taken(tmp_path):
    told, _ = run(tmp_path, [sample.shell(), sample.noise(subject="host:x")])
    answered = answer(tmp_path, ("c000", "benign"), (told[0].case, "benign"), (told[1].case, "benign"), by="bob")
    assert [one.taken for one in answered] == [False, False, True]
    assert "himself" in answered[1].why


def test_a_preview_changes_nothing(tmp_path):
    told, _ = run(tmp_path, hourly(START, 5))
    [previewed] = answer(tmp_path, (told[0].case, "benign"), dry=True)
    assert (previewed.taken, previewed.preview.alerts) == (False, 0)
    assert flow_triage.log_of(tmp_path / "state") == []
    assert len(flow_triage.waiting(tmp_path / "state")) == 1


def test_undoing_forgets_what_was_taught_and_opens_the_case_again(tmp_path):
    case = muted_noise(tmp_path)
    undone = flow_triage.undo(tmp_path / "state", "eve", NOW, by="ann")
    assert [entry.case for entry in undone] == [case]
    assert case in {one.case.id for one in flow_triage.waiting(tmp_path / "state")}
    later, _ = run(tmp_path, hourly(START + 9 * DAY, 5))
    assert not any(one.mute for one in later)
    assert flow_triage.undo(tmp_path / "state", "eve", NOW, by="ann") == []


def test_a_log_that_was_changed_teaches_nothing(tmp_path):
    muted_noise(tmp_path)
    state = tmp_path / "state"
    with flow_triage.desk.Desk(state).writing() as pen:
        [(number, value)] = pen.rows("SELECT number, value FROM log")
        pen.rows("UPDATE log SET value = ? WHERE number = ?", value.replace(b"ann", b"eve"), number)
    with pytest.raises(errors.InputError, match="not as it was said"):
        run(tmp_path, hourly(START + 9 * DAY, 5))
    with pytest.raises(errors.InputError):
        flow_triage.log_of(state)


def test_a_certificate_is_renewed_when_something_was_learned(tmp_path):
    muted_noise(tmp_path)
    certificate = flow_triage.certified(tmp_path / "state")
    assert (certificate.entries, certificate.holds, certificate.share.campaigns > 2_400) == (1, True, True)


def test_what_cannot_be_read_is_set_aside(tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'\xff\n{"a": 1}\n\n' + json.dumps(sample.noise()).encode() + b'\n{"id"')
    found = flow_triage.Run([str(path)], tmp_path / "state", (), NOW)
    assert len(list(found)) == 1
    assert (found.accepted, found.rejects.total) == (1, 3)


def test_an_array_of_alerts_is_read_as_lines_are(tmp_path):
    path = tmp_path / "alerts.json"
    path.write_text(json.dumps(hourly(START, 3), indent=2))
    assert len(list(flow_triage.Run([str(path)], tmp_path / "state", (), NOW))) == 3


TICKET = """
apiVersion: plimsoll.dev/v1alpha1
kind: Ticket
metadata: {name: chg-1}
spec:
  type: change
  scope: [shop/Deployment/web]
  allows: [shell]
  subjects: [bob]
  createdBy: ann
  createdAt: %(created)s
  approvedBy: eve
  approvedAt: %(approved)s
  until: %(until)s
"""


def papers(tmp_path, *, minutes):
    """A configuration with a change that was opened and approved so many minutes before the act."""
    times = {"created": -minutes, "approved": -minutes, "until": 24 * 60}
    text = TICKET % {name: sample.moment(START + at * MINUTE) for name, at in times.items()}
    (tmp_path / "said.yaml").write_text(text)
    config = tmp_path / "context.yaml"
    config.write_text(yaml.safe_dump({"sources": [{"kind": "file", "paths": [str(tmp_path / "said.yaml")]}]}))
    return config


@pytest.mark.parametrize(("minutes", "gate_open"), [(60, True), (1, False)])
def test_a_change_in_a_file_excuses_a_shell_that_history_knows_and_one_opened_for_it_does_not(
    tmp_path, minutes, gate_open
):
    before = sample.every(sample.shell, (START - 2 * DAY, START - 2 * DAY + MINUTE))
    told, _ = run(tmp_path, before)
    answer(tmp_path, (told[0].case, "benign"))
    acts = [sample.shell(START + at * MINUTE) for at in range(6)]
    now = dt.datetime.fromtimestamp((START + 10 * MINUTE) / 1e6, dt.UTC)
    rows = write(tmp_path / "alerts.jsonl", acts)
    found = flow_triage.Run([rows], tmp_path / "state", [papers(tmp_path, minutes=minutes)], now)
    decisions = [one.mute for one in found]
    assert (decisions[:3], decisions[4:]) == ([False] * 3, [gate_open] * 2)  # the fourth may be audited by lot
    assert found.problems == []


def test_a_source_that_says_nothing_is_told_of_and_proves_nothing(tmp_path):
    config = tmp_path / "context.yaml"
    config.write_text(yaml.safe_dump({"sources": [{"kind": "file", "paths": [str(tmp_path / "absent.yaml")]}]}))
    found = flow_triage.Run([write(tmp_path / "a.jsonl", [sample.shell()])], tmp_path / "state", [config], NOW)
    assert [one.mute for one in found] == [False]
    assert len(found.problems) == 1


RUN = """
import datetime as dt, sys
from pathlib import Path
from plimsoll import flow_triage
flow_triage.BATCH = 200
for path in sorted(Path(sys.argv[1]).glob("*.jsonl")):
    for one in flow_triage.Run([str(path)], Path(sys.argv[2]), (), dt.datetime(2026, 11, 24, tzinfo=dt.UTC)):
        print(one.id, flush=True)
"""


def test_kill_9_loses_no_alert_that_was_told_of_and_a_second_run_ends_as_an_undisturbed_one(tmp_path):
    alerts, state = tmp_path / "alerts", tmp_path / "state"
    alerts.mkdir()
    for number in range(6):
        times = range(START + number * DAY, START + number * DAY + 500 * MINUTE, MINUTE)
        write(alerts / f"{number}.jsonl", sample.every(sample.noise, times))
    command = [sys.executable, "-c", RUN, str(alerts), str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as runner:
        assert runner.stdout.readline()
        time.sleep(0.3)
        os.kill(runner.pid, signal.SIGKILL)
        told = runner.stdout.read().split("\n")[:-1]
    kept = {id_ for (id_,) in flow_triage.desk.Desk(state).rows("SELECT id FROM alerts")}
    assert set(told) <= kept
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    [case] = flow_triage.waiting(state)
    assert (case.case.count, case.case.hours) == (3_000, 6 * 9)


def asked(tmp_path):
    """Shells of bob's on a change that eve approved, past their audits; the last is muted and eve is asked."""
    told, _ = run(tmp_path, sample.every(sample.shell, (START - 2 * DAY, START - 2 * DAY + MINUTE)))
    answer(tmp_path, (told[0].case, "benign"))
    act(tmp_path, *range(8))
    for number in range(1, 5):
        found = act(tmp_path, number * 40)
        if found[0].mute:
            return found[0]
    raise AssertionError("nothing was muted")


def act(tmp_path, *minutes):
    """What became of shells so many minutes after the start, with context as it is then."""
    now = dt.datetime.fromtimestamp((START + max(minutes) * MINUTE) / 1e6, dt.UTC)
    rows = write(tmp_path / "alerts.jsonl", [sample.shell(START + at * MINUTE) for at in minutes])
    return list(flow_triage.Run([rows], tmp_path / "state", [papers(tmp_path, minutes=60)], now))


def reply(tmp_path, case, said, by, **more):
    return flow_triage.reply(tmp_path / "state", flow_triage.Reply(case, said, by, **more), NOW)


def muted_alerts(tmp_path, case):
    return [one.mute for one in flow_triage.kept(tmp_path / "state", case=case)]


def test_a_yes_of_who_approved_keeps_a_session_muted_and_is_in_the_log(tmp_path):
    muted = asked(tmp_path)
    [question] = [one for one in flow_triage.questions(tmp_path / "state") if one.case == muted.case]
    assert (question.asks, question.commands, question.untold) == ("eve", ("bash",), 0)
    assert "himself" in reply(tmp_path, muted.case, "yes", "bob")
    assert "only opened" in reply(tmp_path, muted.case, "yes", "ann")
    assert reply(tmp_path, muted.case, "yes", "eve", acts=question.acts) == ""
    assert muted.case not in {one.case for one in flow_triage.questions(tmp_path / "state")}
    run(tmp_path, [sample.noise(START + 2 * DAY)])
    assert muted.case not in {one.case.id for one in flow_triage.waiting(tmp_path / "state")}
    last = flow_triage.log_of(tmp_path / "state")[-1]
    assert (last.by, last.case, last.verdict, last.answers) == ("eve", muted.case, "confirmed", ())


def test_a_no_brings_a_session_back_as_high_with_its_alerts_until_it_is_undone(tmp_path):
    muted = asked(tmp_path)
    assert reply(tmp_path, muted.case, "no", "eve") == ""
    [back] = [one.case for one in flow_triage.waiting(tmp_path / "state") if one.case.id == muted.case]
    assert (back.severity, back.resurfaced) == ("high", "eve said no")
    assert not any(muted_alerts(tmp_path, muted.case))
    assert reply(tmp_path, muted.case, "yes", "eve") == "nothing is asked about it"
    assert not act(tmp_path, 300)[0].mute
    flow_triage.undo(tmp_path / "state", "trent", NOW, by="eve")
    assert not flow_triage.case_of(tmp_path / "state", muted.case).verdict
    assert reply(tmp_path, "c000", "no", "eve") == "no such case"


@pytest.mark.parametrize("by_clock", [False, True])
def test_what_nobody_answers_for_four_hours_comes_back_as_high_with_its_alerts(tmp_path, by_clock):
    muted = asked(tmp_path)
    due = next(one.due for one in flow_triage.questions(tmp_path / "state") if one.case == muted.case)
    if by_clock:
        moment = dt.datetime.fromtimestamp(due / 1e6, dt.UTC)
        before = flow_triage.questions(tmp_path / "state", moment - dt.timedelta(minutes=1))
        assert muted.case in {one.case for one in before}
        assert muted.case not in {one.case for one in flow_triage.questions(tmp_path / "state", moment)}
    else:
        run(tmp_path, [sample.noise(due)])
    [back] = [one.case for one in flow_triage.waiting(tmp_path / "state") if one.case.id == muted.case]
    assert (back.severity, back.resurfaced) == ("high", "eve did not confirm it in time")
    assert not any(muted_alerts(tmp_path, muted.case))


def test_questions_of_no_state_make_none(tmp_path):
    with pytest.raises(errors.InputError):
        flow_triage.questions(tmp_path / "state", NOW)
    with pytest.raises(errors.InputError):
        reply(tmp_path, "c0", "no", "eve")
    assert not (tmp_path / "state").exists()


def test_incidents_are_joined_by_the_objects_of_the_last_run_or_by_those_given(tmp_path):
    container = {"name": "app", "image": "a", "securityContext": {"privileged": True}}
    metadata = {"name": "web-5d8f7c6b4-x2k4q", "namespace": "shop"}
    spec = {"nodeName": "n1", "containers": [container]}
    objects = [Object({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})]
    rows = [
        sample.noise(START, workload=sample.WEB, title="Odd", severity="low"),
        sample.noise(START + MINUTE, workload="host:n1", title="Odder", severity="critical"),
    ]
    first, second = (one.case for one in run(tmp_path, rows)[0])
    assert len(flow_triage.incident_of(tmp_path / "state", first).cases) == 1
    assert flow_triage.incident_of(tmp_path / "state", first, objects).cases == (first, second)
    run(tmp_path, [sample.noise(START + HOUR, title="Another")], objects=objects)
    joined = flow_triage.incident_of(tmp_path / "state", second)
    assert (joined.id, joined.severity) == (first, "critical")
    assert "privileged container (T1611)" in joined.why[0]
    assert flow_triage.incident_of(tmp_path / "state", "c000") is None


def test_a_rollout_stands_beside_the_alert_and_in_its_case(tmp_path):
    row = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a1", "verb": "patch"}
    ref = {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps", "apiVersion": "v1"}
    when = sample.moment(START - 12 * MINUTE)
    times = {"stage": "ResponseComplete", "requestReceivedTimestamp": when, "stageTimestamp": when}
    uri = {"requestURI": "/apis/apps/v1/namespaces/shop/deployments/web", "responseStatus": {"code": 200}}
    event = row | times | uri | {"objectRef": ref, "user": {"username": "ann"}}
    (tmp_path / "audit.log").write_text(json.dumps(event) + "\n")
    config = tmp_path / "context.yaml"
    source = {"kind": "rollouts", "audit": [str(tmp_path / "audit.log")]}
    config.write_text(yaml.safe_dump({"sources": [source]}))
    rows = write(tmp_path / "alerts.jsonl", [sample.noise(workload=sample.WEB), sample.shell(actor="ann")])
    now = dt.datetime.fromtimestamp((START + MINUTE) / 1e6, dt.UTC)
    machine, own = flow_triage.Run([rows], tmp_path / "state", [config], now)
    assert json.loads(machine.reason)["beside"][0]["what"] == "rolled out 12 min before by ann"
    assert "beside" not in json.loads(own.reason)
    found = flow_triage.case_of(tmp_path / "state", machine.case)
    assert list(found.rollouts.values()) == ["rolled out 12 min before by ann"]

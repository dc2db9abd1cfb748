"""From files to a profile, and from files and a profile to alerts: whatever the cut, nothing is counted twice or lost."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll import demo, engines, errors, facts, flow, flow_profile, store
from plimsoll.sources import checkpoints
from plimsoll.sources import follow as following
from tests import told

HABIT = told.habit()
noted = following.Follow.commit
THEFT = told.request("list secrets", time=told.at(days=told.LATER), source_ip="203.0.113.9")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile of the shop's web pod."""
    flow.learn([str(told.log(tmp_path / "habit.log", HABIT))], tmp_path / "profile")
    return tmp_path / "profile"


def test_learning_a_log_keeps_the_facts_of_its_events(tmp_path):
    log = told.log(tmp_path / "audit.log", HABIT)
    learned = flow.learn([str(log)], tmp_path / "profile")
    assert learned.intake.as_document() == {"accepted": len(HABIT), "rejected": 0}
    assert (learned.segments, learned.known) == (1, 0)
    assert engines.digest(flow_profile.known(tmp_path / "profile")) == engines.digest(told.learned("audit", HABIT))


@given(st.lists(st.integers(0, len(HABIT)), max_size=3), st.booleans(), st.booleans())
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cut_into_files_and_runs_in_any_order_gives_one_profile(tmp_path_factory, cuts, backwards, apart):
    folder, profile = tmp_path_factory.mktemp("cut"), tmp_path_factory.mktemp("kept") / "profile"
    ends = [0, *sorted(cuts), len(HABIT)]
    parts = [told.log(folder / f"{n}.log", HABIT[a:b]) for n, (a, b) in enumerate(itertools.pairwise(ends))]
    names = [str(part) for part in (parts[::-1] if backwards else parts)]
    for run in [[name] for name in names] if apart else [names, [str(folder)]]:
        flow.learn(run, profile)
    assert engines.digest(flow_profile.known(profile)) == engines.digest(told.learned("audit", HABIT))


def test_a_segment_learned_twice_adds_nothing_even_under_another_name(tmp_path, profile):
    before = engines.digest(flow_profile.known(profile))
    again = flow.learn([str(tmp_path / "habit.log"), str(told.log(tmp_path / "copy.log", HABIT))], profile)
    assert (again.segments, again.known) == (0, 2)
    assert engines.digest(flow_profile.known(profile)) == before


def test_a_broken_line_stops_nothing_and_is_kept_with_its_reason(tmp_path):
    learned = flow.learn([str(told.log(tmp_path / "audit.log", HABIT, "{broken"))], tmp_path / "profile")
    assert learned.intake.as_document() == {"accepted": len(HABIT), "rejected": 1}
    (kept,) = learned.intake.rejects.kept
    assert (kept.line, kept.raw) == (len(HABIT) + 1, b"{broken")


def test_an_empty_file_teaches_nothing_and_is_no_segment(tmp_path):
    (tmp_path / "empty.log").touch()
    learned = flow.learn([str(tmp_path / "empty.log")], tmp_path / "profile")
    assert (learned.intake.accepted, learned.segments, learned.known) == (0, 0, 0)


def test_what_cannot_be_read_at_all_leaves_no_profile_behind(tmp_path):
    with pytest.raises(errors.InputError):
        flow.learn([str(tmp_path / "nothing.log")], tmp_path / "profile")
    assert not (tmp_path / "profile").exists()


def test_facts_that_come_in_are_added_up_before_they_are_too_many(monkeypatch):
    events = told.events("audit", HABIT)
    acts, part = facts.tally("audit", events).height, facts.of("audit", events)
    monkeypatch.setattr(flow, "REGROUP", 2 * acts)
    taught = flow.Facts()
    for _ in range(20):
        taught.take("audit", events)
        assert sum(frame.height for parts in taught._tallies.values() for frame in parts) <= 3 * acts
        assert sum(frame.height for frame in taught._facts) <= 3 * part.height
    assert taught.profile()["count"].sum() == 20 * part["count"].sum()


def test_distinct_acts_without_end_become_facts_that_are_added_up(monkeypatch):
    monkeypatch.setattr(flow, "REGROUP", 20)
    taught, stated = flow.Facts(), 0
    for one in range(30):
        events = told.events("audit", [told.request(source_ip=f"10.0.{one}.{n}") for n in range(10)])
        taught.take("audit", events)
        stated += facts.of("audit", events)["count"].sum()
        assert sum(frame.height for parts in taught._tallies.values() for frame in parts) <= 30
    assert taught.profile()["count"].sum() == stated


def test_a_profile_of_another_vocabulary_is_refused(profile):
    store.Profile.open(profile).add("0" * 64, told.learned("audit", HABIT[:1]), source="old.log", accepted=1, rejected=0, vocabulary="0")  # fmt: skip
    with pytest.raises(errors.InputError, match=r"old\.log: learned with another vocabulary"):
        flow_profile.known(profile)


def test_there_is_no_profile_where_none_was_learned(tmp_path):
    with pytest.raises(errors.InputError):
        flow_profile.known(tmp_path / "nowhere")


def test_what_was_learned_is_no_news_and_a_theft_is(tmp_path, profile):
    assert flow.detect([str(tmp_path / "habit.log")], profile, budget=9).alerts == []
    found = flow.detect([str(told.log(tmp_path / "today.log", [*HABIT, THEFT]))], profile, budget=1)
    assert [alert["evidence"] for alert in found.alerts] == [[f"a-{len(HABIT) + 1}"]]
    assert (found.intake.accepted, found.forgone) == (len(HABIT) + 1, 0)


def test_of_a_recorded_cluster_nothing_that_was_learned_is_news(tmp_path):
    with demo.recordings() as place:
        recording = str(place / "audit-learn.jsonl.zst")
        flow.learn([recording], tmp_path / "profile")
        found = flow.detect([recording], tmp_path / "profile", budget=50)
    assert found.intake.accepted > 10_000
    assert found.alerts == []


def test_without_a_profile_rules_and_the_token_ledger_judge_alone(tmp_path):
    found = flow.detect([str(told.log(tmp_path / "a.log", [*HABIT, THEFT]))], None).alerts
    assert {alert["kind"] for alert in found} <= {"ledger", "rule"}
    assert found[0]["kind"] == "ledger"


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_every_engine_finds_the_same(tmp_path, engine):
    log = told.log(tmp_path / "habit.log", HABIT)
    flow.learn([str(log)], tmp_path / "profile", engine=engine)
    today = told.log(tmp_path / "today.log", [THEFT])
    (alert,) = flow.detect([str(today)], tmp_path / "profile", budget=1, engine=engine).alerts
    assert (alert["bits"], alert["kind"]) == (30.5, "ledger")


def test_a_budget_counts_days_of_event_time(tmp_path, profile):
    doubtful = ["create pods/attach", "create pods"]
    rows = [told.request(what, time=told.at(3_600 * n, days=told.LATER)) for n, what in enumerate(doubtful)]
    log = told.log(tmp_path / "today.log", rows)
    assert len(flow.detect([str(log)], profile, budget=1).alerts) == 1
    later = told.log(tmp_path / "later.log", [told.request("list pods", time=told.at(days=told.LATER + 1))])
    assert len(flow.detect([str(log), str(later)], profile, budget=1).alerts) == 2


def test_an_approval_holds_from_the_next_run_on(tmp_path, profile):
    log = told.log(tmp_path / "today.log", [told.request("list secrets", time=told.at(days=told.LATER))])
    assert flow.detect([str(log)], profile, budget=1).alerts
    approval = store.Approval("sa:shop/*", "request", "list secrets", "ann", told.at())
    store.Profile.open(profile).state.approve(approval)
    assert flow.detect([str(log)], profile, budget=1).alerts == []


def test_a_file_is_learned_as_it_grows_and_a_restart_goes_on_where_it_was(tmp_path):
    profile, checkpoint = tmp_path / "profile", tmp_path / "checkpoint.json"
    log = told.log(tmp_path / "audit.log", HABIT[:10])
    growing = flow.learn_on(str(log), profile, checkpoint, form=None)
    assert next(growing).accepted == 10
    told.log(tmp_path / "more.log", HABIT[10:20])
    with log.open("a") as file:
        file.write((tmp_path / "more.log").read_text())
    assert next(growing).accepted == 20
    growing.close()
    told.log(tmp_path / "rest.log", HABIT[20:])
    with log.open("a") as file:
        file.write((tmp_path / "rest.log").read_text())
    restarted = flow.learn_on(str(log), profile, checkpoint, form=None)
    next(restarted)
    restarted.close()
    assert engines.digest(flow_profile.known(profile)) == engines.digest(told.learned("audit", HABIT))


def test_a_file_is_judged_as_it_grows_and_each_alert_is_told_once(tmp_path, profile):
    log = told.log(tmp_path / "audit.log", [*HABIT[:10], THEFT])
    growing = flow.detect_on(str(log), profile, tmp_path / "checkpoint.json", form=None)
    intake, fresh = next(growing)
    assert (intake.accepted, [alert["kind"] for alert in fresh]) == (11, ["ledger", "rule"])
    with log.open("a") as file:
        file.write(json.dumps(told.event(HABIT[0])) + "\n")
    assert next(growing)[1] == []
    growing.close()


@pytest.mark.parametrize(("seconds", "together"), [(60, True), (0, False)])
def test_what_waits_is_judged_together_as_far_as_the_rounds_time_goes(
    tmp_path, profile, monkeypatch, seconds, together
):
    monkeypatch.setattr(following, "BLOCK", 4096)  # some lines
    monkeypatch.setattr(following, "MUCH", 1)
    monkeypatch.setattr(flow, "GATHERED", seconds)
    log, stop = told.log(tmp_path / "audit.log", [*HABIT, THEFT]), threading.Event()
    accepted, kinds = [], []
    for intake, fresh in flow.detect_on(str(log), profile, tmp_path / "checkpoint.json", form=None, stop=stop):
        accepted.append(intake.accepted)
        kinds += [alert["kind"] for alert in fresh]
        if intake.accepted > len(HABIT):
            stop.set()
    assert (accepted == [len(HABIT) + 1]) is together
    assert (accepted[-1], kinds) == (len(HABIT) + 1, ["ledger", "rule"])


def test_what_was_gathered_and_not_judged_yet_comes_again_after_a_restart(tmp_path, profile, monkeypatch):
    monkeypatch.setattr(following, "BLOCK", 4096)
    monkeypatch.setattr(following, "MUCH", 1)
    log, stop, place = told.log(tmp_path / "audit.log", [THEFT, *HABIT]), threading.Event(), tmp_path / "place"
    monkeypatch.setattr(flow.judge.Judge, "gather", lambda *_: stop.set())  # it ends while more waits
    assert list(flow.detect_on(str(log), profile, place, form=None, stop=stop)) == []
    monkeypatch.undo()
    assert [alert["kind"] for alert in next(flow.detect_on(str(log), profile, place, form=None))[1]] == [
        "ledger",
        "rule",
    ]


def test_a_restart_loses_neither_ledger_nor_habits_and_tells_nothing_twice(tmp_path, profile):
    unknown = {"user_pod_uid": "uid-new", "user_credential_id": "JTI=new", "source_ip": "10.244.1.20"}
    first = [told.request("list pods", time=told.at(days=told.LATER), **unknown), THEFT]
    checkpoint = tmp_path / "checkpoint.json"
    log = told.log(tmp_path / "audit.log", first)
    growing = flow.detect_on(str(log), profile, checkpoint, form=None, stop=(stop := threading.Event()))
    assert [alert["kind"] for alert in next(growing)[1]] == ["ledger", "rule"]
    stop.set()
    assert list(growing) == []
    second = [row | {"time": told.at(60, days=told.LATER)} for row in (THEFT, first[0] | {"source_ip": "203.0.113.20"})]
    with log.open("a") as file:
        file.writelines(json.dumps(told.event(row)) + "\n" for row in told.numbered(second))
    (fresh, *_) = found = next(flow.detect_on(str(log), profile, checkpoint, form=None))[1]
    assert [alert["kind"] for alert in found] == ["ledger", "rule"]  # the rule's of another hour
    assert "203.0.113.20" in str(fresh["title"])
    checkpoint.with_name("checkpoint.json.memory").write_bytes(b"\xc1")
    with pytest.raises(errors.InputError, match="remove it to begin anew"):
        next(flow.detect_on(str(log), profile, checkpoint, form=None))


def test_what_was_too_dear_to_note_after_its_batch_is_noted_when_nothing_more_comes(tmp_path, profile, monkeypatch):
    monkeypatch.setattr(flow, "CHEAP", -1.0)
    log, checkpoint, stop = told.log(tmp_path / "audit.log", HABIT), tmp_path / "checkpoint.json", threading.Event()
    growing = flow.detect_on(str(log), profile, checkpoint, form=None, stop=stop)
    next(growing)
    with log.open("a") as file:
        file.write(json.dumps(told.event(THEFT)) + "\n")
    assert next(growing)[1]  # this one comes too soon after the first to be noted at once
    monkeypatch.setattr(following.Follow, "commit", lambda tail: (noted(tail), stop.set()))
    assert list(growing) == []
    assert checkpoints.load(checkpoint).offset == log.stat().st_size


def test_the_clusters_objects_say_whose_a_container_is(tmp_path):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cache-7d9c5b8f6d-x2k4q", "namespace": "shop", "uid": "u", "ownerReferences": [{"kind": "ReplicaSet", "name": "cache-7d9c5b8f6d", "controller": True}]},
        "spec": {"containers": [{"name": "redis"}]},
        "status": {"containerStatuses": [{"name": "redis", "containerID": f"containerd://{'ab' * 32}"}]},
    }  # fmt: skip
    (tmp_path / "pod.json").write_text(json.dumps(pod))
    fields = {"evt.type": "execve", "container.id": "ab" * 32, "proc.exepath": "/usr/bin/redis-server"}
    record = {"time": "2026-03-02T09:00:00Z", "rule": "r", "priority": "Notice", "output": "o", "output_fields": fields}
    (tmp_path / "falco.json").write_text(json.dumps(record) + "\n")
    flow.learn([str(tmp_path / "falco.json")], tmp_path / "p", objects=[str(tmp_path / "pod.json")])
    assert set(flow_profile.known(tmp_path / "p")["subject"]) == {"shop/Deployment/cache:redis"}
    flow.learn([str(tmp_path / "falco.json")], tmp_path / "q")
    assert set(flow_profile.known(tmp_path / "q")["subject"]) == {"host/Container/abababababab:abababababab"}


def test_maturity_is_of_those_who_behave_not_of_their_tokens(profile):
    each, pooled = flow.matured(flow_profile.known(profile))
    assert each["subject"].to_list() == ["sa:shop/web"]
    assert each["state"].to_list() == [pooled.state] == ["settling"]
    assert pl.Series(flow_profile.known(profile)["subject"]).str.starts_with("pod:").any()


def test_nothing_learned_is_no_mature_profile(tmp_path):
    (tmp_path / "empty.log").touch()
    flow.learn([str(tmp_path / "empty.log")], tmp_path / "profile")
    each, pooled = flow.matured(flow_profile.known(tmp_path / "profile"))
    assert each.is_empty()
    assert (pooled.state, pooled.mass) == ("learning", 1.0)


def test_what_was_used_becomes_roles(profile):
    assert [document["kind"] for document in flow.roles(flow_profile.known(profile))] == ["Role", "RoleBinding"]

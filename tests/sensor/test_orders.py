"""What people ask of a running agent, on a kernel kept in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.sensor.control import Question
from plimsoll.sensor.orders import Orders
from plimsoll.sensor.shapes import Mode
from tests.sensor.fakes import Bench, identity, learned


def ask(bench: Bench, question: Question) -> object:
    return Orders(bench.agent, []).answer(question)


def test_a_mode_is_set_by_glob_and_stays_through_a_restart(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    told = ask(bench, Question("set", "shop/Deployment/redis*", "prevent", also=("write",), budget=5))
    assert isinstance(told, dict)
    assert [(one["mode"], one["also"], one["budget"]) for one in told["set"]] == [("prevent", ["write"], 5)]
    assert bench.kernel.bindings[1].mode == Mode.PREVENT
    bench.profiles.close()
    assert Bench(tmp_path).redis.mode == Mode.PREVENT


def test_protected_workloads_never_go_to_prevent(tmp_path: Path) -> None:
    bench = learned(tmp_path, known={1: identity(protected=True)})
    told = ask(bench, Question("set", "*", "prevent"))
    assert isinstance(told, dict)
    assert told["refused"] == [{"subject": bench.redis.subject, "why": "protected: namespace kube-system"}]
    assert bench.kernel.bindings[1].mode == Mode.ALERT


def test_a_protected_container_of_a_workload_that_is_stopped_is_only_watched(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    ask(bench, Question("set", "*", "prevent"))
    bench.identities.known[2] = identity("redis-7d9c5b8f6d-other", protected=True)
    bench.born(2)
    assert bench.kernel.bindings[2].mode == Mode.ALERT


def test_nothing_learned_is_nothing_to_stop_by(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.born(1)
    told = ask(bench, Question("set", "*", "prevent"))
    assert isinstance(told, dict)
    assert "nothing was learned" in told["refused"][0]["why"]


def test_learning_begun_anew_takes_its_time(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    ask(bench, Question("set", "*", "learn"))
    bench.wait(30)
    assert bench.redis.mode == Mode.LEARN
    bench.wait(31)
    assert bench.redis.mode == Mode.ALERT


def test_break_glass_holds_until_it_is_lifted(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    ask(bench, Question("break-glass"))
    assert bench.kernel.settings["enforce"] is False
    bench.profiles.close()
    again = Bench(tmp_path)
    assert again.kernel.settings["enforce"] is False
    ask(again, Question("lift"))
    assert again.kernel.settings["enforce"] is True


def test_a_container_is_isolated_by_its_subject_or_its_id(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    ask(bench, Question("isolate", "shop/*"))
    assert bench.kernel.isolated == {1}
    ask(bench, Question("release", "redis-7d9c5b"))
    assert bench.kernel.isolated == set()


def test_who_is_not_here_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for question in (Question("set", "x/*", "alert"), Question("isolate", "x/*")):
        with pytest.raises(errors.InputError):
            ask(bench, question)


def test_status_tells_of_each_workload(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.kernel.hits[bench.redis.id] = 1234
    status = ask(bench, Question("status"))
    assert isinstance(status, dict)
    (row,) = status["workloads"]
    assert (row["subject"], row["mode"], row["containers"], row["hits"]) == (bench.redis.subject, "alert", 1, 1234)
    assert row["facts"] >= 4
    assert {"novelties", "drops", "maturity"} <= row.keys()
    assert {one["name"] for one in status["coverage"]} == {"exec", "files"}

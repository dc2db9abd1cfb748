"""What people ask of a running agent, on a kernel kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll import errors
from plimsoll.sensor import hashes
from plimsoll.sensor.control import Question
from plimsoll.sensor.orders import Orders
from plimsoll.sensor.shapes import Event, Kind, Mode
from tests.sensor.fakes import Bench, event, identity, learned


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
    assert status["losses"] == {"ring_full": 2}


def told(bench: Bench, *question: Any, **more: Any) -> list[dict[str, Any]]:
    rows = ask(bench, Question(*question, **more))
    assert isinstance(rows, list)
    return rows


def test_a_false_alarm_is_mended_in_place_and_that_can_be_undone(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    cli = event(Kind.EXEC, "/usr/bin/redis-cli", mode=Mode.ALERT, parent=7)
    bench.give(cli)
    (row,) = told(bench, "news", "shop/*")
    assert (row["verb"], row["object"], row["times"]) == ("exec", "/usr/bin/redis-cli", 1)
    assert len(told(bench, "allow", "shop/*", facts=(row["id"],), by="ada")) == 2  # and who started it
    exe, pair = (bench.redis.id, Kind.EXEC, cli.hash), (bench.redis.id, Kind.SPAWN, hashes.spawn(7, cli.hash))
    assert {exe, pair} <= bench.kernel.facts
    assert bench.profiles.knows(bench.redis, cli)
    bench.give(cli)
    assert len(bench.told) == 1
    assert told(bench, "news") == []
    told(bench, "disallow", "shop/*", facts=("exec /usr/bin/redis-cli",), by="bob")
    assert not {exe, pair} & bench.kernel.facts
    assert [(one["who"], one["did"]) for one in told(bench, "decisions", "shop/*")] == [
        ("bob", "disallow"), ("bob", "disallow"), ("ada", "allow"), ("ada", "allow"), ("the agent", "mode alert"),
    ]  # fmt: skip


def test_what_is_allowed_stays_through_a_restart(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    cli = event(Kind.EXEC, "/usr/bin/redis-cli", mode=Mode.ALERT)
    bench.give(cli)
    told(bench, "allow", "*", facts=("exec *",))
    bench.profiles.close()
    again = Bench(tmp_path)
    assert (again.redis.id, Kind.EXEC, cli.hash) in again.kernel.facts


def test_allowing_some_files_allows_what_they_amount_to_and_disallowing_says_what_stays(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.give(*(event(Kind.WRITE, f"/spool/{n}", mode=Mode.ALERT) for n in "abcdefgh"))
    told(bench, "allow", "*", facts=("write /spool/*",))
    assert bench.profiles.knows(bench.redis, event(Kind.WRITE, "/spool/z"))
    assert "/spool/*" in [text for text, _ in bench.kernel.patterns[bench.redis.id]]
    told(bench, "disallow", "*", facts=("write /spool/[a-d]",))
    assert "/spool/*" not in [text for text, _ in bench.kernel.patterns[bench.redis.id]]
    (row,) = told(bench, "disallow", "*", facts=("write /data/temp-13.rdb",))
    assert not row["covered"]


def test_disallowing_addresses_takes_back_the_network_they_stood_for(tmp_path: Path) -> None:
    bench = learned(tmp_path)

    def call(n: int) -> Event:
        hashed = hashes.end(f"10.0.0.{n}", 80)
        return event(Kind.CONNECT, mode=Mode.ALERT, address=f"10.0.0.{n}", port=80, protocol="tcp", hash=hashed)

    bench.give(*map(call, range(1, 4)))
    told(bench, "allow", "*", facts=("connect *",))
    network = (bench.redis.id, Kind.CONNECT_NET, hashes.network("10.0.0.0", 80))
    assert network in bench.kernel.facts
    told(bench, "disallow", "*", facts=("connect 10.0.0.1:80/tcp",))
    assert network not in bench.kernel.facts
    assert (bench.redis.id, Kind.CONNECT, hashes.end("10.0.0.2", 80)) in bench.kernel.facts


def test_a_fact_that_nobody_told_of_cannot_be_allowed(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    with pytest.raises(errors.InputError, match="told and not learned"):
        told(bench, "allow", "*", facts=("exec /bin/sh",))


def test_a_workload_set_to_alert_by_somebody_stays_there(tmp_path: Path) -> None:
    bench = learned(tmp_path, mode="prevent", prove_for=100)
    ask(bench, Question("set", "*", "alert"))
    bench.wait(1000)
    assert bench.redis.mode == Mode.ALERT


def test_a_container_that_packets_do_not_tell_is_not_said_to_be_isolated(tmp_path: Path) -> None:
    key = 5 | 1 << 63
    bench = learned(tmp_path)
    bench.identities.known[key] = identity("redis-7d9c5b8f6d-old")
    bench.born(key)
    with pytest.raises(errors.PlimsollError, match="no cgroup of version 2"):
        ask(bench, Question("isolate", "redis-7d9c5b8f6d-old"))

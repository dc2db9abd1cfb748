"""The agent: containers become workloads, learning ends, what is new is told; on a kernel kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll.sensor import hashes
from plimsoll.sensor.agent import HELD
from plimsoll.sensor.shapes import Event, Flag, Kind, Mode, Task
from tests.sensor.fakes import SERVER, SHELL, Bench, FakeKernel, event, identity, learned


def test_a_container_is_bound_to_its_workloads_profile(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.born(1, SERVER)
    assert bench.kernel.bindings[1].profile == bench.redis.id
    assert bench.kernel.bindings[1].mode == Mode.LEARN
    assert (bench.redis.id, Kind.EXEC, SERVER.hash) in bench.kernel.facts


def test_what_a_container_did_before_it_was_known_is_judged_once_it_is(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.identities.known[2] = identity("redis-7d9c5b8f6d-other")
    bench.identities.late = {2}
    shell = event(Kind.EXEC, "/bin/sh", container=2, flags=Flag.NEW | Flag.PROVISIONAL)
    bench.born(2, event(Kind.EXEC, "/usr/bin/redis-server", container=2, flags=Flag.NEW | Flag.PROVISIONAL), shell)
    assert bench.told == []
    bench.identities.late = set()
    bench.wait(0.01)
    assert [alert.title.split(" ran ")[1] for alert in bench.told] == ["/bin/sh"]
    assert bench.kernel.bindings[2].mode == Mode.ALERT


def test_what_is_too_much_to_hold_for_a_container_that_is_not_known_yet_is_counted(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.identities.known[2] = identity("redis-7d9c5b8f6d-other")
    bench.identities.late = {2}
    bench.born(2, *[event(Kind.WRITE, f"/data/{n}", container=2) for n in range(HELD + 7)])
    bench.agent.count()
    assert bench.agent.drops == 7


def test_a_workload_goes_from_learn_to_alert_by_itself_and_tells_what_is_new(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    assert bench.kernel.bindings[1].mode == Mode.ALERT
    bench.give(SHELL)
    assert len(bench.told) == 1


def test_learning_goes_on_where_it_is_all_that_was_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, mode="learn")
    bench.born(1, SERVER)
    bench.wait(10_000)
    assert bench.redis.mode == Mode.LEARN


def test_how_long_was_learned_survives_a_restart(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.born(1, SERVER)
    first.profiles.close()
    again = Bench(tmp_path)
    again.clock.now += 61
    again.agent.step()
    assert again.redis.mode == Mode.ALERT


def test_a_new_kernel_is_given_what_was_learned(tmp_path: Path) -> None:
    learned(tmp_path).profiles.close()
    again = Bench(tmp_path)
    assert (again.redis.id, Kind.EXEC, SERVER.hash) in again.kernel.facts
    assert ("/data/*", 0b111111000) in [
        (text, mask & 0b111111000) for text, mask in again.kernel.patterns[again.redis.id]
    ]


def test_facts_the_kernel_learned_while_nobody_looked_are_taken_over(tmp_path: Path) -> None:
    first = learned(tmp_path)
    kernel = FakeKernel(reopened=True)
    kernel.facts = {(first.redis.id, Kind.READ, 77)}
    first.profiles.close()
    again = Bench(tmp_path, kernel=kernel)
    assert (Kind.READ, 77) in again.profiles.learned(again.redis)


def test_a_replica_raises_no_alarm(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.identities.known[2] = identity("redis-7d9c5b8f6d-other")
    start = event(Kind.EXEC, "/usr/bin/redis-server", container=2, flags=Flag.NEW | Flag.PROVISIONAL)
    bench.born(2, start, event(Kind.WRITE, "/data/temp-7.rdb", container=2, mode=Mode.ALERT))
    assert bench.told == []


def test_the_first_start_of_a_workload_that_ran_already_is_learned(tmp_path: Path) -> None:
    kernel = FakeKernel()
    kernel.tasks = [Task(1, 10, 1, 0, 0, 0, 1, "redis-server", "/usr/bin/redis-server", SERVER.hash)]
    bench = Bench(tmp_path, kernel=kernel)
    bench.wait(61)
    assert bench.redis.mode == Mode.ALERT
    bench.identities.known[2] = identity("redis-7d9c5b8f6d-other")
    bench.born(2, event(Kind.EXEC, "/usr/bin/redis-server", container=2, flags=Flag.NEW | Flag.PROVISIONAL))
    assert bench.kernel.bindings[2].mode == Mode.LEARN
    bench.give(event(Kind.LISTEN, local_port=6379, container=2))
    assert bench.told == []
    bench.wait(61)
    assert bench.kernel.bindings[2].mode == Mode.ALERT


def test_a_profile_cannot_be_taught_a_miner(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    pool = event(Kind.CONNECT, address="203.0.113.9", port=3333, protocol="tcp", hash=9)
    bench.born(1, SERVER)
    bench.kernel.facts.add((bench.redis.id, Kind.CONNECT, 9))
    bench.give(pool)
    assert (bench.redis.id, Kind.CONNECT, 9) not in bench.kernel.facts
    assert [alert.mode for alert in bench.told] == ["learn"]


def test_an_address_of_a_known_name_is_known_before_it_is_connected_to(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def reply(address: bytes) -> bytes:
        head = b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + b"\2db\4shop\0\0\1\0\1"
        return head + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + address

    answer = event(Kind.ANSWER, payload=reply(bytes([10, 0, 0, 7])))
    bench.born(1, SERVER, answer, event(Kind.CONNECT, address="10.0.0.7", port=5432, protocol="tcp"))
    bench.wait(61)
    bench.give(event(Kind.ANSWER, mode=Mode.ALERT, payload=reply(bytes([10, 9, 9, 9]))))
    assert (bench.redis.id, Kind.CONNECT, hashes.end("10.9.9.9", 5432)) in bench.kernel.facts
    bench.give(event(Kind.CONNECT, mode=Mode.ALERT, address="10.9.9.9", port=5432, protocol="tcp"))
    assert bench.told == []


def test_a_resolver_that_tries_port_0_says_nothing(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.give(event(Kind.CONNECT, mode=Mode.ALERT, address="198.51.100.1", port=0, protocol="udp"))
    assert bench.told == []


def test_a_sandbox_is_not_judged(tmp_path: Path) -> None:
    bench = Bench(tmp_path, known={1: identity(sandbox=True)})
    bench.born(1, SERVER)
    assert 1 not in bench.kernel.bindings


def test_a_group_that_is_no_container_is_let_go(tmp_path: Path) -> None:
    bench = Bench(tmp_path, known={})
    bench.kernel.bind(5, 0, Mode.LEARN)
    bench.born(5)
    assert 5 not in bench.kernel.bindings


def test_a_container_that_goes_is_forgotten(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.give(event(Kind.GONE))
    assert bench.kernel.bindings == {}
    assert bench.agent.bound() == []


def test_the_agent_says_that_it_lives(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = bench.kernel.beats
    bench.wait(1.1)
    bench.wait(1.1)
    assert bench.kernel.beats == before + 2


OWN = event(Kind.EXEC, "/usr/bin/new", mode=Mode.ALERT, flags=Flag.NEW | Flag.WOULD_STOP)


def stopped(flags: Flag = Flag.KILLED, **more: Any) -> Event:
    return event(Kind.EXEC, "/usr/bin/new", mode=Mode.PREVENT, flags=Flag.NEW | flags, **more)


def preventing(place: Path, **more: Any) -> Bench:
    bench = learned(place, **more)
    bench.agent.switch(bench.redis, Mode.PREVENT)
    return bench


def replica(bench: Bench, key: int, **more: Any) -> None:
    bench.identities.known[key] = identity(f"redis-7d9c5b8f6d-{key}", **more)
    bench.born(key, event(Kind.EXEC, "/usr/bin/redis-server", container=key, flags=Flag.NEW | Flag.PROVISIONAL))


def test_a_new_image_of_a_workload_in_prevent_mode_is_only_told_of_until_it_is_proved(tmp_path: Path) -> None:
    bench = preventing(tmp_path, prove_for=3600)
    replica(bench, 2, image="redis:8")
    assert bench.kernel.bindings[2].mode == Mode.ALERT
    assert bench.kernel.bindings[1].mode == Mode.PREVENT
    bench.wait(3000)
    bench.give(msgspec.structs.replace(OWN, container=2))
    assert any("is new and not proved yet" in reason for reason in bench.told[-1].why)
    bench.wait(3000)
    assert bench.kernel.bindings[2].mode == Mode.ALERT  # what would be stopped begins the time anew
    bench.wait(601)
    assert bench.kernel.bindings[2].mode == Mode.PREVENT
    assert [one.did for one in bench.profiles.decisions()][:1] == ["image proved"]


def test_a_new_digest_under_the_same_name_is_a_new_image(tmp_path: Path) -> None:
    bench = preventing(tmp_path, known={1: identity(digest="sha256:aa")})
    replica(bench, 2, digest="sha256:aa")
    replica(bench, 3, digest="sha256:bb")
    assert [bench.kernel.bindings[key].mode for key in (2, 3)] == [Mode.PREVENT, Mode.ALERT]


def test_a_digest_that_comes_to_be_known_later_is_no_new_image(tmp_path: Path) -> None:
    bench = preventing(tmp_path)
    replica(bench, 2, digest="sha256:aa")
    assert bench.kernel.bindings[2].mode == Mode.PREVENT


def test_setting_prevent_again_proves_the_images_there_are(tmp_path: Path) -> None:
    bench = preventing(tmp_path)
    replica(bench, 2, image="redis:8")
    bench.agent.switch(bench.redis, Mode.PREVENT)
    assert bench.kernel.bindings[2].mode == Mode.PREVENT
    bench.profiles.close()
    again = Bench(tmp_path)
    replica(again, 3, image="redis:8")
    assert again.kernel.bindings[3].mode == Mode.PREVENT


def test_a_workload_that_may_goes_to_prevent_once_nothing_would_be_stopped_for_long_enough(tmp_path: Path) -> None:
    bench = learned(tmp_path, mode="prevent", prove_for=3600)
    bench.wait(3000)
    bench.give(OWN)
    bench.wait(3000)
    bench.give(msgspec.structs.replace(SHELL, flags=Flag.NEW | Flag.ENTERED | Flag.WOULD_STOP))
    assert bench.redis.mode == Mode.ALERT
    bench.wait(601)  # who came from outside did not count
    assert bench.redis.mode == Mode.PREVENT


def test_by_default_no_workload_goes_to_prevent_by_itself(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.wait(10_000_000)
    assert bench.redis.mode == Mode.ALERT


def test_a_container_that_ends_after_it_was_stopped_takes_its_workload_back(tmp_path: Path) -> None:
    bench = preventing(tmp_path, mode="prevent", prove_for=100)
    bench.give(stopped())
    bench.wait(5)
    bench.give(event(Kind.GONE))
    assert bench.redis.mode == Mode.ALERT
    assert bench.told[-1].title.endswith("is back in alert mode: prevention did it harm")
    assert "/usr/bin/new" in bench.told[-1].why[0]
    bench.wait(10_000)
    assert bench.redis.mode == Mode.ALERT  # until somebody says so


@pytest.mark.parametrize(
    ("flags", "pause", "since"),
    [(Flag.KILLED | Flag.ENTERED, 5, 5), (Flag.KILLED, 31, 5), (Flag.KILLED, 5, 601)],
    ids=["entered from outside", "long after", "no longer on trial"],
)
def test_attackers_cannot_end_prevention_by_ending_a_container(
    tmp_path: Path, flags: Flag, pause: float, since: float
) -> None:
    bench = preventing(tmp_path)
    bench.wait(since)
    bench.give(stopped(flags))
    bench.wait(pause)
    bench.give(event(Kind.GONE))
    assert bench.redis.mode == Mode.PREVENT


def test_a_budget_that_is_spent_right_after_the_switch_is_a_wrong_profile(tmp_path: Path) -> None:
    bench = preventing(tmp_path)
    bench.give(stopped(Flag.SUPPRESSED))
    assert bench.redis.mode == Mode.ALERT
    assert bench.kernel.bindings[1].mode == Mode.ALERT
    assert bench.profiles.decisions()[0].did == "mode alert"

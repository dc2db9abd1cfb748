"""The agent: containers become workloads, learning ends, what is new is told; on a kernel kept in memory."""

from __future__ import annotations

from pathlib import Path

from plimsoll.sensor import hashes
from plimsoll.sensor.shapes import Flag, Kind, Mode, Task
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

"""Profiles: what is learned is kept, comes back, and is judged as the kernel judges it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.sensor import hashes, profiles
from plimsoll.sensor.shapes import Kind, Mode
from tests.sensor.fakes import REDIS, Clock, event


@pytest.fixture
def kept(tmp_path: Path) -> profiles.Profiles:
    return profiles.Profiles(tmp_path, Clock().wall)


def test_a_profile_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = profiles.Profiles(tmp_path)
    redis = first.workload(REDIS)
    first.learn(redis, event(Kind.READ, "/etc/redis.conf"))
    redis.mode, redis.options = Mode.PREVENT, 2
    first.save(redis)
    first.close()
    again = profiles.Profiles(tmp_path)
    assert again.workload(REDIS) == redis
    assert again.learned(redis) == {(Kind.READ, hashes.path("/etc/redis.conf"))}


def test_who_writes_a_file_may_read_replace_and_delete_it(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    followed = kept.learn(redis, event(Kind.WRITE, "/data/dump.rdb"))
    assert {kind for kind, _ in followed} == {Kind.READ, Kind.DELETE, Kind.RENAME, Kind.LINK, Kind.CHMOD}
    assert {number for _, number in followed} == {hashes.path("/data/dump.rdb")}


def test_a_replica_with_another_process_id_is_known(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    kept.learn(redis, event(Kind.WRITE, "/data/temp-13.rdb"))
    kept.learn(redis, event(Kind.READ, "/proc/13/smaps"))
    kept.wider(redis, afresh=True)
    assert kept.knows(redis, event(Kind.WRITE, "/data/temp-99.rdb"))
    assert kept.knows(redis, event(Kind.DELETE, "/data/temp-99.rdb"))
    assert kept.knows(redis, event(Kind.READ, "/proc/99/smaps"))
    assert not kept.knows(redis, event(Kind.WRITE, "/etc/cron.d/job"))
    assert not kept.knows(redis, event(Kind.WRITE, "/proc/99/smaps"))


def test_a_program_is_known_with_the_one_that_starts_it(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    kept.learn(redis, event(Kind.EXEC, "/usr/bin/redis-server", parent=0))
    exe = hashes.path("/usr/bin/redis-server")
    assert kept.learned(redis) == {(Kind.EXEC, exe), (Kind.SPAWN, hashes.spawn(0, exe))}
    assert kept.knows(redis, event(Kind.EXEC, "/usr/bin/redis-server", parent=0))
    assert not kept.knows(redis, event(Kind.EXEC, "/usr/bin/redis-server", parent=7))


def test_loopback_and_networks_are_known(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    for last in (1, 2, 3):
        kept.learn(redis, event(Kind.CONNECT, address=f"10.0.0.{last}", port=443, protocol="tcp"))
    kept.wider(redis, afresh=True)
    assert kept.knows(redis, event(Kind.CONNECT, address="10.0.0.77", port=443, protocol="tcp"))
    assert kept.knows(redis, event(Kind.CONNECT, address="127.0.0.1", port=9, protocol="tcp"))
    assert not kept.knows(redis, event(Kind.CONNECT, address="10.0.1.1", port=443, protocol="tcp"))
    assert (Kind.CONNECT_NET, hashes.network("10.0.0.0", 443)) in kept.learned(redis)


def test_what_was_seen_is_counted_and_no_part_of_the_profile(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    kept.learn(redis, event(Kind.LISTEN, local_port=6379))
    kept.saw(redis, event(Kind.READ, "/etc/shadow", mode=Mode.ALERT))
    assert kept.counts(redis) == (1, 1)
    assert not kept.knows(redis, event(Kind.READ, "/etc/shadow"))
    kept.learn(redis, event(Kind.READ, "/etc/shadow"))
    assert kept.counts(redis) == (2, 0)


def test_facts_whose_names_were_lost_stay_learned(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    kept.adopt(redis, [(Kind.READ, 2**64 - 1)])
    assert kept.learned(redis) == {(Kind.READ, 2**64 - 1)}
    assert kept.wider(redis, afresh=True).patterns == ()


def test_hits_go_on_when_the_kernel_counts_anew(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    for hits in (10, 15, 4):
        kept.counted(redis, hits)
    assert redis.hits == 19


def test_a_workload_matures_over_a_week_without_news() -> None:
    redis = profiles.Workload(1, REDIS, Mode.LEARN, 0.0, quiet=10_000, days=7)
    assert redis.maturity.state == "mature"
    assert profiles.Workload(1, REDIS, Mode.LEARN, 0.0, quiet=10_000, days=1).maturity.state == "settling"
    assert profiles.Workload(1, REDIS, Mode.LEARN, 0.0).maturity.state == "learning"


def test_names_are_stored_whatever_they_are(kept: profiles.Profiles) -> None:
    kept.learn(kept.workload(REDIS), event(Kind.READ, "/data/\udcff\n' OR 1", hash=5))
    assert kept.counts(kept.workload(REDIS)) == (1, 0)


def test_a_file_that_is_no_profile_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / profiles.FILE).write_bytes(b"not a database, and long enough to be seen as none" * 20)
    with pytest.raises(errors.PlimsollError, match="no profile can be kept here"):
        profiles.Profiles(tmp_path)


def test_a_workload_holds_no_more_facts_than_the_bound(
    kept: profiles.Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "MOST_FACTS", 3)
    for name in "abcdef":
        kept.learn(kept.workload(REDIS), event(Kind.READ, f"/data/{name}"))
    assert kept.counts(kept.workload(REDIS)) == (3, 0)


def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    first = profiles.Profiles(tmp_path)
    redis = first.workload(REDIS)
    first.close()
    with sqlite3.connect(tmp_path / profiles.FILE) as raw:
        for column in ("armed", "stirred", "pinned"):
            raw.execute(f"ALTER TABLE workloads DROP COLUMN {column}")
    raw.close()
    assert profiles.Profiles(tmp_path).workload(REDIS) == redis


def test_a_program_and_who_started_it_are_one_novelty(kept: profiles.Profiles) -> None:
    redis = kept.workload(REDIS)
    kept.saw(redis, event(Kind.EXEC, "/bin/sh", parent=1))
    kept.saw(redis, event(Kind.READ, "/etc/shadow"))
    assert kept.counts(redis) == (0, 2)


def test_decisions_and_images_do_not_grow_for_ever(kept: profiles.Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MOST_DECISIONS", 10)
    redis = kept.workload(REDIS)
    for n in range(100):
        kept.noted("ada", "allow", REDIS, f"exec /{n}")
        kept.image(redis, f"redis:{n}")
    assert [one.what for one in kept.decisions([REDIS])][:2] == ["exec /99", "exec /98"]
    assert len(kept.decisions()) == 10
    assert kept._db.execute("SELECT count(*) FROM images").fetchone() == (profiles.MOST_IMAGES,)

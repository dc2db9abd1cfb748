"""Writers take turns; readers neither wait nor fail."""

from __future__ import annotations

import fcntl
import os
import signal
import threading

import pytest

from plimsoll import errors
from plimsoll.store import Profile, durable
from tests.store import learned
from tests.store.test_crash import writer


def test_two_writers_and_a_reader_on_the_same_directory(tmp_path):
    Profile.open(tmp_path, create=True)
    writers = [writer(tmp_path, start) for start in (0, 500_000)]
    reader, seen, rounds = Profile.open(tmp_path), 0, 0
    for process in writers:
        process.stdout.readline()
    while rounds < 60:
        facts = learned.merge(reader.facts())
        assert facts["count"].unique().to_list() == [1]
        assert facts.height >= seen
        assert int(reader.state.get("last")) >= 0
        seen, rounds = facts.height, rounds + 1
    for process in writers:
        process.send_signal(signal.SIGTERM)
    reported = sum(len(process.communicate()[0].splitlines()) for process in writers)
    assert learned.merge(reader.facts()).height >= reported > 0


def test_threads_take_turns_too(profile):
    def learn():
        for number in range(20):
            learned.learn(profile, number)
        profile.compact(learned.merge)

    threads = [threading.Thread(target=learn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts = learned.merge(profile.facts())
    assert facts.height == 20
    assert facts["count"].sum() == 20


def test_a_writer_that_waits_too_long_says_so(profile, monkeypatch):
    monkeypatch.setattr(durable, "WAIT_SECONDS", 0.05)
    with (profile.path / durable.LOCK).open("ab") as other:
        fcntl.flock(other.fileno(), fcntl.LOCK_EX)
        with pytest.raises(errors.PlimsollError, match="another process is writing"):
            learned.learn(profile, 1)
        assert profile.facts().collect().height == 0
        assert Profile.open(profile.path).segments() == []
    assert learned.learn(profile, 1)


def test_a_reader_looks_again_when_a_file_vanishes_before_it_is_opened(profile, monkeypatch):
    for number in range(3):
        learned.learn(profile, number)
    listed = Profile._steadily
    calls = iter([True])

    def compacted_meanwhile(self, read):
        def racing(merged):
            if next(calls, False):
                profile.compact(learned.merge)
            return read(merged)

        return listed(self, racing)

    monkeypatch.setattr(Profile, "_steadily", compacted_meanwhile)
    assert learned.merge(profile.facts()).height == 3


def test_readers_need_no_right_to_write(profile):
    learned.learn(profile, 1)
    if os.geteuid() != 0:
        profile.path.chmod(0o500)
    try:
        assert Profile.open(profile.path).facts().collect().height == 1
    finally:
        profile.path.chmod(0o700)

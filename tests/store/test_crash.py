"""Nothing that was reported as learned is lost: not by `kill -9`, not by a full disk."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.store import Profile
from tests.store import learned

KILLS = int(os.environ.get("PLIMSOLL_KILLS", "20"))

WRITER = """
import sys
from tests.store import learned
from plimsoll.store import Profile

profile = Profile.open(sys.argv[1], create=True)
for number in range(int(sys.argv[2]), 1_000_000):
    learned.learn(profile, number)
    profile.state.put("last", str(number))
    print(number, flush=True)
    if number % 5 == 0:
        profile.compact(learned.merge)
"""


def writer(directory: Path, start: int) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory), str(start)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, "POLARS_MAX_THREADS": "1"},
    )


def killed(directory: Path, start: int, after: float) -> list[int]:
    """Let a writer learn, kill it some time after its first report, and return what it reported."""
    with writer(directory, start) as process:
        first = process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    return [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith(b"\n")]


def test_kill_9_at_any_moment_loses_nothing_that_was_reported(tmp_path):
    dice, reported = random.Random(), set()
    for _ in range(KILLS):
        told = killed(tmp_path, max(reported, default=-1) + 1, dice.uniform(0, 0.15))
        reported.update(told)
        profile = Profile.open(tmp_path)
        profile.check()
        found = {int(thing) for thing in learned.merge(profile.facts())["object"]}
        assert reported <= found
        assert len(found - reported) <= KILLS  # each writer may have finished one more than it could tell
        assert sorted(segment.digest for segment in profile.segments()) == sorted(map(learned.digest, found))
        assert int(profile.state.get("last")) >= max(reported)
    assert learned.merge(profile.facts())["count"].unique().to_list() == [1]
    Profile.open(tmp_path, create=True)
    assert not list(tmp_path.rglob("*.tmp"))


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse to write beyond a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(profile: Profile) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in profile.path.rglob("*.parquet")}


def test_what_cannot_be_written_leaves_the_profile_as_it_was(profile):
    for number in range(2):
        learned.learn(profile, number)
    before = contents(profile)
    with files_of_at_most(500):
        for write in (lambda: learned.learn(profile, 2), lambda: profile.compact(learned.merge)):
            with pytest.raises(errors.PlimsollError, match=r"cannot be written: File too large") as refused:
                write()
            assert "\n" not in str(refused.value)
        with pytest.raises(errors.PlimsollError, match=r"state\.sqlite"):
            profile.state.put("key", "value")
    assert contents(profile) == before
    assert not list(profile.path.rglob("*.tmp"))
    assert profile.state.get("key") is None
    assert learned.learn(profile, 2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_one_clear_line_and_loses_nothing(small_disk):
    profile = Profile.open(small_disk / "profile", create=True)
    reported = []
    with pytest.raises(errors.PlimsollError, match="No space left on device") as full:  # noqa: PT012
        for number in range(1000):
            learned.learn(profile, number)
            reported.append(str(number))
    assert "\n" not in str(full.value)
    reader = Profile.open(profile.path)
    assert sorted(learned.merge(reader.facts())["object"]) == sorted(reported)
    assert not list(profile.path.rglob("*.tmp"))


def test_no_profile_can_be_made_where_nothing_may_be_written(tmp_path):
    with files_of_at_most(0), pytest.raises(errors.PlimsollError, match=r"cannot be written|state\.sqlite"):
        Profile.open(tmp_path / "profile", create=True)
    with pytest.raises(errors.InputError, match="no profile here"):
        Profile.open(tmp_path / "profile")
    Profile.open(tmp_path / "profile", create=True)


def test_a_file_where_the_profile_should_be_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(errors.PlimsollError, match="cannot be written"):
        Profile.open(tmp_path / "file", create=True)

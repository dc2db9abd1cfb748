"""What rules ask for is told by the kernel each time, known or not, and teaches and alarms nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.sensor import pins, wanted
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Event, Flag, Kind, Mode
from plimsoll.sensor.wanted import Places, Wanted
from tests.sensor.boxes import Box, learn_by_default, needs_runc, until

PROFILE = 9


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ("execveat", {Kind.EXEC}),
        ("sendmsg", {Kind.CONNECT}),
        ("accept4", {Kind.ACCEPT}),
        ("listen", {Kind.LISTEN}),
        ("openat", {Kind.READ, Kind.WRITE}),
        ("renameat2", {Kind.DELETE, Kind.RENAME, Kind.LINK, Kind.CHMOD, Kind.WRITE}),
        ("setns", {Kind.SYSCALL}),
        ("futex", set()),
    ],
)
def test_events_are_kinds_of_acts(event: str, kinds: set[Kind]) -> None:
    assert wanted.kinds(Wanted((event,))) == sum(1 << kind for kind in kinds)


def test_paths_are_patterns_that_leave_nothing_out() -> None:
    asked = Wanted(read=Places(prefixes=("/etc",)), write=Places(any=True), change=Places(paths=("/x",)))
    found = dict(wanted.patterns(asked))
    assert found["/*"] == 1 << Kind.READ | 1 << Kind.WRITE
    assert found["/*/**"] == 1 << Kind.READ | 1 << Kind.WRITE
    assert found["/x"] & 1 << Kind.DELETE
    assert wanted.patterns(Wanted(("execve",))) == []


@pytest.fixture
def sensor() -> Iterator[Kernel]:
    pin = Path(f"/sys/fs/bpf/plimsoll-wanted-{os.getpid()}")
    found = Kernel(pin=pin)
    learn_by_default(found)
    yield found
    found.close(unpin=True)
    pins.remove_all(pin)


@pytest.fixture
def box(sensor: Kernel, tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, f"plimsoll-wanted-{os.getpid()}")
    made.start()
    sensor.bind(made.key, PROFILE, Mode.LEARN, budget=0)
    until(sensor, lambda _: False, 0.3)
    yield made
    made.stop()


def own(sensor: Kernel, box: Box) -> list[Event]:
    return [one for one in until(sensor, lambda _: False, 0.4) if one.container == box.key]


SCRIPT = "/bin/cat /etc/shadow /etc/passwd; echo x > /data/a; /bin/mv /data/a /data/b; /bin/rm /data/b; /bin/nc -w 1 203.0.113.9 80"


@needs_runc
@pytest.mark.parametrize("mode", [Mode.LEARN, Mode.ALERT, Mode.PREVENT])
def test_what_is_known_is_told_where_rules_ask_for_it(sensor: Kernel, box: Box, mode: Mode) -> None:
    (box.root / "etc/passwd").write_text("")
    box.shell(SCRIPT)
    own(sensor, box)
    sensor.set_mode(PROFILE, mode)
    box.shell(SCRIPT)
    assert own(sensor, box) == []
    facts = sensor.allowed(PROFILE)
    asked = Wanted(
        ("execve", "openat", "unlink", "unlinkat", "rename", "renameat2", "connect"),
        read=Places(paths=("/etc/shadow",)),
        change=Places(prefixes=("/data/",)),
    )
    sensor.want(wanted.kinds(asked), wanted.patterns(asked))
    for _ in range(2):
        box.shell(SCRIPT)
        told = own(sensor, box)
        assert not [one for one in told if Flag.NEW in one.flags]
        assert [one.path for one in told if one.kind == Kind.EXEC] == [
            "/bin/sh",
            "/bin/cat",
            "/bin/mv",
            "/bin/rm",
            "/bin/nc",
        ]
        assert {one.path for one in told if one.kind == Kind.READ} == {"/etc/shadow"}
        assert {one.path for one in told if one.kind == Kind.DELETE} == {"/data/a", "/data/b"}
        assert [(one.address, one.port) for one in told if one.kind == Kind.CONNECT] == [("203.0.113.9", 80)]
    assert sensor.allowed(PROFILE) == facts
    sensor.want(0)
    box.shell(SCRIPT)
    assert own(sensor, box) == []


@needs_runc
def test_what_is_new_is_told_each_time_and_is_news_once(sensor: Kernel, box: Box) -> None:
    box.shell("true")
    own(sensor, box)
    sensor.set_mode(PROFILE, Mode.ALERT)
    sensor.want(wanted.kinds(Wanted(("execve",))))
    box.shell("for n in 1 2 3; do /bin/touch /data/x; done")
    told = [one for one in own(sensor, box) if one.kind == Kind.EXEC and one.path == "/bin/touch"]
    assert [Flag.NEW in one.flags for one in told] == [True, False, False]


@needs_runc
def test_a_flood_of_what_rules_ask_for_is_counted(sensor: Kernel, box: Box) -> None:
    script = "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); : < /etc/shadow; done"
    box.shell(script)
    own(sensor, box)
    asked = Wanted(("openat",), read=Places(paths=("/etc/shadow",)))
    sensor.want(wanted.kinds(asked), wanted.patterns(asked))
    before = sensor.drops().get(box.key, 0)
    box.shell(script)
    told = len([one for one in own(sensor, box) if one.path == "/etc/shadow"])
    assert told + sensor.drops().get(box.key, 0) - before == 9000

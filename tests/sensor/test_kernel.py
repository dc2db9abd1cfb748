from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.errors import PlimsollError
from plimsoll.sensor import building, calls, hashes, kernel, pins
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Event, Flag, Kind, Loss, Mode, Option
from tests.sensor.boxes import Box, kinds, learn_by_default, needs_kernel, needs_runc, until

PROFILE = 7


@pytest.fixture
def pin() -> Iterator[Path]:
    place = Path(f"/sys/fs/bpf/plimsoll-test-{os.getpid()}")
    yield place
    pins.remove_all(place)


@pytest.fixture
def sensor(pin: Path) -> Iterator[Kernel]:
    found = Kernel(pin=pin)
    learn_by_default(found)
    yield found
    found.close(unpin=True)


@pytest.fixture
def box(sensor: Kernel, tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, f"plimsoll-test-{os.getpid()}")
    made.start()
    sensor.bind(made.key, PROFILE, Mode.LEARN, budget=0)
    until(sensor, lambda _: False, 0.3)
    yield made
    made.stop()


def new(events: list[Event], kind: Kind) -> list[Event]:
    return [one for one in events if one.kind == kind and Flag.NEW in one.flags]


def told(sensor: Kernel, seconds: float = 0.3) -> list[Event]:
    """What is told of our own containers: others run on this machine too."""
    own = {container for container, binding in sensor.bound().items() if not binding.provisional}
    return [one for one in until(sensor, lambda _: False, seconds) if one.container in own]


def test_without_the_object_the_error_names_the_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(building, "OBJECT", tmp_path / "absent.o")
    with pytest.raises(PlimsollError, match=r"not built"):
        Kernel(pin=None)


@needs_kernel
def test_every_group_works_where_tracefs_and_cgroups_are(sensor: Kernel) -> None:
    assert [one for one in sensor.coverage if not one.working] == []


@needs_kernel
def test_what_was_not_asked_for_is_not_covered() -> None:
    found = Kernel(pin=None, probes=["exec", "seed"])
    assert {one.name for one in found.coverage if one.working} == {"exec", "seed"}
    found.close()


@needs_runc
def test_a_container_is_told_before_its_first_program_and_the_runtime_is_not_judged(
    sensor: Kernel, tmp_path: Path
) -> None:
    made = Box(tmp_path, f"plimsoll-born-{os.getpid()}")
    try:
        made.start()
        events = until(sensor, lambda one: one.kind == Kind.EXEC)
        key = made.key
    finally:
        made.stop()
    own = [one for one in events if one.container == key]
    assert [one.kind for one in own[:3]] == [Kind.BORN, Kind.JOINED, Kind.EXEC]
    assert Flag.PROVISIONAL in own[2].flags
    assert Flag.ENTERED not in own[2].flags
    assert (own[2].path, own[2].pid_in_ns) == ("/bin/sh", 1)
    assert not [one for one in events if one.exe and "runc" in one.exe]


@needs_runc
def test_what_was_learned_once_is_told_once_and_then_known(sensor: Kernel, box: Box) -> None:
    script = "cat /etc/shadow; echo x > /data/a; mv /data/a /data/../data/b; cd /data; rm b; /bin/script"
    box.shell(script)
    first = told(sensor)
    assert kinds(first, Kind.READ) == ["/etc/shadow", "/bin/script"]
    assert "/data/a" in kinds(first, Kind.DELETE)
    assert "/data/b" in kinds(first, Kind.DELETE)
    assert {"/data/a", "/data/b"} <= set(kinds(first, Kind.WRITE))
    (entered,) = [one for one in first if Flag.ENTERED in one.flags]
    assert (entered.path, entered.args) == ("/bin/sh", ("/bin/sh", "-c", script))
    (shebang,) = [one for one in first if Flag.SCRIPT in one.flags]
    assert (shebang.path, shebang.exe, shebang.cwd) == ("/bin/script", "/bin/sh", "/data")
    assert {one.hash for one in first if one.kind == Kind.READ} == {
        hashes.path("/etc/shadow"),
        hashes.path("/bin/script"),
    }
    box.shell(script)
    assert told(sensor) == []
    counted = sensor.counters()[PROFILE]
    assert counted.facts == len(sensor.allowed(PROFILE))
    assert counted.hits > 0


@needs_runc
def test_prevent_kills_before_the_first_instruction_and_refuses_connections(sensor: Kernel, box: Box) -> None:
    box.shell("/bin/true; nc -w 1 203.0.113.9 80")
    told(sensor)
    sensor.set_mode(PROFILE, Mode.PREVENT)
    done = box.shell(
        "/bin/true && echo lives; /bin/touch /data/forbidden; nc -w 1 203.0.113.9 4444; nc -w 1 203.0.113.9 80; echo end"
    )
    events = told(sensor)
    assert done.stdout == b"lives\nend\n"
    assert b"Operation not permitted" in done.stderr
    assert not (box.root / "data/forbidden").exists()
    (killed,) = [one for one in events if Flag.KILLED in one.flags]
    (denied,) = [one for one in events if Flag.DENIED in one.flags]
    assert (killed.path, denied.address, denied.port, denied.protocol) == ("/bin/touch", "203.0.113.9", 4444, "tcp")
    assert sensor.counters()[PROFILE][4:6] == (1, 1)


@needs_runc
def test_a_thousand_forbidden_programs_never_run(sensor: Kernel, box: Box) -> None:
    box.shell("i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; /bin/true")
    told(sensor)
    sensor.set_mode(PROFILE, Mode.PREVENT)
    began = time.monotonic()
    box.shell("i=0; while [ $i -lt 1000 ]; do /bin/touch /data/forbidden-$i; i=$((i+1)); done")
    events = told(sensor)
    assert list((box.root / "data").glob("forbidden-*")) == []
    assert sensor.counters()[PROFILE].kills == 1000
    assert (
        len([one for one in events if Flag.KILLED in one.flags]) <= time.monotonic() - began + 2
    )  # the same thing is told once a second


@needs_runc
@pytest.mark.parametrize("reason", ["break glass", "a silent agent", "alert mode"])
def test_a_dry_run_says_what_would_be_stopped(sensor: Kernel, box: Box, reason: str) -> None:
    if reason == "alert mode":
        sensor.set_mode(PROFILE, Mode.ALERT)
    else:
        sensor.set_mode(PROFILE, Mode.PREVENT)
        silence = 0.2 if reason == "a silent agent" else 0.0
        sensor.control(enforce=reason != "break glass", max_silence=silence, default_mode=Mode.LEARN)
        time.sleep(0.3)
    assert box.run("/bin/touch /data/ran").returncode == 0
    assert (box.root / "data/ran").exists()
    (would, *_) = new(told(sensor), Kind.EXEC)
    assert Flag.WOULD_STOP in would.flags
    if reason == "a silent agent":
        sensor.control(enforce=True, max_silence=60, default_mode=Mode.LEARN)  # is a sign of life too
        assert box.run("/bin/rm /data/ran").returncode != 0


@needs_runc
def test_a_budget_bounds_what_is_stopped_but_not_how_often(sensor: Kernel, box: Box) -> None:
    sensor.bind(box.key, PROFILE, Mode.PREVENT, budget=2)
    box.run("/bin/mkdir /data/one")
    box.run("/bin/mkdir /data/one")
    box.run("/bin/touch /data/two")
    box.run("/bin/cp /etc/shadow /data/three")
    assert {path.name for path in (box.root / "data").iterdir()} == {"three"}
    assert [one.path for one in told(sensor) if Flag.SUPPRESSED in one.flags and one.kind == Kind.EXEC] == ["/bin/cp"]
    assert sensor.counters()[PROFILE].suppressed >= 1


@needs_runc
def test_writes_are_stopped_only_where_asked(sensor: Kernel, box: Box) -> None:
    box.shell("cat /etc/shadow")
    sensor.set_mode(PROFILE, Mode.PREVENT)
    box.shell("echo x > /data/allowed")
    assert (box.root / "data/allowed").read_text() == "x\n"
    sensor.set_mode(PROFILE, Mode.PREVENT, Option.KILL_WRITE)
    box.shell("echo x > /data/stopped")
    assert (box.root / "data/stopped").read_text() == ""  # made, but not written


@needs_runc
def test_patterns_cover_what_they_say(sensor: Kernel, box: Box) -> None:
    box.shell("cat /etc/shadow")
    sensor.set_patterns(
        PROFILE, [("/data/*", 1 << Kind.WRITE), ("/tmp/**", 1 << Kind.WRITE), ("/data/*/log", 1 << Kind.WRITE)]
    )
    (box.root / "data/sub").mkdir()
    (box.root / "tmp/deep/er").mkdir(parents=True)
    sensor.set_mode(PROFILE, Mode.ALERT)
    told(sensor)
    box.shell(
        "echo > /data/x; echo > /data/sub/log; echo > /tmp/deep/er/x; echo > /tmp/y; echo > /data/sub/other; echo > /etc/cron.d/job"
    )
    assert kinds(told(sensor), Kind.WRITE) == ["/data/sub/other", "/etc/cron.d/job"]
    sensor.set_patterns(PROFILE, [])
    box.shell("echo > /data/x")
    assert kinds(told(sensor), Kind.WRITE) == ["/data/x"]


@needs_runc
def test_a_known_file_under_another_name_is_another_file(sensor: Kernel, box: Box) -> None:
    (box.root / "etc/passwd").write_text("")
    box.shell("cat /etc/passwd; cat /etc/passwd")
    sensor.set_mode(PROFILE, Mode.ALERT)
    told(sensor)
    os.link(box.root / "etc/passwd", box.root / "data/same-inode")
    box.shell("cat /etc/passwd /data/same-inode")
    assert kinds(told(sensor), Kind.READ) == ["/data/same-inode"]


@needs_runc
def test_a_connection_is_known_by_end_network_or_port(sensor: Kernel, box: Box) -> None:
    box.shell("nc -w 1 203.0.113.1 1")
    sensor.set_mode(PROFILE, Mode.ALERT)
    sensor.allow(
        [
            (PROFILE, Kind.CONNECT, hashes.end("203.0.113.2", 2)),
            (PROFILE, Kind.CONNECT_NET, hashes.network("203.0.113.0", 3)),
        ]
    )
    sensor.allow([(PROFILE, Kind.CONNECT_PORT, hashes.port(4))])
    told(sensor)
    for end in ("1 1", "2 2", "3 3", "4 4", "2 9", "3 9", "4 9"):
        box.shell(f"nc -w 1 203.0.113.{end}")
    assert [f"{one.address} {one.port}" for one in told(sensor) if one.kind == Kind.CONNECT] == [
        "203.0.113.2 9",
        "203.0.113.3 9",
        "203.0.113.4 9",
    ]


@needs_runc
def test_who_listens_and_who_calls_is_told(sensor: Kernel, box: Box) -> None:
    box.shell("nc -l -p 8080 > /dev/null & until echo hello | nc -w 1 127.0.0.1 8080; do sleep 0.1; done")
    events = told(sensor)
    assert [one.local_port for one in events if one.kind == Kind.LISTEN] == [8080]
    (call,) = [one for one in events if one.kind == Kind.ACCEPT]
    assert (call.address, call.local_port) == ("127.0.0.1", 8080)
    assert call.hash == hashes.network("127.0.0.1", 8080)


@needs_runc
def test_an_isolated_container_reaches_only_itself_and_its_probes(sensor: Kernel, box: Box) -> None:
    server = (
        "import socket\ns=socket.create_server(('', 9090))\nwhile True:\n c,_=s.accept(); c.sendall(b'x'); c.close()"
    )
    ask = "import socket,sys; s=socket.create_connection((sys.argv[1], 9090), 2); print(s.recv(1))"
    link = ["ip", "addr", "add", "198.51.100.1/32", "dev", "lo"]
    inside = ["nsenter", "-t", str(box.pid), "-n"]
    join = ["sh", "-c", f'echo $$ > {box.cgroup}/cgroup.procs; exec "$@"', "-"]
    subprocess.run([*inside, *link], check=True)
    serving = subprocess.Popen([*join, *inside, sys.executable, "-c", server])
    try:

        def reach(address: str) -> bool:
            asked = subprocess.run([*inside, sys.executable, "-c", ask, address], capture_output=True, check=False)
            return not asked.returncode

        end = time.monotonic() + 20
        while not reach("198.51.100.1"):  # the server starts
            assert time.monotonic() < end
        sensor.isolate(box.key, on=True)
        assert not reach("198.51.100.1")
        assert reach("127.0.0.1")
        sensor.isolate(box.key, on=True, probes=["198.51.100.1"])
        assert reach("198.51.100.1")
        sensor.isolate(box.key, on=False)
        assert reach("198.51.100.1")
    finally:
        serving.kill()
        serving.wait()


@needs_runc
def test_a_program_that_is_not_of_the_image_is_another_program(sensor: Kernel, tmp_path: Path) -> None:
    made = Box(tmp_path, f"plimsoll-overlay-{os.getpid()}", overlay=True)
    try:
        made.start()
        sensor.bind(made.key, PROFILE, Mode.LEARN)
        told(sensor)
        made.shell("/bin/true; cp /bin/busybox /tmp/true; /tmp/true")
        own = {one.path: one for one in told(sensor) if one.kind in (Kind.EXEC, Kind.SPAWN)}
        assert Flag.UPPER_LAYER not in own["/bin/true"].flags
        assert Flag.UPPER_LAYER in own["/tmp/true"].flags
        sensor.set_mode(PROFILE, Mode.PREVENT)
        assert made.shell("/bin/true; /tmp/true && echo ran").stdout == b"ran\n"
        made.shell("cp /bin/true /tmp/x; mv /tmp/x /bin/true; /bin/true || echo no")
        assert [one.path for one in told(sensor) if Flag.KILLED in one.flags] == ["/bin/true"]
    finally:
        made.stop()


@needs_runc
def test_one_container_cannot_drown_another(sensor: Kernel, box: Box, tmp_path: Path) -> None:
    other = Box(tmp_path, f"plimsoll-other-{os.getpid()}")
    try:
        other.start()
        sensor.bind(other.key, PROFILE + 1, Mode.LEARN)
        told(sensor)
        box.shell("i=0; while [ $i -lt 9000 ]; do echo > /data/$i; i=$((i+1)); done")
        assert other.shell("cat /etc/shadow").returncode == 0
        events = until(sensor, lambda one: one.container == other.key and one.path == "/etc/shadow")
        assert "/etc/shadow" in [one.path for one in events if one.container == other.key]
        drops = sensor.drops()
        written = len([one for one in events + told(sensor) if one.kind == Kind.WRITE and one.container == box.key])
        assert drops.keys() <= {box.key}
        assert written + drops.get(box.key, 0) == 9000
        assert sensor.counters()[PROFILE].facts == len(sensor.allowed(PROFILE))  # what was not told was not learned
    finally:
        other.stop()


@needs_runc
def test_a_flood_that_nobody_reads_leaves_room_for_others(sensor: Kernel, box: Box, tmp_path: Path) -> None:
    other = Box(tmp_path, f"plimsoll-quiet-{os.getpid()}")
    try:
        other.start()
        sensor.bind(other.key, PROFILE + 1, Mode.LEARN)
        told(sensor)
        long = "/".join("x" * 200 for _ in range(4))  # so that fewer files fill the ring
        box.shell(f"mkdir -p /data/{long}; cd /data/{long}; i=0; while [ $i -lt 8000 ]; do echo > $i; i=$((i+1)); done")
        assert other.shell("cat /etc/shadow").returncode == 0
        events = told(sensor, 5)
        assert "/etc/shadow" in [one.path for one in events if one.container == other.key]
        written = len([one for one in events if one.kind == Kind.WRITE and one.container == box.key])
        assert written + sensor.drops()[box.key] >= 8000
        assert sensor.drops().keys() == {box.key}
        assert sensor.losses().keys() == {Loss.OVER_SHARE}
        assert sensor.counters()[PROFILE].facts == len(sensor.allowed(PROFILE))
    finally:
        other.stop()


@needs_runc
def test_a_restarted_agent_finds_everything_as_it_was(pin: Path, tmp_path: Path) -> None:
    first = Kernel(pin=pin)
    learn_by_default(first)
    made = Box(tmp_path, f"plimsoll-restart-{os.getpid()}")
    try:
        made.start()
        first.bind(made.key, PROFILE, Mode.LEARN, budget=0)
        made.shell("/bin/true")
        time.sleep(0.1)
        first.set_mode(PROFILE, Mode.PREVENT)
        facts = first.allowed(PROFILE)
        first.close()
        assert made.run("/bin/touch /data/meanwhile").returncode != 0
        assert not (made.root / "data/meanwhile").exists()
        second = Kernel(pin=pin)
        assert second.reopened
        assert second.allowed(PROFILE) == facts
        assert second.bound()[made.key].mode == Mode.PREVENT
        assert [one.path for one in told(second) if Flag.KILLED in one.flags] == ["/bin/touch"]
        assert made.key in {one.container for one in second.running()}
        second.close(unpin=True)
    finally:
        made.stop()
    assert not pin.exists()


@needs_runc
def test_an_agent_killed_at_any_moment_leaves_enforcement_as_it_was(pin: Path, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        from pathlib import Path
        from plimsoll.sensor.kernel import Kernel
        Kernel(pin=Path("{pin}")); print("up", flush=True)
        import time; time.sleep(60)
    """)
    agent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert agent.stdout
    assert agent.stdout.readline() == b"up\n"
    agent.kill()
    agent.communicate()
    again = Kernel(pin=pin)
    assert again.reopened
    again.close(unpin=True)


@needs_runc
def test_processes_that_already_ran_are_found_and_judged(tmp_path: Path) -> None:
    made = Box(tmp_path, f"plimsoll-before-{os.getpid()}", "while true; do sleep 0.2; cat /etc/shadow; done")
    try:
        made.start()
        late = Kernel(pin=None)
        learn_by_default(late)
        (task, *_) = [one for one in late.running() if one.container == made.key and one.pid_in_ns == 1]
        assert (task.exe, task.hash) == ("/bin/sh", hashes.path("/bin/sh"))
        late.bind(made.key, PROFILE, Mode.ALERT)
        events = until(late, lambda one: one.path == "/etc/shadow")
        assert "/etc/shadow" in kinds(events, Kind.READ)
        assert not [one for one in events if Flag.ENTERED in one.flags]
        late.close()
    finally:
        made.stop()


MEMORY_FILE = """
import ctypes, os
fd = os.memfd_create("payload")
os.write(fd, open("/bin/true", "rb").read())
os.execve(fd, ["x"], {})
"""


@needs_runc
def test_rights_and_a_program_without_a_file_are_told(sensor: Kernel, box: Box) -> None:
    assert box.shell("chmod 600 /etc/shadow; mount -t tmpfs none /tmp; true").returncode == 0
    events = told(sensor)
    assert kinds(events, Kind.CHMOD) == ["/etc/shadow"]
    (mounted,) = [one for one in events if one.kind == Kind.SYSCALL]
    assert (calls.name(mounted.number), mounted.path, mounted.hash) == (
        "mount",
        "/tmp",
        hashes.call(mounted.number, 0, mounted.parent),
    )
    inside = f"echo $$ > {box.cgroup}/cgroup.procs; exec unshare -m {sys.executable} -c '{MEMORY_FILE}'"
    subprocess.run(["sh", "-c", inside], check=True)
    (fileless,) = [one for one in told(sensor) if Flag.MEMFD in one.flags]
    assert (fileless.path, fileless.args) == ("memfd:payload", ("x",))
    sensor.disallow([(PROFILE, Kind.EXEC, fileless.hash)])
    sensor.set_mode(PROFILE, Mode.PREVENT)
    assert subprocess.run(["sh", "-c", inside], check=False).returncode == -9


def test_the_error_for_a_user_without_rights_names_the_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = kernel.libbpf.Refused("loading", 1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "CAP_BPF" in kernel._mend(refused)

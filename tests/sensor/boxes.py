"""Real containers for the sensor's tests: busybox under runc, in a cgroup as Kubernetes would name it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import pytest

from plimsoll.sensor import building, doctor
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Event, Kind, Mode

BUSYBOX = Path("/bin/busybox")
TOOLS = (
    "sh",
    "sleep",
    "cat",
    "touch",
    "nc",
    "cp",
    "rm",
    "mv",
    "mkdir",
    "ln",
    "chmod",
    "id",
    "true",
    "nslookup",
    "mount",
)


def lacking() -> str:
    """Why the kernel's side cannot be tested here; empty where it can."""
    if os.geteuid():
        return "loading programs into the kernel needs root"
    lack = building.build()
    if lack and not building.OBJECT.exists():
        return lack
    absent = [check for check in doctor.needs() if check.state == "missing"]
    return doctor.refusal() or "; ".join(f"{check.name}: needs {check.mend}" for check in absent)


def lacking_runtime(place: Path) -> str:
    """Why containers cannot be started here, found out by starting one."""
    if os.geteuid():
        return "starting containers needs root"
    absent = [tool for tool in ("runc", "ip", "nsenter") if not shutil.which(tool)]
    if absent or not BUSYBOX.exists():
        return f"no {' '.join(absent) or BUSYBOX}: apt-get install runc iproute2 util-linux busybox-static"
    try:
        made = Box(place, f"plimsoll-tried-{os.getpid()}")
    except subprocess.CalledProcessError:
        return "runc does not work here: are /proc and /sys/fs/cgroup mounted?"
    try:
        made.start()
    except subprocess.CalledProcessError:
        said = (made.folder / "log").read_text(errors="replace").strip()
        return f"runc starts no container here: {said[-200:]}"
    finally:
        made.stop()
    return ""


needs_kernel = pytest.mark.usefixtures("programs")
needs_runc = pytest.mark.usefixtures("programs", "containers")


class Box:
    """A container that sleeps until it is asked."""

    def __init__(self, folder: Path, name: str, command: str = "sleep 1000", *, overlay: bool = False) -> None:
        self.name, self.folder, self.overlay = name, folder / name, overlay
        self.root = self.folder / "rootfs"
        self._fill(self.folder / "image" if overlay else self.root)
        if overlay:
            self._stack()
        self._specify(command)

    def _fill(self, root: Path) -> None:
        for below in ("bin", "etc/cron.d", "data", "tmp", "proc", "sys", "dev"):
            (root / below).mkdir(parents=True, exist_ok=True)
        shutil.copy(BUSYBOX, root / "bin/busybox")
        for tool in TOOLS:
            os.link(root / "bin/busybox", root / "bin" / tool)
        (root / "etc/shadow").write_text("root:*:20000::::::\n")
        (root / "bin/script").write_text("#!/bin/sh\nexit 0\n")
        (root / "bin/script").chmod(0o755)

    def _stack(self) -> None:
        for part in ("upper", "work", "rootfs"):
            (self.folder / part).mkdir()
        layers = f"lowerdir={self.folder}/image,upperdir={self.folder}/upper,workdir={self.folder}/work"
        done = subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o", layers, self.root], check=False, capture_output=True, text=True
        )
        if done.returncode:  # as within another overlay
            pytest.skip(f"no overlay here: {done.stderr.strip()}")

    def _specify(self, command: str) -> None:
        subprocess.run(["runc", "spec"], cwd=self.folder, check=True)
        config = self.folder / "config.json"
        spec = json.loads(config.read_text())
        spec["process"] |= {"terminal": False, "args": ["/bin/sh", "-c", command]}
        spec["process"].pop("rlimits", None)
        spec["root"] = {"path": "rootfs", "readonly": False}
        self.group = os.urandom(32).hex()
        self.pod = f"/kubepods/besteffort/pod{os.urandom(16).hex()}"
        spec["linux"]["cgroupsPath"] = f"{self.pod}/{self.group}"
        config.write_text(json.dumps(spec))

    def start(self) -> None:
        with (self.folder / "log").open("wb") as log:
            subprocess.run(
                ["runc", "run", "-d", "-b", self.folder, self.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        pid = self.pid
        subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", "link", "set", "lo", "up"], check=False)
        subprocess.run(
            ["nsenter", "-t", str(pid), "-n", "ip", "route", "add", "blackhole", "203.0.113.0/24"], check=False
        )

    @property
    def pid(self) -> int:
        return int(
            json.loads(subprocess.run(["runc", "state", self.name], capture_output=True, check=True).stdout)["pid"]
        )

    @cached_property
    def key(self) -> int:
        """The container's key, as the kernel's side makes it."""
        lines = Path(f"/proc/{self.pid}/cgroup").read_text().splitlines()
        groups = {line.split(":")[1]: line.split(":", 2)[2] for line in lines}
        if groups.get("", "/") != "/":
            roots = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
            return next((root / groups[""][1:]).stat().st_ino for root in roots if (root / "cgroup.procs").exists())
        return (Path("/sys/fs/cgroup/pids") / groups["pids"][1:]).stat().st_ino | 1 << 63

    @property
    def cgroup(self) -> Path:
        """Its folder in cgroup v2."""
        roots = (Path("/sys/fs/cgroup/unified/kubepods"), Path("/sys/fs/cgroup/kubepods"))
        return next(folder for root in roots if root.exists() for folder in root.rglob(self.group))

    def run(self, command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["runc", "exec", self.name, *command.split(" ", 2)], capture_output=True, check=False)

    def shell(self, script: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["runc", "exec", self.name, "/bin/sh", "-c", script], capture_output=True, check=False)

    def stop(self) -> None:
        subprocess.run(["runc", "delete", "-f", self.name], capture_output=True, check=False)
        if self.overlay:
            subprocess.run(["umount", self.root], check=False)
        forget(self.pod)


def forget(pod: str) -> None:
    """Remove a pod's cgroups: runc leaves them."""
    groups = Path("/sys/fs/cgroup")
    for folder in {*groups.glob(f"*{pod}"), *groups.glob(pod[1:])}:
        with contextlib.suppress(OSError):
            folder.rmdir()


def until(kernel: Kernel, wanted: Callable[[Event], bool], seconds: float = 5) -> list[Event]:
    """Poll until such an event comes; all events up to then."""
    end, seen = time.monotonic() + seconds, []
    while time.monotonic() < end:
        told = kernel.poll(0.1)
        seen += told
        if any(wanted(one) for one in told):
            return seen
    return seen


def kinds(events: list[Event], kind: Kind) -> list[str]:
    return [one.path for one in events if one.kind == kind]


def learn_by_default(kernel: Kernel) -> None:
    kernel.control(enforce=True, max_silence=0, default_mode=Mode.LEARN)


RESOLVER = """
import socket, sys
address, told = sys.argv[1:]
listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listening.bind((address, 53))
while True:
    asked, who = listening.recvfrom(512)
    end = asked.index(b"\\0", 12) + 5
    known = asked[end - 4 : end - 2] == b"\\0\\1"
    answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\5\\0\\4" + socket.inet_aton(told)
    head = asked[:2] + b"\\x81\\x80\\0\\1" + bytes([0, known]) + bytes(4)
    listening.sendto(head + asked[12:end] + answer * known, who)
"""


def resolver(box: Box, address: str, told: str) -> subprocess.Popen[bytes]:
    """Start a name server in a box's network: every name stands for this one IPv4 address, for five seconds."""
    return subprocess.Popen(["nsenter", "-t", str(box.pid), "-n", sys.executable, "-c", RESOLVER, address, told])

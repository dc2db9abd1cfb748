from __future__ import annotations

import re
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import building, shapes
from plimsoll.sensor.shapes import Event, Flag, Kind, Loss, Mode, Option

HEADER = (building.SOURCE / "shapes.h").read_text()
FIELDS = {
    "binding": (
        shapes.BINDING,
        ["profile", "mode", "options", "gap", "spoken", "hits", "misses", "drops", "kills", "denies", "suppressed"],
    ),
    "profile": (shapes.PROFILE, ["budget", "tokens", "since", "facts"]),
    "control": (
        shapes.CONTROL,
        [
            "heartbeat",
            "max_silence",
            "enforce",
            "default_mode",
            "host_mounts",
            "isolating",
            "wanted",
            "gap",
            "epoch",
            "revision",
        ],
    ),
    "fact": (shapes.FACT, ["profile", "kind", "hash"]),
    "edge": (shapes.EDGE, ["profile", "node", "component"]),
    "target": (shapes.TARGET, ["node", "here", "below"]),
    "rare": (shapes.RARE, ["kind", "path", "folder", "other", "other_folder", "argument", "text", "on"]),
    "task_line": (
        shapes.TASK,
        ["container", "hash", "pid", "ppid", "uid", "mounts", "network", "inner_pid", "length", "gap", "comm", "path"],
    ),
    "event": (
        shapes.HEAD,
        ["time", "container", "hash", "parent", "kind", "flags", "profile", "mode", "pid", "tid", "ppid", "uid", "tty"]
        + [
            "mounts",
            "network",
            "inner_pid",
            "result",
            "number",
            "argument",
            "address",
            "port",
            "local_port",
            "protocol",
        ]
        + ["gap", "comm", "ancestors"]
        + [f"{text}.{part}" for text in ("path", "other", "exe", "cwd", "args") for part in ("at", "length")]
        + ["used"],
    ),
}


def offsets(layout: struct.Struct) -> list[int]:
    """Where each field of a layout begins."""
    codes = [
        code
        for count, kind in re.findall(r"(\d*)([a-zA-Z])", layout.format)
        for code in ([f"{count}s"] if kind == "s" else [kind] * int(count or 1))
    ]
    return [struct.calcsize("<" + "".join(codes[:place])) for place in range(len(codes))]


@pytest.mark.skipif(not shutil.which("clang"), reason="needs clang to ask the compiler for its layout")
@pytest.mark.parametrize("name", FIELDS)
def test_c_and_python_lay_a_structure_out_alike(name: str, tmp_path: Path) -> None:
    layout, fields = FIELDS[name]
    checks = [
        f'_Static_assert(__builtin_offsetof(struct {name}, {field}) == {at}, "{field}");'
        for field, at in zip(fields, offsets(layout), strict=True)
    ]
    end = f"__builtin_offsetof(struct {name}, texts)" if name == "event" else f"sizeof(struct {name})"
    checks.append(f'_Static_assert({end} == {layout.size}, "size");')
    probe = tmp_path / "probe.c"
    probe.write_text("\n".join(['#include "kernel.h"', '#include "shapes.h"', *checks]))
    command = ["clang", "-target", "bpf", "-D__TARGET_ARCH_x86", f"-I{building.SOURCE}", "-fsyntax-only", str(probe)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def numbers(name: str) -> dict[str, int]:
    """The members of an enum of shapes.h and their values."""
    body = re.search(rf"enum {name} \{{(.*?)\}};", HEADER, re.DOTALL)
    assert body
    found, following = {}, 0
    for member, value in re.findall(r"(\w+)(?: = ([^,]+))?,?", body[1]):
        following = int(eval(value.replace("u", ""))) if value else following
        found[member] = following
        following += 1
    return found


@pytest.mark.parametrize(
    ("name", "twin", "same"),
    [
        ("kind", Kind, {}),
        ("mode", Mode, {}),
        ("flag", Flag, {}),
        ("option", Option, {"UNBOUND": "PROVISIONAL"}),
        ("loss", Loss, {}),
    ],
)
def test_c_and_python_count_alike(
    name: str, twin: type[Kind | Mode | Flag | Option | Loss], same: dict[str, str]
) -> None:
    told = {same.get(member, member): value for member, value in numbers(name).items() if member != "LOSSES"}
    assert told == {member.name: int(member) for member in twin if member.name != "NONE"}


@given(st.binary(max_size=600))
def test_no_bytes_are_a_traceback(raw: bytes) -> None:
    assert isinstance(shapes.event(raw), Event | None)


@given(st.binary(min_size=shapes.HEAD.size, max_size=2000), st.sampled_from(list(Kind)))
def test_an_event_of_any_bytes_is_an_event(raw: bytes, kind: Kind) -> None:
    told = shapes.event(raw[:32] + struct.pack("<4I", kind, 0xFFFFFFFF, 1, Mode.ALERT) + raw[48:])
    if told is not None:
        assert told.kind == kind
        told.path.encode()


def test_an_event_is_what_the_kernel_said() -> None:
    head = shapes.HEAD.pack(
        1_000_000, 7, 8, 9, Kind.EXEC, Flag.NEW | Flag.ENTERED, 3, Mode.LEARN, 10, 11, 12, 13, 14, 15, 16, 17, -1, 59, 4,
        bytes(10) + b"\xff\xff\x0a\0\0\1", 80, 443, 6, 0, b"sh", b"runc".ljust(16, b"\0") + b"shim".ljust(48, b"\0"),
        0, 7, 7, 4, 11, 7, 18, 1, 19, 6, 25,
    )  # fmt: skip
    told = shapes.event(head + b"/bin/sh" + b"/a\xffb" + b"/bin/sh" + b"/" + b"sh\0-c\0", boot=1)
    assert told == Event(
        time=datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC), kind=Kind.EXEC, flags=Flag.NEW | Flag.ENTERED, container=7,
        hash=8, parent=9, profile=3, mode=Mode.LEARN, pid=10, tid=11, ppid=12, uid=13, tty=14, mntns=15, netns=16,
        pid_in_ns=17, result=-1, number=59, argument=4, address="10.0.0.1", port=80, local_port=443, protocol="tcp",
        comm="sh", pcomm="runc", ancestors=("runc", "shim"), path="/bin/sh", path2="/a\\xffb", exe="/bin/sh", cwd="/",
        args=("sh", "-c"),
    )  # fmt: skip

"""What outlives the agent: maps and attached programs pinned in a bpf file system.

PIN/maps/<map>            the profiles and who is judged by them
PIN/on-<digest>/<link>    the programs attached now; the digest is that of the object and its probes
PIN/new-<digest>/…        programs on their way to take over
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

_MAGIC_LENGTH = 120  # struct statfs on 64-bit machines
_BPF_MAGIC = 0xCAFE4A11
_NO_SUID_DEV_EXEC = 2 | 4 | 8

_libc = ctypes.CDLL(None, use_errno=True)


def mount(kind: str, place: Path) -> str:
    """Mount a file system of the kernel's own; return why not, empty on success."""
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
    if not _libc.mount(kind.encode(), os.fsencode(place), kind.encode(), _NO_SUID_DEV_EXEC, None):
        return ""
    return f"{os.strerror(ctypes.get_errno())}; do it once: mount -t {kind} {kind} {place}"


def is_bpf(place: Path) -> bool:
    """Return whether a folder, or the nearest above that exists, is on a bpf file system.

    >>> is_bpf(Path("/proc/self"))
    False
    """
    there = next((folder for folder in (place, *place.parents) if folder.exists()), Path("/"))
    found = ctypes.create_string_buffer(_MAGIC_LENGTH)
    return not _libc.statfs(os.fsencode(there), found) and ctypes.c_ulong.from_buffer(found).value == _BPF_MAGIC


def ready(pin: Path) -> str:
    """See to a bpf file system for this folder; return why there is none, empty where there is."""
    root = Path("/sys/fs/bpf")
    if not is_bpf(pin):
        if root not in pin.parents:
            return f"{pin} is on no bpf file system"
        lack = mount("bpf", root)
        if lack:
            return f"no bpf file system: {lack}"
    try:
        (pin / "maps").mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        return f"{pin}: {error.strerror}"
    return ""


def current(pin: Path, digest: str) -> Path | None:
    """Return the folder of the programs attached now, where they are of this digest."""
    folder = pin / f"on-{digest}"
    return folder if folder.is_dir() else None


def prepare(pin: Path, digest: str) -> Path:
    """Return an empty folder for programs that are to take over."""
    for left in pin.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = pin / f"new-{digest}"
    folder.mkdir(mode=0o700)
    return folder


def take_over(pin: Path, digest: str) -> list[Path]:
    """Make the prepared programs the current ones; return the folders of those they replace."""
    replaced = []
    for number, old in enumerate(sorted(pin.glob("on-*"))):
        aside = pin / f"old-{number}-{os.getpid()}"
        old.rename(aside)
        replaced.append(aside)
    (pin / f"new-{digest}").rename(pin / f"on-{digest}")
    return replaced + [folder for folder in pin.glob("old-*") if folder not in replaced]


def remove(folder: Path) -> None:
    """Unpin what is in a folder: its programs are detached."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_each(folders: Iterable[Path]) -> None:
    """Unpin several folders."""
    for folder in folders:
        remove(folder)


def remove_all(pin: Path) -> None:
    """Unpin everything, programs before maps."""
    for folder in [*_folders(pin, "on-*"), *_folders(pin, "new-*"), *_folders(pin, "old-*"), pin / "maps"]:
        remove(folder)
    with contextlib.suppress(OSError):
        pin.rmdir()


def _folders(pin: Path, pattern: str) -> Iterator[Path]:
    return iter(sorted(pin.glob(pattern)))

"""What rules ask to be told of, whatever the profiles know: kinds of events and paths, in the kernel's terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from plimsoll.sensor import calls
from plimsoll.sensor.shapes import Kind

_EXECS = frozenset({"execve", "execveat"})
_CONNECTS = frozenset({"connect", "sendto", "sendmsg", "sendmmsg"})
_FILES = (Kind.DELETE, Kind.RENAME, Kind.LINK, Kind.CHMOD)


class Places(msgspec.Struct, frozen=True):
    """Paths: these, and those that begin so; or any."""

    any: bool = False
    paths: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """What rules ask for; the command line hands it over as JSON."""

    events: tuple[str, ...] = ()
    """Kinds of events by their names, which are those of system calls."""
    read: Places = Places()
    """Files opened to be read,"""
    write: Places = Places()
    """those opened to be written,"""
    change: Places = Places()
    """and those made, moved, linked, removed, or given another mode."""


def kinds(wanted: Wanted) -> int:
    """Return the kinds of acts that these events are, as a mask of 1 << kind.

    >>> kinds(Wanted(("execve",))) == 1 << Kind.EXEC, kinds(Wanted(("read",)))
    (True, 0)
    """
    return sum(1 << kind for kind in {kind for name in wanted.events for kind in _of(name)})


def _of(name: str) -> Iterator[Kind]:
    if name in _EXECS:
        yield Kind.EXEC
    elif name in _CONNECTS:
        yield Kind.CONNECT
    elif name in calls.ACCEPTS:
        yield Kind.ACCEPT
    elif name == "listen":
        yield Kind.LISTEN
    elif name in calls.OPENS:
        yield from (Kind.READ, Kind.WRITE)
    elif name in _CHANGES:
        yield from (*_FILES, Kind.WRITE)
    elif name in _RARE:
        yield Kind.SYSCALL


_CHANGES = frozenset(call.name for call in calls.NAMES)
_RARE = frozenset(call.name for call in calls.RIGHTS)


def patterns(wanted: Wanted) -> list[tuple[str, int]]:
    """Return the paths of the files that rules ask for, as the kernel's patterns, each with its mask of kinds.

    What changes a name may write one as well: the kernel calls a new name a write.

    >>> asked = Wanted(("openat",), read=Places(paths=("/etc/shadow",), prefixes=("/root/", "/home/a")))
    >>> [text for text, _ in patterns(asked)]
    ['/etc/shadow', '/home/*', '/home/*/**', '/root', '/root/**']
    """
    masks: dict[str, int] = {}
    for places, kinds in (
        (wanted.read, (Kind.READ,)),
        (wanted.write, (Kind.WRITE,)),
        (wanted.change, (*_FILES, Kind.WRITE)),
    ):
        for text in _texts(places):
            masks[text] = masks.get(text, 0) | sum(1 << kind for kind in kinds)
    return sorted(masks.items())


def _texts(places: Places) -> Iterable[str]:
    if places.any:
        return ("/*", "/*/**")
    return {*places.paths, *(text for prefix in places.prefixes for text in _below(prefix))}


def _below(prefix: str) -> tuple[str, ...]:
    """Return the patterns of all that begins so; the kernel compares whole names, so part of a name stands for any."""
    folder, _, part = prefix.rpartition("/")
    if part or not folder:
        return f"{folder}/*", f"{folder}/*/**"
    return folder, f"{folder}/**"

"""libbpf through ctypes: what loads and attaches programs without a compiler or a build of our own on the node."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Collection, Iterator
from ctypes import c_bool, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from plimsoll.errors import PlimsollError

NOEXIST = 1
"""BPF_NOEXIST: add an entry, never replace one."""

_PRINT = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
_LONGEST_LOG = 200
_log: list[str] = []


class Refused(Exception):
    """libbpf or the kernel said no; `log` is what libbpf printed on the way."""

    def __init__(self, what: str, code: int, log: str = "") -> None:
        super().__init__(f"{what}: {os.strerror(abs(code))}")
        self.code, self.log = abs(code), log


_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "bpf_object__open_file": (c_void_p, c_char_p, c_void_p),
    "bpf_object__load": (c_int, c_void_p),
    "bpf_object__close": (None, c_void_p),
    "bpf_object__next_program": (c_void_p, c_void_p, c_void_p),
    "bpf_object__next_map": (c_void_p, c_void_p, c_void_p),
    "bpf_program__name": (c_char_p, c_void_p),
    "bpf_program__set_autoload": (c_int, c_void_p, c_bool),
    "bpf_program__attach": (c_void_p, c_void_p),
    "bpf_program__attach_cgroup": (c_void_p, c_void_p, c_int),
    "bpf_program__attach_tracepoint": (c_void_p, c_void_p, c_char_p, c_char_p),
    "bpf_program__attach_iter": (c_void_p, c_void_p, c_void_p),
    "bpf_link__fd": (c_int, c_void_p),
    "bpf_link__pin": (c_int, c_void_p, c_char_p),
    "bpf_link__destroy": (c_int, c_void_p),
    "bpf_iter_create": (c_int, c_int),
    "bpf_map__name": (c_char_p, c_void_p),
    "bpf_map__fd": (c_int, c_void_p),
    "bpf_map__set_pin_path": (c_int, c_void_p, c_char_p),
    "bpf_obj_get": (c_int, c_char_p),
    "bpf_map_update_elem": (c_int, c_int, c_char_p, c_char_p, c_uint64),
    "bpf_map_lookup_elem": (c_int, c_int, c_char_p, c_void_p),
    "bpf_map_delete_elem": (c_int, c_int, c_char_p),
    "bpf_map_get_next_key": (c_int, c_int, c_char_p, c_void_p),
    "libbpf_set_print": (c_void_p, _PRINT),
}


@cache
def library() -> ctypes.CDLL:
    """Return libbpf with the functions we call; PlimsollError where it is not installed."""
    try:
        found = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        raise PlimsollError("the sensor needs libbpf.so.1: apt-get install libbpf1") from error
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    found.libbpf_set_print(_print)
    return found


_format = ctypes.CDLL(None).vsnprintf
_format.argtypes = [c_char_p, c_size_t, c_char_p, c_void_p]


def _keep(_level: int, pattern: bytes, values: int) -> int:
    """Keep the last lines that libbpf prints: they say what the kernel's verifier had against a program."""
    text = ctypes.create_string_buffer(1 << 17)
    _format(text, len(text), pattern, values)
    _log.append(text.value.decode(errors="replace"))
    del _log[:-_LONGEST_LOG]
    return 0


_print = _PRINT(_keep)  # kept: libbpf calls it as long as we live


def _say(what: str, code: int) -> Refused:
    said = "".join(_log)
    _log.clear()
    return Refused(what, code, said)


class Program:
    """One program of a loaded object."""

    def __init__(self, handle: int, name: str) -> None:
        self.handle, self.name = handle, name

    def attach(self) -> Link:
        """Attach where its section says."""
        return self._link(library().bpf_program__attach(self.handle))

    def attach_cgroup(self, folder: int) -> Link:
        """Attach to an open cgroup folder."""
        return self._link(library().bpf_program__attach_cgroup(self.handle, folder))

    def attach_tracepoint(self, category: str, event: str) -> Link:
        """Attach to a tracepoint."""
        found = library().bpf_program__attach_tracepoint(self.handle, category.encode(), event.encode())
        return self._link(found)

    def attach_iterator(self) -> Link:
        """Make an iterator of it."""
        return self._link(library().bpf_program__attach_iter(self.handle, None))

    def _link(self, handle: int | None) -> Link:
        if not handle:
            raise _say(f"attaching {self.name}", ctypes.get_errno())
        return Link(handle)


class Link:
    """An attached program. A pinned one outlives us, so it is destroyed only on demand."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def pin(self, path: Path) -> None:
        """Keep it attached under this path of a bpf file system."""
        code = library().bpf_link__pin(self.handle, os.fsencode(path))
        if code:
            raise _say(f"pinning {path.name}", code)

    def read(self) -> bytes:
        """Run it, an iterator, and return what it wrote."""
        return read_iterator(library().bpf_link__fd(self.handle))

    def destroy(self) -> None:
        """Detach; a pinned link must have been unpinned."""
        library().bpf_link__destroy(self.handle)


class Object:
    """A compiled object: open, chosen from, loaded."""

    def __init__(self, path: Path, *, skip: Collection[str] = (), pins: Path | None = None) -> None:
        """Load every program but those in `skip`; maps are taken from and left in `pins`."""
        _log.clear()
        self._handle = library().bpf_object__open_file(os.fsencode(path), None)
        if not self._handle:
            raise _say(f"opening {path}", ctypes.get_errno())
        self.programs = {program.name: program for program in self._programs()}
        for name in skip:
            library().bpf_program__set_autoload(self.programs[name].handle, False)
        for name, handle in self._maps():
            if pins:
                library().bpf_map__set_pin_path(handle, os.fsencode(pins / name))
        code = library().bpf_object__load(self._handle)
        if code:
            refused = _say("loading the sensor's programs", code)
            self.close()
            raise refused
        self.maps = {name: Map(os.dup(library().bpf_map__fd(handle))) for name, handle in self._maps()}

    def close(self) -> None:
        """Let go of the programs; what is attached stays so."""
        library().bpf_object__close(self._handle)

    def _programs(self) -> Iterator[Program]:
        handle = library().bpf_object__next_program(self._handle, None)
        while handle:
            yield Program(handle, library().bpf_program__name(handle).decode())
            handle = library().bpf_object__next_program(self._handle, handle)

    def _maps(self) -> Iterator[tuple[str, int]]:
        handle = library().bpf_object__next_map(self._handle, None)
        while handle:
            yield library().bpf_map__name(handle).decode(), handle
            handle = library().bpf_object__next_map(self._handle, handle)


class Map:
    """A map by its file descriptor; keys and values are bytes."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        shape = _shape(descriptor)
        self.key_size, self.value_size = int(shape["key_size"]), int(shape["value_size"])
        self.size = int(shape["max_entries"])

    def put(self, key: bytes, value: bytes, flags: int = 0) -> bool:
        """Set an entry; False where NOEXIST forbade it."""
        self._check(key, value)
        if not library().bpf_map_update_elem(self.descriptor, key, value, flags):
            return True
        code = ctypes.get_errno()
        if code == 17 and flags == NOEXIST:  # EEXIST
            return False
        raise Refused("writing a map", code)

    def get(self, key: bytes) -> bytes | None:
        """Return a value."""
        self._check(key)
        value = ctypes.create_string_buffer(self.value_size)
        return None if library().bpf_map_lookup_elem(self.descriptor, key, value) else value.raw

    def drop(self, key: bytes) -> bool:
        """Remove an entry; whether there was one."""
        self._check(key)
        return not library().bpf_map_delete_elem(self.descriptor, key)

    def keys(self) -> Iterator[bytes]:
        """Walk the keys. Where entries go meanwhile the kernel may begin anew, so a key can come twice."""
        key: bytes | None = None
        for _ in range(1 << 20):
            following = ctypes.create_string_buffer(self.key_size)
            if library().bpf_map_get_next_key(self.descriptor, key, following):
                return
            key = following.raw
            yield key

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk keys and values."""
        for key in list(self.keys()):
            value = self.get(key)
            if value is not None:
                yield key, value

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)

    def _check(self, key: bytes, value: bytes | None = None) -> None:
        if len(key) != self.key_size or (value is not None and len(value) != self.value_size):
            raise ValueError(f"a map of {self.key_size}/{self.value_size} bytes was given {len(key)}")


def pinned(path: Path) -> int:
    """Return a descriptor of what is pinned at a path."""
    found = int(library().bpf_obj_get(os.fsencode(path)))
    if found < 0:
        raise Refused(f"opening {path}", ctypes.get_errno() or found)
    return found


def read_iterator(link: int) -> bytes:
    """Run an iterator, by its link, and return what it wrote."""
    descriptor = library().bpf_iter_create(link)
    if descriptor < 0:
        raise Refused("running an iterator", ctypes.get_errno() or descriptor)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        return b"".join(iter(lambda: stream.read(1 << 16) or b"", b""))


def _shape(descriptor: int) -> dict[str, str]:
    """Return what the kernel says of a map."""
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

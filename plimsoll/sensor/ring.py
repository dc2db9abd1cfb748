"""The ring that the kernel writes events to, read where it lies: no library, no copy but the one that is kept.

The layout is that of the kernel's BPF ring buffer (Documentation/bpf/ringbuf.rst): a page with the place read up to,
a page with the place written up to, then the data. What is mapped counts as ours, so only a window of the data is,
and it moves along; an event across its edge is put together from two windows.
"""

from __future__ import annotations

import mmap
import select
import struct
import threading

_HEAD = struct.Struct("<II")
_BUSY, _DISCARDED = 1 << 31, 1 << 30
WINDOW = 512 << 10
"""Bytes of the data that are mapped at a time."""


def place(page: mmap.mmap) -> memoryview:
    """Return a page as words, each read and written at once, for the kernel does both beside us.

    `struct.pack_into` would not do: it clears what it writes to, and for that moment the kernel sees a ring that is full.
    """
    return memoryview(page).cast("Q")


class Ring:
    """The ring of events: read from one thread."""

    def __init__(self, descriptor: int, size: int, most: int = 4096) -> None:
        """Open the ring of a map that is `size` bytes long; hand over at most so many events at a time."""
        page = mmap.PAGESIZE
        self._descriptor, self._size, self._most = descriptor, size, most
        self._pages = mmap.mmap(descriptor, page), mmap.mmap(descriptor, page, prot=mmap.PROT_READ, offset=page)
        self._read, self._written = map(place, self._pages)
        self._window = min(WINDOW, size)
        self._number, self._data = 0, self._mapped(0)
        self._events = select.epoll()
        self._events.register(descriptor, select.EPOLLIN)
        self._barrier = threading.Lock()

    def _mapped(self, number: int) -> mmap.mmap:
        begin = 2 * mmap.PAGESIZE + number * self._window
        return mmap.mmap(self._descriptor, self._window, prot=mmap.PROT_READ, offset=begin)

    def poll(self, timeout: float) -> list[bytes]:
        """Return what there is, at most a few thousand; wait for the first so many seconds."""
        taken = self._take()
        if not taken and timeout > 0:
            self._events.poll(timeout)
            taken = self._take()
        return taken

    def _take(self) -> list[bytes]:
        taken: list[bytes] = []
        at, end = self._read[0], self._written[0]
        while at < end and len(taken) < self._most:
            # Taking a lock orders the reads before and after it, on every processor.
            with self._barrier:
                head, _ = _HEAD.unpack(self._bytes(at, _HEAD.size))  # eight bytes of eight: never across an edge
            if head & _BUSY:
                break
            length = head & ~(_BUSY | _DISCARDED)
            with self._barrier:
                if not head & _DISCARDED:
                    taken.append(self._bytes(at + _HEAD.size, length))
            at += (length + _HEAD.size + 7) // 8 * 8
        self._read[0] = at
        return taken

    def _bytes(self, at: int, length: int) -> bytes:
        number, start = divmod(at % self._size, self._window)
        if number != self._number:
            self._data.close()
            self._number, self._data = number, self._mapped(number)
        found = self._data[start : start + length]
        return found if len(found) == length else found + self._bytes(at + len(found), length - len(found))

    def close(self) -> None:
        """Let go of it; what is unread stays."""
        self._events.close()
        for view in (self._read, self._written):
            view.release()
        for page in (self._data, *self._pages):
            page.close()

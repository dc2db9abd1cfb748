"""The ring that the kernel writes events to, read where it lies: no library, no copy but the one that is kept.

The layout is that of the kernel's BPF ring buffer (Documentation/bpf/ringbuf.rst): a page with the place read up to,
a page with the place written up to, then the data. libbpf maps the data twice over, so that no event breaks at the
end; mapped once, an event at the end is put together from two parts, and eight megabytes less are counted as ours.
"""

from __future__ import annotations

import mmap
import select
import struct
import threading

_PLACE, _HEAD = struct.Struct("<Q"), struct.Struct("<II")
_BUSY, _DISCARDED = 1 << 31, 1 << 30


class Ring:
    """The ring of events: read from one thread."""

    def __init__(self, descriptor: int, size: int, most: int = 4096) -> None:
        """Open the ring of a map that is `size` bytes long; hand over at most so many events at a time."""
        page = mmap.PAGESIZE
        self._read = mmap.mmap(descriptor, page)
        self._data = mmap.mmap(descriptor, page + size, prot=mmap.PROT_READ, offset=page)
        self._begin, self._size, self._most = page, size, most
        self._events = select.epoll()
        self._events.register(descriptor, select.EPOLLIN)
        self._barrier = threading.Lock()

    def poll(self, timeout: float) -> list[bytes]:
        """Return what there is, at most a few thousand; wait for the first so many seconds."""
        taken = self._take()
        if not taken and timeout > 0:
            self._events.poll(timeout)
            taken = self._take()
        return taken

    def _take(self) -> list[bytes]:
        taken: list[bytes] = []
        (at,), (end,) = _PLACE.unpack_from(self._read), _PLACE.unpack_from(self._data)
        while at < end and len(taken) < self._most:
            # Taking a lock orders the reads before and after it, on every processor.
            with self._barrier:
                head, _ = _HEAD.unpack_from(self._data, self._begin + at % self._size)
            if head & _BUSY:
                break
            length = head & ~(_BUSY | _DISCARDED)
            with self._barrier:
                if not head & _DISCARDED:
                    taken.append(self._bytes(at + _HEAD.size, length))
            at += (length + _HEAD.size + 7) // 8 * 8
        _PLACE.pack_into(self._read, 0, at)
        return taken

    def _bytes(self, at: int, length: int) -> bytes:
        start = self._begin + at % self._size
        whole = self._data[start : start + length]
        return whole + self._data[self._begin : self._begin + length - len(whole)] if len(whole) < length else whole

    def close(self) -> None:
        """Let go of it; what is unread stays."""
        self._events.close()
        self._data.close()
        self._read.close()

"""A log that grows: its new lines as batches, through rotation, truncation and our own restarts.

    for batch in (lines := Follow(path, checkpoint)):
        …make what was learned from the batch durable…
        lines.commit()

A batch that was not committed comes again after a restart, cut in the same place and so with the same
digest: who keeps digests of what it has learned counts no line twice and misses none.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from plimsoll import errors, sources
from plimsoll.sources import checkpoints, inputs, lines, reading, rotation

BLOCK = 1 << 24
"""Bytes of a batch at most, about 13,000 audit events."""
MUCH = 1 << 22
"""Bytes from which on what waits is as good as a full batch."""
POLL = 0.25
"""Seconds between two looks at a file that does not grow."""


class _Piece(NamedTuple):
    """Bytes that can be taken: whole lines, or the beginning of one that is too long."""

    data: bytes
    length: int
    """Bytes of the file they stand for."""
    long: bool = False

    def digest(self, place: checkpoints.Place) -> str:
        """Return the digest of these bytes at this place: equal lines elsewhere are another segment."""
        return hashlib.sha256(b"%d %d\n" % (place.records, place.offset) + self.data).hexdigest()


class Follow:
    """The lines that a file has and gets, until `stop` is set."""

    def __init__(
        self,
        path: Path,
        checkpoint: Path,
        *,
        format: str | None = None,  # noqa: A002
        stop: threading.Event | None = None,
        poll: float = POLL,
        get: Callable[[str], sources.Source] = sources.get,
        digests: bool = True,
    ) -> None:
        """`get` gives the source of a format's name, as for a Reading; without `digests` batches have none."""
        self.name = inputs.shown(path)
        self.format = format
        self._path, self._checkpoint = path, checkpoint
        self._stop, self._poll, self._get, self._digests = stop or threading.Event(), poll, get, digests
        self._file: int | None = None
        self._place = checkpoints.Place(0, 0)
        self._committed = True
        self._ended = False
        self._before: os.stat_result | None = None
        self._begun = b""
        self._lost = ""
        self._scanned = 0
        self._done: deque[int] = deque(maxlen=1000)

    @property
    def committed(self) -> bool:
        """Say whether every batch given so far is noted as durable."""
        return self._committed

    @property
    def behind(self) -> bool:
        """Say whether much waits to be read already."""
        return self._file is not None and (self._ended or os.fstat(self._file).st_size - self._place.offset >= MUCH)

    def commit(self) -> None:
        """Note on disk that every batch given so far is durable."""
        if not self._committed:
            checkpoints.save(self._checkpoint, self._place)
            self._committed = True

    def __iter__(self) -> Iterator[reading.Batch]:
        """Yield batches as lines come; return soon after `stop` is set."""
        with closing(self.looks()) as looks:
            yield from filter(None, looks)

    def looks(self) -> Generator[reading.Batch | None]:
        """Yield what each look at the file finds: a batch, or None, when it is time for who gathers them to go to work."""
        try:
            self._begin()
            while not self._stop.is_set():
                self._look()
                if batch := self._next():
                    yield batch
                elif not (self._ended and self._turn()):
                    yield None
                    self._stop.wait(self._poll)
        except OSError as problem:
            raise errors.InputError(inputs.why(problem), file=self.name) from problem
        finally:
            self._close()

    def _begin(self) -> None:
        """Open the file where we left it, or at its beginning."""
        saved = checkpoints.load(self._checkpoint)
        if saved is None:
            self._open(os.open(self._path, os.O_RDONLY | os.O_CLOEXEC))
        else:
            self._place = saved
            self._resume()

    def _resume(self) -> None:
        """Find the file that holds our place; where it is gone, say so and begin what has come instead."""
        self._close()
        self._ended = False
        if (file := rotation.find(self._path, self._place)) is not None:
            status = os.fstat(file)
            self._file, self._begun = file, os.pread(file, min(checkpoints.START, self._place.offset), 0)
            self._place = replace(self._place, device=status.st_dev, inode=status.st_ino)
        elif (file := rotation.opened(self._path)) is not None:
            self._lost = (
                f"the rest of the file from byte {self._place.offset} on is gone: rotated away before it was read"
            )
            self._open(file)

    def _open(self, file: int) -> None:
        """Begin a file."""
        self._close()
        self._file, self._begun, self._ended, self._scanned = file, b"", False, 0
        self._place = checkpoints.at_start(file, self._place.records)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _look(self) -> None:
        """See whether nothing more will be written to our file: its name leads to another one that is in use.

        This is asked before reading, so that all that was written before the file ended is read.
        """
        if self._file is None or not checkpoints.holds(self._place, self._file):
            self._resume()
        with suppress(FileNotFoundError):
            now = self._path.stat()
            self._ended = (now.st_dev, now.st_ino) != (self._place.device, self._place.inode) and now.st_size > 0

    def _turn(self) -> bool:
        """Go on to the file that came after ours; False where there is none yet."""
        if self._file is None:
            return False
        self._before = os.fstat(self._file)
        self._done.append(self._place.inode)
        if (file := self._following(self._before)) is None:
            return False
        self._open(file)
        return True

    def _following(self, last: os.stat_result) -> int | None:
        return rotation.following(self._path, last, self._done.__contains__)

    def _passed_over(self, piece: _Piece) -> bool:
        """Go back where another file came between the one before and ours: one more rotation while we turned."""
        if self._place.offset or self._before is None or (other := self._following(self._before)) is None:
            return False
        if os.fstat(other).st_ino == self._place.inode or rotation.alike(rotation.beginning(other), piece.data):
            os.close(other)
            return False
        self._open(other)
        return True

    def _next(self) -> reading.Batch | None:
        """Return a batch of the lines that are there, None where there are none or their format is not known yet."""
        while self._file is not None and (piece := self._piece(self._file)):
            # Asked after reading: a log that was truncated meanwhile may have given us bytes of its next life.
            if not checkpoints.holds(self._place, self._file):
                self._resume()
                continue
            if self._passed_over(piece):
                continue
            run = self._run(piece, self._place.lines + 1)
            if run.lines or run.broken:
                return self._batch(piece, run)
            self._advance(piece, run, 0)
        return None

    def _piece(self, file: int) -> _Piece | None:
        """Return what can be taken at our place; the last line needs its newline unless the file has ended."""
        offset, begun = self._place.offset, self._place.until - self._place.offset
        if 0 < begun <= lines.LONGEST and len(data := os.pread(file, begun, offset)) == begun:
            return _Piece(data, begun)
        data = os.pread(file, BLOCK, offset)
        if len(data) == BLOCK and b"\n" not in data:
            data = os.pread(file, lines.LONGEST + 1, offset)
        if cut := data.rfind(b"\n") + 1:
            return _Piece(data[:cut], cut)
        if len(data) > lines.LONGEST:
            return self._long_piece(file, data)
        return _Piece(data, len(data)) if data and self._ended else None

    def _long_piece(self, file: int, data: bytes) -> _Piece | None:
        """Return the beginning of a line that is too long, once its end has been found."""
        offset = self._place.offset
        at = max(self._scanned, offset + len(data))
        while block := os.pread(file, BLOCK, at):
            if (end := block.find(b"\n")) >= 0:
                return _Piece(data[: lines.KEPT], at + end + 1 - offset, long=True)
            at += len(block)
        self._scanned = at
        return _Piece(data[: lines.KEPT], at - offset, long=True) if self._ended else None

    def _run(self, piece: _Piece, first: int) -> lines.Run:
        """Return the lines of a piece, and what was lost before them."""
        if piece.long:
            return lines.Run(lines.Text([], first), lines.Break(first, lines.TOO_LONG, piece.data))
        lost = lines.Break(first, self._lost, b"") if self._lost else None
        data = piece.data.removeprefix(codecs.BOM_UTF8) if first == 1 else piece.data
        return lines.Run(lines.Text(lines.blocks(data, inputs.BLOCK), first), lost)

    def _batch(self, piece: _Piece, run: lines.Run) -> reading.Batch | None:
        """Return the batch of a run and go on behind it."""
        self.format = self.format or sources.recognised(run.lines)
        if self.format is None:
            if self._ended or piece.long or len(run.lines) >= sources.SAMPLE:
                raise reading.unknown(self.name, run.broken)
            return None
        place = self._place
        batch = reading.batch_of(self.name, self.format, run, place.records + 1, self._get)
        if self._committed:
            checkpoints.save(self._checkpoint, self._intent(piece))
            self._committed = False
        self._advance(piece, run, batch.accepted + len(batch.rejects))
        self._lost = ""
        return batch._replace(digest=piece.digest(place)) if self._digests else batch

    def _intent(self, piece: _Piece) -> checkpoints.Place:
        """Return our place with the end of the batch that is about to be given, so that it can come again the same."""
        until = self._place.offset + piece.length
        return checkpoints.fingerprinted(replace(self._place, until=until), self._beginning(piece))

    def _advance(self, piece: _Piece, run: lines.Run, records: int) -> None:
        """Go on behind these bytes."""
        place, self._begun = self._place, self._beginning(piece)
        offset = place.offset + piece.length
        seen = place.lines + piece.long + sum(block.height for block in run.lines.blocks)
        moved = replace(place, offset=offset, until=0, lines=seen, records=place.records + records)
        self._place = checkpoints.fingerprinted(moved, self._begun)

    def _beginning(self, piece: _Piece) -> bytes:
        """Return the first bytes of the file as far as we know them with these."""
        missing = checkpoints.START - len(self._begun)
        return self._begun + piece.data[:missing]

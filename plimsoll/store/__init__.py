"""A profile directory: what was learned, on disk, so that no crash loses it and no reader waits.

    profile.json              that this is a profile, in which format, made when
    segments/DIGEST.parquet   the facts of one learned input segment
    merged/NAME.parquet       the facts of many segments, grouped; it names them, and their own files no longer count
    state.sqlite              what people decided: approvals, what is forgotten, and small values
    lock                      held by the one process that writes

Any set of segments, learned in any order and any number of times, gives the same facts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import fcntl
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.store import durable, segments
from plimsoll.store.segments import File, Segment
from plimsoll.store.state import Approval, State

__all__ = ["Approval", "Profile", "Segment", "State"]

FORMAT = 1
LOOSE_FILES = 64
"""More files than this are worth merging: every reader opens each of them."""
READERS = "readers"
TRIES = 100

T = TypeVar("T")


class _Profile(msgspec.Struct, frozen=True):
    """What profile.json says: nothing that changes by learning."""

    format: int
    made: dt.datetime


@dataclasses.dataclass(frozen=True)
class Profile:
    """A profile directory; `open` it."""

    path: Path

    @classmethod
    def open(cls, path: Path | str, *, create: bool = False) -> Profile:
        """Open a profile; a writer says `create`, which makes it where there is none and clears what a crash left.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     Profile.open(place, create=True).segments()
        []
        """
        profile = cls(Path(path))
        if create:
            profile._create()
        profile._check_format()
        return profile

    @property
    def state(self) -> State:
        """The small tables: approvals, what is forgotten, kept values."""
        return State(self.path)

    def add(
        self,
        digest: str,
        facts: pl.DataFrame,
        *,
        source: str,
        accepted: int,
        rejected: int,
        events: int = 0,
        vocabulary: str = "",
    ) -> bool:
        """Learn a segment for good: when this returns, it is on the disk; False where it was known already."""
        first, last = segments.span(facts)
        source = source.encode("utf-8", "replace").decode()
        segment = Segment(first, last, segments.checked(digest), source, accepted, rejected, events, vocabulary)
        data = segments.encode(facts, [segment])
        with durable.locked(self.path):
            if self.knows(digest):
                return False
            durable.write(self._segment(digest), data)
        return True

    def knows(self, digest: str) -> bool:
        """Return whether the segment of this digest was learned."""
        name = segments.checked(digest)
        return self._steadily(
            lambda merged: self._segment(name).exists() or any(name in segments.digests(path) for path in merged)
        )

    def segments(self) -> list[Segment]:
        """Return what was learned, by event time: the same list whatever the order of learning."""
        return sorted(itertools.chain.from_iterable(file.segments for file in self._files()), key=segments.by_time)

    def facts(self) -> pl.LazyFrame:
        """Return the facts as they are now, less what is forgotten; one fact may be in several rows, to be grouped."""
        facts = segments.scan(self._files())
        dropped = self.state.forgotten()
        if not dropped:
            return facts
        until = pl.LazyFrame({"subject": list(dropped), "_until": list(dropped.values())})
        kept = facts.join(until, on="subject", how="left")
        return kept.filter(pl.col("_until").is_null() | (pl.col("day") > pl.col("_until"))).drop("_until")

    def paths(self) -> list[Path]:
        """Return the Parquet files that hold the facts, for other engines; what is forgotten is still in them."""
        return [file.path for file in self._files()]

    @contextlib.contextmanager
    def reading(self) -> Iterator[list[Path]]:
        """Give `paths()`, and let no compaction delete one of them meanwhile; nobody waits for that."""
        with self._readers() as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH)
            yield self.paths()

    def forget(self, subject: str, day: int | None = None) -> int | None:
        """Drop a subject's facts up to a day, else up to its last one, also of segments that are learned later.

        The day, in days since 1970, is returned; None where nothing is known of the subject.
        """
        if day is None:
            day = self.facts().filter(pl.col("subject") == subject).select(pl.col("day").max()).collect().item()
        if day is not None:
            self.state.forget(subject, day, dt.datetime.now(dt.UTC))
        return day

    def needs_compaction(self) -> bool:
        """Return whether there are so many files that merging them pays."""
        return len(self._steadily(self._live)) > LOOSE_FILES

    def compact(self, merge: Callable[[pl.LazyFrame], pl.DataFrame]) -> bool:
        """Merge all files into one by `merge`, which groups equal facts; False where there is one file or none."""
        with durable.locked(self.path):
            files = self._files()
            if len(files) < 2:
                return False
            learned = list(itertools.chain.from_iterable(file.segments for file in files))
            name = segments.merged_name(segment.digest for segment in learned)
            data = segments.encode(merge(segments.scan(files)), learned)
            durable.write(self._merged / f"{name}{segments.SUFFIX}", data)
            self._tidy()
        return True

    def check(self) -> None:
        """Read everything; what is damaged is an InputError with the file's name."""
        for file in self._files():
            segments.scan([file]).select(pl.all().count()).collect()
        self.state.check()

    @property
    def _marker(self) -> Path:
        return self.path / "profile.json"

    @property
    def _loose(self) -> Path:
        return self.path / "segments"

    @property
    def _merged(self) -> Path:
        return self.path / "merged"

    def _segment(self, digest: str) -> Path:
        return self._loose / f"{digest}{segments.SUFFIX}"

    def _readers(self) -> BinaryIO:
        """Open the file that other engines' readers hold a shared lock on."""
        with durable.explained(self.path / READERS):
            return (self.path / READERS).open("rb")

    def _create(self) -> None:
        """Make what is missing, the mark of a profile last, so that a half-made one is none."""
        durable.folder(self.path)
        with durable.locked(self.path):
            if not self._marker.exists():
                durable.folder(self._loose)
                durable.folder(self._merged)
                durable.write(self.path / READERS, b"")
                self.state.create()
                made = _Profile(FORMAT, dt.datetime.now(dt.UTC).replace(microsecond=0))
                durable.write(self._marker, msgspec.json.encode(made) + b"\n")
            self._tidy()

    def _check_format(self) -> None:
        try:
            found = msgspec.json.decode(self._marker.read_bytes(), type=_Profile)
        except (FileNotFoundError, NotADirectoryError):
            raise errors.InputError(f"no profile here: {self.path}") from None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as broken:
            raise errors.InputError(f"not the mark of a profile ({broken})", file=str(self._marker)) from broken
        if found.format > FORMAT:
            raise errors.InputError(f"made by a newer Plimsoll (format {found.format})", file=str(self._marker))

    def _tidy(self) -> None:
        """Delete what writers that died left aside and, unless someone reads them, files that a merged one replaces."""
        for directory in (self.path, self._loose, self._merged):
            durable.remove(durable.leftovers(directory))
        merged = _parquet(self._merged)
        replaced = sorted({*_parquet(self._loose), *merged} - set(self._live(merged)))
        with self._readers() as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            durable.remove(replaced)

    def _files(self) -> list[File]:
        files = self._steadily(lambda merged: [segments.opened(path) for path in self._live(merged)])
        holder: dict[str, Path] = {}
        for file in files:
            for digest in file.digests:
                if holder.setdefault(digest, file.path) != file.path:
                    raise errors.InputError(
                        f"holds segment {digest} that {holder[digest]} holds too", file=str(file.path)
                    )
        return files

    def _live(self, merged: list[Path]) -> list[Path]:
        """Return the files that count: those whose segments are not all in a larger merged file."""
        held = {path: segments.digests(path) for path in merged}
        anywhere = frozenset(itertools.chain.from_iterable(held.values()))
        largest = [path for path in merged if not any(held[path] < other for other in held.values())]
        return largest + [path for path in _parquet(self._loose) if path.stem not in anywhere]

    def _steadily(self, read: Callable[[list[Path]], T]) -> T:
        """Return what `read` makes of the directory, given its merged files, undisturbed by a compaction.

        A compaction gives a merged file its name before it deletes what that replaces. So where the
        merged files are the same before and after, no file that counts went away in between.
        """
        for _ in range(TRIES):
            merged = _parquet(self._merged)
            with contextlib.suppress(FileNotFoundError):
                result = read(merged)
                if _parquet(self._merged) == merged:
                    return result
        raise errors.PlimsollError(f"{self.path}: changes faster than it can be read")


def _parquet(directory: Path) -> list[Path]:
    try:
        found = sorted(path for path in directory.iterdir() if path.suffix == segments.SUFFIX)
    except OSError as refused:
        raise errors.InputError(f"cannot be read: {refused.strerror}", file=str(directory)) from refused
    return [path for path in found if not path.name.startswith(".")]

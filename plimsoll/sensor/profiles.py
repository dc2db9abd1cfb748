"""What each workload of this node was seen to do, kept in SQLite: the names behind the hashes the kernel judges by.

The kernel's maps are the profile while the node is up; this file is what they are filled from after a reboot, what
patterns are made of, and what people read. A row is one fact as the kernel keys it (kind and hash) with its words.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import itertools
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from plimsoll import errors
from plimsoll.sensor import hashes, patterns, vocabulary
from plimsoll.sensor.shapes import Event, Flag, Kind, Mode

FILE = "sensor.sqlite"
MOST_FACTS = 20_000
"""Facts of one workload that are kept (the kernel holds 16,384); one that needs more is not told apart by facts."""
BUDGET = 20
"""Different facts of a workload that are stopped in a minute; more than that is a wrong profile, not an attack."""
MOST_DECISIONS, MOST_IMAGES = 10_000, 64
"""Decisions of a node and images of a workload that are remembered."""
SETTLING, MATURE, WEEK = 0.05, 0.01, 7
DAY = 86_400

_TABLES = """
CREATE TABLE IF NOT EXISTS workloads (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE, mode INTEGER NOT NULL, since REAL NOT NULL,
    options INTEGER NOT NULL, budget INTEGER NOT NULL, days INTEGER NOT NULL, last_day INTEGER NOT NULL,
    hits INTEGER NOT NULL, hits_read INTEGER NOT NULL, quiet INTEGER NOT NULL, starts INTEGER NOT NULL,
    armed REAL NOT NULL DEFAULT 0, stirred REAL NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS facts (
    workload INTEGER NOT NULL, kind INTEGER NOT NULL, hash INTEGER NOT NULL, learned INTEGER NOT NULL,
    verb TEXT NOT NULL, given TEXT NOT NULL, object TEXT NOT NULL, text TEXT NOT NULL, name TEXT NOT NULL,
    count INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL, days INTEGER NOT NULL,
    PRIMARY KEY (workload, kind, hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
    workload INTEGER NOT NULL, image TEXT NOT NULL, stirred REAL NOT NULL, proved INTEGER NOT NULL,
    PRIMARY KEY (workload, image)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (
    time REAL NOT NULL, who TEXT NOT NULL, did TEXT NOT NULL, subject TEXT NOT NULL, what TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_LATER = (
    "armed REAL NOT NULL DEFAULT 0",
    "stirred REAL NOT NULL DEFAULT 0",
    "pinned INTEGER NOT NULL DEFAULT 0",
)
"""Columns of workloads that older files have not."""
_AGAIN = """
UPDATE facts SET count = count + 1, days = days + (CAST(last / 86400 AS INT) < CAST(:at / 86400 AS INT)),
    last = max(last, :at), learned = max(learned, :learned)
WHERE workload = :workload AND kind = :kind AND hash = :hash
"""
_NEW = """
INSERT INTO facts VALUES
    (:workload, :kind, :hash, :learned, :verb, :given, :object, :text, :name, 1, :at, :at, 1)
"""
_COUNTS = f"""
SELECT total(learned), total(NOT learned AND NOT (kind = {Kind.SPAWN:d} AND EXISTS (
    SELECT 1 FROM facts other WHERE other.workload = facts.workload AND other.kind = {Kind.EXEC:d}
        AND other.text = facts.text AND NOT other.learned
))) FROM facts WHERE workload = ?
"""  # noqa: S608  numbers of ours. A new program and who started it are one novelty.
FILES = (Kind.READ, Kind.WRITE, Kind.DELETE, Kind.RENAME, Kind.LINK, Kind.CHMOD)

Entry = tuple[Kind, int]
"""A fact as the kernel keys it within a profile."""


class Maturity(NamedTuple):
    """How well a workload is known."""

    state: str
    bound: float
    """Upper limit of the chance that its next act is new."""
    days: int
    sentence: str


class Workload(msgspec.Struct):
    """One workload's container and how it is judged."""

    id: int
    subject: str
    mode: Mode
    since: float
    """When its first container was bound, or learning was begun anew; seconds since 1970."""
    options: int = 0
    budget: int = BUDGET
    days: int = 0
    last_day: int = 0
    hits: int = 0
    hits_read: int = 0
    """What the kernel's counter showed when `hits` was last added to."""
    quiet: int = 0
    """Acts since the last new fact."""
    starts: int = 0
    """Containers whose first program was seen."""
    armed: float = 0.0
    """When it was last switched to prevent; seconds since 1970."""
    stirred: float = 0.0
    """When it last did what prevent mode would stop, or was switched to alert."""
    pinned: int = 0
    """Whether it stays in alert mode until somebody says otherwise."""

    @property
    def maturity(self) -> Maturity:
        """How well it is known, from the acts since something was new.

        After n acts without a new one the chance of a new one is at most 3 / n (95 %; the rule of three, Hanley and
        Lippman-Hand, JAMA 249, 1983).

        >>> Workload(1, "shop/Deployment/redis:redis", Mode.ALERT, 0.0, days=9, quiet=4_000).maturity.state
        'mature'
        """
        bound = min(1.0, 3 / self.quiet) if self.quiet else 1.0
        state = "mature" if bound <= MATURE and self.days >= WEEK else "settling" if bound <= SETTLING else "learning"
        seen = f"{self.days} day{'s' * (self.days != 1)} seen"
        return Maturity(state, round(bound, 6), self.days, f"{self.quiet:,} acts since something was new; {seen}")


class Known(NamedTuple):
    """One fact of a workload as people handle it."""

    kind: Kind
    hash: int
    verb: str
    text: str
    times: int
    first: float
    last: float

    @property
    def id(self) -> str:
        """What it is called on the command line.

        >>> Known(Kind.EXEC, 0xAB12, "exec", "/bin/id", 1, 0.0, 0.0).id
        'exec-000000000000ab12'
        """
        return f"{self.verb}-{self.hash:016x}"


class Decision(NamedTuple):
    """What somebody, or the agent by a rule, decided about a workload."""

    time: float
    who: str
    did: str
    subject: str
    what: str


class Usual(NamedTuple):
    """What a workload was learned to do of one verb."""

    many: int
    since: float
    objects: tuple[str, ...]
    """A few of them, those seen most often first."""


class Profiles:
    """The workloads of this node and their facts, in a directory."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the profile in a directory, or begin one there."""
        self.clock = clock
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(directory / FILE, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA cache_size=-2000")
            self._db.executescript(_TABLES)
            self._add_columns()
            read = [_workload(row) for row in self._db.execute("SELECT * FROM workloads")]
        except (OSError, sqlite3.Error, ValueError, msgspec.ValidationError) as broken:
            raise errors.PlimsollError(f"{directory}: no profile can be kept here: {broken}") from broken
        self._workloads = {one.subject: one for one in read}
        self._by_id = {one.id: one for one in read}
        self._sizes: dict[int, int] = {}
        self._wider: dict[int, Wider] = {}
        self._begun = False

    def _add_columns(self) -> None:
        """Bring a file of an older version up to date."""
        there = {row[1] for row in self._db.execute("PRAGMA table_info(workloads)")}
        for column in _LATER:
            if column.partition(" ")[0] not in there:
                self._db.execute(f"ALTER TABLE workloads ADD COLUMN {column}")

    def close(self) -> None:
        """Keep everything and let go."""
        self.commit()
        self._db.close()

    def commit(self) -> None:
        """Make what was added last."""
        if self._begun:
            self._db.execute("COMMIT")
            self._begun = False

    def _write(self, statement: str, values: object) -> int:
        """Change the tables; return how many rows it changed."""
        if not self._begun:
            self._db.execute("BEGIN")
            self._begun = True
        return self._db.execute(statement, values).rowcount  # type: ignore[arg-type]  # a tuple or a dict

    def kept(self, key: str) -> str:
        """Return a setting, empty where it was never set."""
        row = self._db.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def keep(self, key: str, value: str) -> None:
        """Set a setting for good."""
        self._write("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, value))
        self.commit()

    def workload(self, subject: str, mode: Mode = Mode.LEARN) -> Workload:
        """Return the workload of this subject; one never seen begins in `mode`."""
        found = self._workloads.get(subject)
        if found is None:
            found = Workload(max(self._by_id, default=0) + 1, subject, mode, self.clock())
            self._workloads[subject] = self._by_id[found.id] = found
            self.save(found)
        return found

    def numbered(self, number: int) -> Workload | None:
        """Return the workload whose profile has this number in the kernel."""
        return self._by_id.get(number)

    def all(self) -> list[Workload]:
        """Return all workloads, by subject."""
        return [self._workloads[subject] for subject in sorted(self._workloads)]

    def matching(self, glob: str) -> list[Workload]:
        """Return the workloads a glob means; `shop/Deployment/web` means each of its containers.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     profiles = Profiles(Path(place))
        ...     one = profiles.workload("shop/Deployment/web:app")
        ...     [len(profiles.matching(glob)) for glob in ("shop/*", "shop/Deployment/web", "other")]
        [1, 1, 0]
        """
        return [
            one for one in self.all() if fnmatch.fnmatchcase(one.subject, glob) or one.subject.startswith(f"{glob}:")
        ]

    def save(self, workload: Workload) -> None:
        """Keep how a workload is judged."""
        row = msgspec.structs.astuple(workload)
        self._write(f"INSERT OR REPLACE INTO workloads VALUES ({','.join('?' * len(row))})", row)  # noqa: S608

    def counted(self, workload: Workload, hits: int) -> None:
        """Take over the kernel's counter of known acts; a smaller number than before means that it began anew."""
        more = hits - workload.hits_read if hits >= workload.hits_read else hits
        workload.hits += more
        workload.quiet += more
        workload.hits_read = hits
        today = int(self.clock() // DAY)
        if more and today != workload.last_day:
            workload.days, workload.last_day = workload.days + 1, today
        if more:
            self.save(workload)

    def learn(self, workload: Workload, event: Event, name: str = "") -> list[Entry]:
        """Add what an event says to the profile; return the entries that follow from it.

        `name` is what a connection's address was resolved from.
        """
        entries: list[Entry] = []
        for part in parts(event):
            if self._add(workload, part, name, learned=True):
                workload.quiet = 0
            entries += _following(part)
        return entries

    def saw(self, workload: Workload, event: Event, name: str = "") -> None:
        """Remember something new that was not learned: told, stopped or in doubt."""
        for part in parts(event):
            self._add(workload, part, name, learned=False)

    def _add(self, workload: Workload, event: Event, name: str, *, learned: bool) -> bool:
        """Add one fact; whether it is new. What was only seen so far becomes learned, never the reverse."""
        fact = vocabulary.said(event)
        if fact is None:
            return False
        values = {
            "workload": workload.id, "kind": int(event.kind), "hash": _signed(event.hash), "learned": learned,
            "name": name, "at": event.time.timestamp(), **{key: _stored(text) for key, text in fact._asdict().items()},
        }  # fmt: skip
        if self._write(_AGAIN, values) or self._size(workload) >= MOST_FACTS:
            return False
        self._write(_NEW, values)
        self._sizes[workload.id] += 1
        return True

    def _size(self, workload: Workload) -> int:
        if workload.id not in self._sizes:
            counted = self._db.execute("SELECT count(*) FROM facts WHERE workload = ?", (workload.id,)).fetchone()
            self._sizes[workload.id] = int(counted[0])
        return self._sizes[workload.id]

    def learned(self, workload: Workload) -> set[Entry]:
        """Return what the kernel should hold for a workload: its facts and what follows from them."""
        rows = self._db.execute("SELECT kind, hash FROM facts WHERE workload = ? AND learned", (workload.id,))
        entries = [(Kind(kind), _unsigned(number)) for kind, number in rows]
        follow = [(other, number) for kind, number in entries for other in _FOLLOWING.get(kind, ())]
        return {*entries, *follow, *self.wider(workload).entries}

    def adopt(self, workload: Workload, entries: Iterable[Entry]) -> None:
        """Take over facts that the kernel learned and this file lost the names of."""
        now = self.clock()
        for kind, number in entries:
            self._write(
                "INSERT OR IGNORE INTO facts VALUES (?, ?, ?, 1, ?, '', '', '', '', 1, ?, ?, 1)",
                (workload.id, int(kind), _signed(number), kind.name.lower(), now, now),
            )

    def counts(self, workload: Workload) -> tuple[int, int]:
        """Return how many facts were learned, and how many more were seen since."""
        row = self._db.execute(
            _COUNTS,
            (workload.id,),
        ).fetchone()
        return int(row[0]), int(row[1])

    def facts(self, workload: Workload, *, learned: bool) -> list[Known]:
        """Return the facts of a workload, the newest first: those learned, or those told and not learned."""
        rows = self._db.execute(
            "SELECT kind, hash, verb, text, object, given, count, first, last FROM facts"
            " WHERE workload = ? AND learned = ? ORDER BY last DESC, verb, text",
            (workload.id, learned),
        )
        return [
            Known(Kind(kind), _unsigned(number), verb, _worded(Kind(kind), text or named, given), count, first, last)
            for kind, number, verb, text, named, given, count, first, last in rows
        ]

    def decide(self, workload: Workload, facts: Iterable[Known], *, learned: bool) -> tuple[set[Entry], list[Known]]:
        """Make facts known, or unknown again; return the kernel's entries for them, and all facts that changed.

        With a program goes who started it.
        """
        wanted = {(one.kind, one.hash): one for one in facts}
        programs = {one.text for one in wanted.values() if one.kind == Kind.EXEC}
        spawned = (one for one in self.facts(workload, learned=not learned) if one.kind == Kind.SPAWN)
        wanted |= {(one.kind, one.hash): one for one in spawned if one.text.partition(" from ")[0] in programs}
        for kind, number in wanted:
            self._write(
                "UPDATE facts SET learned = ? WHERE workload = ? AND kind = ? AND hash = ?",
                (learned, workload.id, int(kind), _signed(number)),
            )
        entries = {(other, number) for kind, number in wanted for other in (kind, *_FOLLOWING.get(kind, ()))}
        return entries, [*wanted.values()]

    def noted(self, who: str, did: str, subject: str, what: str = "") -> None:
        """Keep a decision for whoever asks later; the oldest go when there are too many."""
        self._write(
            "INSERT INTO decisions VALUES (?, ?, ?, ?, ?)", (self.clock(), *map(_stored, (who, did, subject, what)))
        )
        self._write("DELETE FROM decisions WHERE rowid <= (SELECT max(rowid) FROM decisions) - ?", (MOST_DECISIONS,))

    def decisions(self, subjects: Iterable[str] | None = None) -> list[Decision]:
        """Return what was decided, the newest first; `subjects` limits it."""
        rows = self._db.execute("SELECT time, who, did, subject, what FROM decisions ORDER BY rowid DESC")
        wanted = None if subjects is None else {*subjects, ""}
        return [one for one in itertools.starmap(Decision, rows) if wanted is None or one.subject in wanted]

    def image(self, workload: Workload, image: str) -> bool:
        """Return whether an image of a workload is proved; one that is new is, unless it replaces one in prevent mode.

        Digests are compared with digests and names with names: a digest may come to be known later.
        """
        rows = dict(self._db.execute("SELECT image, proved FROM images WHERE workload = ?", (workload.id,)))
        if image in rows:
            return bool(rows[image])
        others = [one for one in rows if ("sha256:" in one) == ("sha256:" in image)]
        proved = workload.mode != Mode.PREVENT or not others
        if len(rows) >= MOST_IMAGES:
            self._write(
                "DELETE FROM images WHERE workload = ? AND image ="
                " (SELECT image FROM images WHERE workload = ? ORDER BY stirred LIMIT 1)",
                (workload.id, workload.id),
            )
        self._write("INSERT INTO images VALUES (?, ?, ?, ?)", (workload.id, image, self.clock(), proved))
        return proved

    def stir(self, workload: Workload, image: str = "") -> None:
        """Remember that something was done that prevent mode would stop."""
        workload.stirred = self.clock()
        self.save(workload)
        self._write(
            "UPDATE images SET stirred = ? WHERE workload = ? AND image = ?", (workload.stirred, workload.id, image)
        )

    def prove(self, workload: Workload, quiet: float | None = None) -> list[str]:
        """Take the images of a workload as proved, or only those that have been quiet for so long; return which."""
        before = self.clock() - (quiet or 0.0)
        found = self._db.execute(
            "SELECT image FROM images WHERE workload = ? AND NOT proved AND (? OR stirred <= ?)",
            (workload.id, quiet is None, before),
        ).fetchall()
        for (image,) in found:
            self._write("UPDATE images SET proved = 1 WHERE workload = ? AND image = ?", (workload.id, image))
        return [str(image) for (image,) in found]

    def usual(self, workload: Workload, verb: str, most: int = 3) -> Usual:
        """Return what a workload usually does of this verb."""
        rows = self._db.execute(
            "SELECT object, sum(count), min(first) FROM facts WHERE workload = ? AND verb = ? AND learned AND object != ''"
            " GROUP BY object ORDER BY sum(count) DESC, min(first), object",
            (workload.id, verb),
        ).fetchall()
        return Usual(len(rows), min((row[2] for row in rows), default=0.0), tuple(row[0] for row in rows[:most]))

    def wider(self, workload: Workload, *, afresh: bool = False) -> Wider:
        """Return what the facts of a workload amount to in general; `afresh` computes it again."""
        found = self._wider.get(workload.id)
        if found is None or afresh:
            found = self._wider[workload.id] = _widened(self._texts(workload))
        return found

    def _texts(self, workload: Workload) -> Iterator[tuple[Kind, str, str]]:
        kinds = (*FILES, Kind.CONNECT)
        rows = self._db.execute(
            f"SELECT kind, text, name FROM facts WHERE workload = ? AND learned AND kind IN ({','.join('?' * len(kinds))})",  # noqa: S608
            (workload.id, *map(int, kinds)),
        )
        return ((Kind(kind), text, name) for kind, text, name in rows)

    def knows(self, workload: Workload, event: Event) -> bool:
        """Return whether an event is in the profile, as the kernel would judge it."""
        if all(self._has(workload, part) for part in parts(event)):
            return True
        wider = self.wider(workload)
        if event.kind in FILES:
            return all(wider.covers(part) for part in parts(event))
        return event.kind == Kind.CONNECT and (is_loopback(event.address) or wider.reaches(event))

    def _has(self, workload: Workload, event: Event) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM facts WHERE workload = ? AND kind = ? AND hash = ? AND learned",
            (workload.id, int(event.kind), _signed(event.hash)),
        )
        return found.fetchone() is not None

    def names(self, workload: Workload) -> dict[str, set[tuple[str, int]]]:
        """Return the names that connections were made by, each with its protocols and ports."""
        return self.wider(workload).names


class Wider(NamedTuple):
    """What the facts of a workload amount to in general."""

    patterns: tuple[patterns.Pattern, ...]
    folders: dict[str, frozenset[str]]
    """Folders read from and written to."""
    entries: frozenset[Entry]
    """Networks and ports."""
    names: dict[str, set[tuple[str, int]]]
    """Names of far ends, with protocol and port."""

    def covers(self, event: Event) -> bool:
        """Return whether a pattern knows the file of an event."""
        access = "read" if event.kind == Kind.READ else "write"
        return any(
            one.access in (access, "write") and patterns.covers(one.text, event.path)
            for one in (*self.patterns, *patterns.HARMLESS)
        )

    def reaches(self, event: Event) -> bool:
        """Return whether the far end of a connection is known by its network or port."""
        number = vocabulary.number_of(event.protocol)
        return (Kind.CONNECT_PORT, hashes.port(event.port, number)) in self.entries or (
            Kind.CONNECT_NET, hashes.network(event.address, event.port, number),
        ) in self.entries  # fmt: skip


def _widened(texts: Iterable[tuple[Kind, str, str]]) -> Wider:
    reads: set[str] = set()
    writes: set[str] = set()
    ends: set[patterns.End] = set()
    names: dict[str, set[tuple[str, int]]] = {}
    for kind, text, name in texts:
        if kind == Kind.CONNECT:
            end = patterns.end(text)
            if end:
                ends.add(end)
                names.setdefault(name, set()).add((end.protocol, end.port))
        elif text:
            (reads if kind == Kind.READ else writes).add(text)
    names.pop("", None)
    return Wider(
        tuple(patterns.learned(reads, writes)),
        {"read": frozenset(map(folder, reads)), "write": frozenset(map(folder, writes))},
        frozenset(_entries(ends)),
        names,
    )


def _entries(ends: Iterable[patterns.End]) -> Iterator[Entry]:
    networks, ports = patterns.reached(ends)
    for end in networks:
        yield Kind.CONNECT_NET, hashes.network(end.address, end.port, vocabulary.number_of(end.protocol))
    for protocol, port in ports:
        yield Kind.CONNECT_PORT, hashes.port(port, vocabulary.number_of(protocol))


_FOLLOWING: dict[Kind, tuple[Kind, ...]] = {
    Kind.WRITE: (Kind.READ, Kind.DELETE, Kind.RENAME, Kind.LINK, Kind.CHMOD),
}
"""Who writes a file may read, replace and delete it."""


def _worded(kind: Kind, text: str, given: str) -> str:
    """A fact's object; of a start, with who started it."""
    return f"{text} from {given or 'outside'}" if kind == Kind.SPAWN else text


def _following(event: Event) -> list[Entry]:
    return [(kind, event.hash) for kind in _FOLLOWING.get(event.kind, ())]


def parts(event: Event) -> list[Event]:
    """Return the facts in an event, each as an event of its own.

    A rename takes one file away and writes another; a program that was started was started by one.
    """
    if event.kind == Kind.RENAME and not event.flags & Flag.TRUNCATED:
        return [
            msgspec.structs.replace(event, kind=Kind.DELETE, hash=hashes.path(event.path)),
            msgspec.structs.replace(event, kind=Kind.WRITE, path=event.path2, hash=hashes.path(event.path2)),
        ]
    if event.kind == Kind.EXEC:
        spawned = msgspec.structs.replace(event, kind=Kind.SPAWN, hash=hashes.spawn(event.parent, event.hash))
        return [event, spawned]
    return [event]


def folder(path: str) -> str:
    """Return the folder a path lies in.

    >>> folder("/data/x"), folder("/x")
    ('/data', '')
    """
    return path.rpartition("/")[0]


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own.

    >>> is_loopback("127.0.0.53"), is_loopback("::1"), is_loopback("10.0.0.1"), is_loopback("")
    (True, True, False, False)
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback or found.is_unspecified


def _workload(row: Sequence[Any]) -> Workload:
    return msgspec.convert(dict(zip(Workload.__struct_fields__, row, strict=True)), Workload)


def _stored(text: str) -> str:
    """Names are chosen by whoever runs in the container: what is no UTF-8 is written with its bytes' numbers."""
    return text.encode("utf-8", "backslashreplace").decode() if not text.isascii() else text


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _unsigned(number: int) -> int:
    return number & ((1 << 64) - 1)

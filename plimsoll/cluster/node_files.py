"""The files of a node that the CIS Benchmark names: whose they are and who may use them, never what is in them.

A node is a folder, `/` or where one is mounted: links are followed as on that node, and never lead out of the folder.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from plimsoll import errors
from plimsoll.cluster.manifests import shown
from plimsoll.posture.judging.node_files import API_VERSION, KIND, ROWS

MOST_NAMES = 100_000
"""Names of folders that are looked at in all."""
DEEPEST = 8
"""Folders within a folder."""
_LINKS = 40
"""Symbolic links on the way to one file, as Linux has it."""
_NOWHERE = "/dev/null/nowhere"
"""Where nothing can be."""
_LARGEST = 1 << 20
"""Bytes of the files that say the names of the node, its users and groups."""

File = dict[str, str | int]


def read(root: Path) -> dict[str, object]:
    """Return the object that tells of a node's files; raise InputError where there is no such folder."""
    try:
        place = root.resolve(strict=True)
    except (OSError, RuntimeError) as problem:  # the latter is a loop of links, before Python 3.13
        raise errors.InputError("not the folder of a node", file=shown(str(root))) from problem
    if not stat.S_ISDIR(_mode(str(place))):
        raise errors.InputError("not the folder of a node", file=shown(str(root)))
    return _Node(place).told()


class _Node:
    """A node while it is read."""

    def __init__(self, root: Path) -> None:
        self._root = str(root).rstrip("/")
        self._left = MOST_NAMES
        self._files: dict[str, File] = {}
        self._unread: dict[str, str] = {}
        self._users, self._groups = self._names("/etc/passwd"), self._names("/etc/group")

    def told(self) -> dict[str, object]:
        """Return the object."""
        for pattern in dict.fromkeys(path for row in ROWS.values() for path in row.paths):
            self._find("/", pattern.strip("/").split("/"), 0)
        if not self._files and not self._unread:
            self._unread["/"] = "none of the files that are judged is here"
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": self._name()},
            "files": [self._files[path] for path in sorted(self._files)],
            "unread": [{"path": path, "reason": self._unread[path]} for path in sorted(self._unread)],
        }

    def _name(self) -> str:
        """Return what the node calls itself."""
        told = next(iter(self._lines("/etc/hostname")), "").strip()
        return shown(told or socket.gethostname())[:253]

    def _find(self, folder: str, parts: list[str], depth: int) -> None:
        """Take the files below a folder that the parts of a pattern lead to."""
        first, rest = parts[0], parts[1:]
        if first == "**":
            self._find(folder, rest, depth)
            for name in self._folders(folder, depth):
                self._find(f"{folder}{name}/", parts, depth + 1)
            return
        for name in (one for one in self._list(folder) if fnmatchcase(one, first)) if "*" in first else [first]:
            if rest:
                self._find(f"{folder}{name}/", rest, depth)
            else:
                self._take(folder + name)

    def _folders(self, folder: str, depth: int) -> Iterator[str]:
        """Yield the folders in a folder; what is a link to one, or too deep, is told as not read."""
        within = self._place(folder)
        for name in self._list(folder):
            if not stat.S_ISDIR(_mode(self._place(folder + name))):
                continue
            if stat.S_ISLNK(_mode(f"{within}/{name}")):
                self._unread[_shown(folder + name)] = "a link to a folder, which is not followed here"
            elif depth >= DEEPEST:
                self._unread[_shown(folder + name)] = f"more than {DEEPEST} folders deep"
            else:
                yield name

    def _list(self, folder: str) -> list[str]:
        """Return the names in a folder, none where it is not there."""
        try:
            with os.scandir(self._place(folder)) as found:
                names = [one.name for one in islice(found, self._left + 1)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as problem:
            self._unread[_shown(folder)] = problem.strerror or str(problem)
            return []
        if len(names) > self._left:
            self._unread[_shown(folder)] = f"more than {MOST_NAMES:,} names in all, of which so many were read"
        del names[self._left :]
        self._left -= len(names)
        return sorted(names)

    def _take(self, path: str) -> None:
        """Take what is told of a file, if it is there."""
        name = _shown(path)
        if name in self._files:
            return
        try:
            found = os.lstat(self._place(path))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as problem:
            self._unread[name] = problem.strerror or str(problem)
            return
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            self._files[name] = self._file(name, found)

    def _file(self, path: str, found: os.stat_result) -> File:
        return {
            "path": path,
            "kind": "folder" if stat.S_ISDIR(found.st_mode) else "file",
            "mode": f"{stat.S_IMODE(found.st_mode):04o}",
            "owner": self._users.get(found.st_uid, str(found.st_uid)),
            "group": self._groups.get(found.st_gid, str(found.st_gid)),
            "uid": found.st_uid,
            "gid": found.st_gid,
        }

    def _place(self, path: str) -> str:
        """Return where a path of the node is on this machine, links followed; nothing where they lead round."""
        parts, links, done = path.split("/")[::-1], 0, ""
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            target = _link(f"{self._root}{done}/{part}")
            if target is None:
                done += f"/{part}"
                continue
            links += 1
            if links > _LINKS:
                self._unread[_shown(path)] = "symbolic links that lead round"
                return _NOWHERE
            done = "" if target.startswith("/") else done
            parts += target.split("/")[::-1]
        return self._root + done or "/"

    def _names(self, path: str) -> dict[int, str]:
        """Return the names of users or groups by their number; nobody but 0 is called root."""
        found: dict[int, str] = {}
        for line in self._lines(path):
            name, _, number, *_ = [*line.split(":"), "", "", ""]
            if number.isdecimal() and len(number) <= 10 and name and name != "root":
                found.setdefault(int(number), name[:32])
        return {**found, 0: "root"}

    def _lines(self, path: str) -> list[str]:
        """Return the lines of an ordinary file, none where it is none."""
        try:
            handle = os.open(self._place(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return []
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return []
            return file.read(_LARGEST).decode(errors="replace").splitlines()


def _link(place: str) -> str | None:
    """Return where a symbolic link leads to, None where it is none."""
    try:
        return str(Path(place).readlink())
    except OSError:
        return None


def _mode(place: str) -> int:
    """Return what a place is, 0 where nobody can say."""
    try:
        return os.lstat(place).st_mode
    except OSError:
        return 0


def _shown(path: str) -> str:
    """Return a path as text, whatever bytes are in it."""
    return os.fsencode(path).decode(errors="backslashreplace").rstrip("/") or "/"

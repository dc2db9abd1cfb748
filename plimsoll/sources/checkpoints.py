"""How far a growing file has been read, kept on disk so that a restart goes on from there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from plimsoll import errors
from plimsoll.sources import inputs

START = 1 << 10
"""Bytes at a file's beginning that tell it from another of the same inode; no more than `lines.KEPT`."""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a file that may since have been renamed, copied or truncated."""

    device: int
    inode: int
    offset: int = 0
    """Bytes that were read and made durable."""
    until: int = 0
    """Where the batch ended that was being made durable; after a crash it is cut in the same place again."""
    lines: int = 0
    """Lines of this file before the offset."""
    records: int = 0
    """Records before the offset, those of earlier files too."""
    known: int = 0
    """Length of the beginning that `fingerprint` is the SHA-256 of."""
    fingerprint: str = ""


def at_start(file: int, records: int = 0) -> Place:
    """Return the beginning of an open file."""
    status = os.fstat(file)
    return Place(status.st_dev, status.st_ino, records=records)


def fingerprinted(place: Place, begun: bytes) -> Place:
    """Return the place with the fingerprint of the beginning that was read, not of what the file may hold by now."""
    return msgspec.structs.replace(place, known=len(begun), fingerprint=hashlib.sha256(begun).hexdigest())


def holds(place: Place, file: int) -> bool:
    """Say whether the open file is one that was read up to this place."""
    status = os.fstat(file)
    if status.st_size < max(place.offset, place.known):
        return False
    if not place.known:
        return (status.st_dev, status.st_ino) == (place.device, place.inode)
    return hashlib.sha256(os.pread(file, place.known, 0)).hexdigest() == place.fingerprint


def load(path: Path) -> Place | None:
    """Return the place that was saved, None where there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Place)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise errors.InputError(inputs.why(problem), file=inputs.shown(path)) from problem
    except (msgspec.MsgspecError, ValueError) as problem:
        raise errors.InputError("not a checkpoint; remove it to begin anew", file=inputs.shown(path)) from problem


def save(path: Path, place: Place) -> None:
    """Keep the place: after a crash at any moment the file holds this one or the one before, whole."""
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as file:
            file.write(msgspec.json.encode(place) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except OSError as problem:
        raise errors.InputError(
            f"cannot keep the checkpoint: {inputs.why(problem)}", file=inputs.shown(path)
        ) from problem


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

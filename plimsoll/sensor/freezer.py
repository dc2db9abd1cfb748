"""Stopping a container in its tracks, so that its memory can be looked at: the kernel's cgroup freezer."""

from __future__ import annotations

from pathlib import Path

from plimsoll import errors

_V1 = Path("/sys/fs/cgroup/freezer")


def freeze(unified: Path | None, path: str, *, on: bool) -> None:
    """Freeze or thaw the cgroup of a path; PlimsollError where this host cannot.

    Version 2 has a file for it in each group (cgroup-v2.rst), version 1 a hierarchy of its own
    (freezer-subsystem.rst).
    """
    for file, text in (
        (unified / path.strip("/") / "cgroup.freeze" if unified else None, "1" if on else "0"),
        (_V1 / path.strip("/") / "freezer.state", "FROZEN" if on else "THAWED"),
    ):
        if file and file.exists():
            try:
                file.write_text(text)
            except OSError as refused:
                raise errors.PlimsollError(f"{file}: {refused.strerror}") from refused
            return
    raise errors.PlimsollError(f"{path}: nothing here can freeze it")

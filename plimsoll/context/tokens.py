"""Where a credential is: in the environment or in a file, never in the configuration or on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from plimsoll.context.statements import Silent

LARGEST = 1 << 16


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A credential by its place: `{env: NAME}` or `{file: PATH}`."""

    env: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ValueError("a credential is {env: NAME} or {file: PATH}")

    def value(self) -> str:
        """Return the credential, read afresh, so that one that was renewed is seen."""
        told = os.environ.get(self.env, "") if self.env else _read(self.file)
        if not told or not told.isprintable() or not told.isascii():
            raise Silent(f"no credential in {f'${self.env}' if self.env else self.file}")
        return told


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST).decode("ascii", errors="replace").strip()
    except (OSError, ValueError):
        return ""

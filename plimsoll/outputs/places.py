"""The place an output is written to: how wide it is, whether it shows colours, whose host it is on."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from typing import Literal, NamedTuple, TextIO

Color = Literal["auto", "always", "never"]


class Place(NamedTuple):
    """What an output needs to know of where it goes."""

    color: bool = False
    width: int | None = None
    """Columns of the terminal; None where lines may be as long as they are, as in a file or a pipe."""
    encoding: str = "utf-8"
    hostname: str = ""


def of(
    stream: TextIO,
    *,
    color: Color = "auto",
    width: int | None = None,
    hostname: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Place:
    """Return the place behind a stream; a width or host name that is given wins.

    >>> import io
    >>> of(io.StringIO(), hostname="node-1")
    Place(color=False, width=None, encoding='utf-8', hostname='node-1')
    """
    terminal = stream.isatty()
    return Place(
        color=color == "always" or (color == "auto" and terminal and _wants_color(environ)),
        width=shutil.get_terminal_size().columns if width is None and terminal else width,
        encoding=getattr(stream, "encoding", None) or "utf-8",
        hostname=platform.node() if hostname is None else hostname,
    )


def _wants_color(environ: Mapping[str, str]) -> bool:
    # https://no-color.org: present and not empty, whatever its value.
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

"""What a verb shows while it works: on a terminal how far it is, in a pipe nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.status import Status
from rich.text import Text

from plimsoll.outputs import places, plain

_LONGEST = 60
"""Characters of a name that are shown: of a path its end tells more."""


@contextmanager
def reading(color: places.Color) -> Iterator[Callable[[str, int], None]]:
    """Show which input is read, and how many records of it have been."""
    console = _console(color)
    if console is None:
        yield lambda _, __: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),  # a file's name may look like markup
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading")
        yield lambda name, count: bar.update(task, description=plain.shown(name)[-_LONGEST:], completed=count)


@contextmanager
def doing(color: places.Color) -> Iterator[Callable[[str], None]]:
    """Show what is being done."""
    console = _console(color)
    if console is None:
        yield lambda _: None
        return
    with Status("reading", console=console) as status:
        yield lambda what: status.update(Text(plain.shown(what)))


def _console(color: places.Color) -> Console | None:
    """Return the terminal of the messages, where there is one."""
    return Console(stderr=True, no_color=color == "never" or None) if sys.stderr.isatty() else None

"""Where alerts and answers go: one module a form or destination, found by its NAME.

An output is one module of this package. It has

    NAME: str                                 what `-o` calls it
    text(rows, place) -> iterator of str      the alerts as text, one piece for each as it comes
    document(value) -> str                    only where the form can say any plain value, not just alerts
    report(report, place) -> iterator of str  only where it is a form of what a scan found; it may have no other

and never raises on what a row holds: values are hostile. `rows` are rows of `tables.ALERTS`; a form that
has `document` takes rows of any table. Fields are described in docs/outputs.md.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TextIO, cast

from plimsoll import errors
from plimsoll.outputs import findings, places

Rows = Iterable[Mapping[str, object]]
_Text = Callable[[Rows, places.Place], Iterator[str]]
_Document = Callable[[object], str]
_Report = Callable[[findings.Report, places.Place], Iterator[str]]


def names() -> tuple[str, ...]:
    """Return the names of all outputs, in order.

    >>> names()
    ('falco_json', 'html', 'json', 'jsonl', 'junit', 'ocsf', 'openreports', 'sarif', 'table', 'yaml')
    """
    return tuple(sorted(_outputs()))


def names_of(what: str) -> tuple[str, ...]:
    """Return the names of the outputs that have `text`, `document` or `report`.

    >>> names_of("text")
    ('falco_json', 'json', 'jsonl', 'ocsf', 'table', 'yaml')
    """
    return tuple(name for name in names() if what in _outputs()[name])


def write(
    name: str,
    rows: Rows,
    stream: TextIO,
    *,
    color: places.Color = "auto",
    width: int | None = None,
    hostname: str | None = None,
) -> None:
    """Write rows to a stream in the form of this name; each row is flushed before the next one is asked for.

    >>> import sys
    >>> write("jsonl", [{"id": "a", "bits": 12.5}], sys.stdout)
    {"id": "a", "bits": 12.5}
    """
    text = cast("_Text", _able(name, "text", "what a scan found"))
    for piece in text(rows, places.of(stream, color=color, width=width, hostname=hostname)):
        stream.write(piece)
        stream.flush()


def document(name: str, value: object, stream: TextIO) -> None:
    """Write one value (an object, a list, …) to a stream as a whole document.

    >>> import sys
    >>> document("json", {"input": {"accepted": 3, "rejected": 0}}, sys.stdout)
    {
      "input": {
        "accepted": 3,
        "rejected": 0
      }
    }
    """
    stream.write(cast("_Document", _able(name, "document", "alerts"))(value))
    stream.flush()


def report(name: str, found: findings.Report, stream: TextIO, *, color: places.Color = "auto") -> None:
    """Write what a scan found to a stream in the form of this name."""
    text = cast("_Report", _able(name, "report", "other things"))
    stream.writelines(text(found, places.of(stream, color=color)))
    stream.flush()


def _able(name: str, what: str, otherwise: str) -> object:
    """Return what an output can do; raise UsageError where it cannot."""
    output = _output(name)
    if what not in output:
        raise errors.UsageError(f"-o {name} is a form of {otherwise} only; here: {', '.join(names_of(what))}")
    return output[what]


def _output(name: str) -> Mapping[str, object]:
    if name not in _outputs():
        raise errors.UsageError(f"no output is called {name!r}; there are {', '.join(names())}")
    return _outputs()[name]


@functools.cache
def _outputs() -> dict[str, Mapping[str, object]]:
    modules = (vars(importlib.import_module(f"{__name__}.{found.name}")) for found in pkgutil.iter_modules(__path__))
    return {module["NAME"]: module for module in modules if "NAME" in module}

"""Where alerts and answers go: one module a form or destination, found by its NAME.

An output is one module of this package. It has

    NAME: str                                 what `-o` calls it
    text(rows, place) -> iterator of str      the alerts as text, one piece for each as it comes
    document(value) -> str                    only where the form can say any plain value, not just alerts

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
from plimsoll.outputs import places

Rows = Iterable[Mapping[str, object]]
_Text = Callable[[Rows, places.Place], Iterator[str]]
_Document = Callable[[object], str]


def names() -> tuple[str, ...]:
    """Return the names of all outputs, in order.

    >>> names()
    ('falco_json', 'json', 'jsonl', 'ocsf', 'table', 'yaml')
    """
    return tuple(sorted(_outputs()))


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
    text = cast("_Text", _output(name)["text"])
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
    output = _output(name)
    if "document" not in output:
        raise errors.UsageError(f"-o {name} is a form of alerts only; here: {', '.join(_documents())}")
    stream.write(cast("_Document", output["document"])(value))
    stream.flush()


def _output(name: str) -> Mapping[str, object]:
    if name not in _outputs():
        raise errors.UsageError(f"no output is called {name!r}; there are {', '.join(names())}")
    return _outputs()[name]


def _documents() -> list[str]:
    return [name for name in names() if "document" in _outputs()[name]]


@functools.cache
def _outputs() -> dict[str, Mapping[str, object]]:
    modules = (vars(importlib.import_module(f"{__name__}.{found.name}")) for found in pkgutil.iter_modules(__path__))
    return {module["NAME"]: module for module in modules if "NAME" in module}

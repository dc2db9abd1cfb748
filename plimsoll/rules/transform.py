"""What a field or a transformer gives: from which columns it is read, and how its value is made of theirs."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from plimsoll.rules import fields, operators, syntax

Value = Any
"""A text, a number, a truth, a list of texts, or None where there is none."""


class Operand(NamedTuple):
    """One side of a comparison."""

    type: fields.Type
    columns: tuple[str, ...]
    read: Callable[..., Value] | None = None
    """Makes the value of the columns' values; None where it is that of the one column."""
    is_list: bool = False

    def value(self, *values: Value) -> Value:
        """Return the value, given those of the columns."""
        return self.read(*values) if self.read else values[0]


def operand(left: syntax.Left, source: str) -> Operand:
    """Return where a value comes from; raise fields.Unknown or operators.Invalid where it cannot be.

    >>> operand(syntax.Field("proc.aname", "2"), "syscall").columns
    ('proc.aname[2]',)
    >>> operand(syntax.value("len(concat(proc.name, proc.args))"), "syscall").value("sh", "-c")
    4
    """
    if isinstance(left, syntax.Call):
        return _called(left, source)
    field, kind = fields.resolve(left, source)
    if source == "syscall":
        made = _derived(field)
        if made:
            return made
    return Operand(kind.type, (key(field),), None, kind.is_list)


def key(field: syntax.Field) -> str:
    """Return the name of the column that holds a field: as event files spell it.

    >>> key(syntax.Field("evt.arg", "flags")), key(syntax.Field("evt.arg", "0")), key(syntax.Field("proc.aname", "2"))
    ('evt.arg.flags', 'evt.arg[0]', 'proc.aname[2]')
    """
    if field.name in ("evt.arg", "evt.rawarg") and field.arg and not field.arg.isdecimal():
        return f"{field.name}.{field.arg}"
    return str(field)


_MOUNT = ("source", "dest", "mode", "rdwr", "propagation")
_SELF = {"proc.aname": "proc.name", "proc.aexe": "proc.exe", "proc.aexepath": "proc.exepath", "proc.acmdline": "proc.cmdline", "proc.apid": "proc.pid"}  # fmt: skip
_PARENT = {"proc.aexe": "proc.pexe", "proc.aexepath": "proc.pexepath", "proc.acmdline": "proc.pcmdline", "proc.apid": "proc.ppid"}  # fmt: skip
_CLOCKS = {
    "evt.time": "%H:%M:%S.%9",
    "evt.time.s": "%H:%M:%S",
    "evt.time.iso8601": "%Y-%m-%dT%H:%M:%S.%9+0000",
    "evt.datetime": "%Y-%m-%d %H:%M:%S.%9",
    "evt.datetime.s": "%Y-%m-%d %H:%M:%S",
}


def _derived(field: syntax.Field) -> Operand | None:
    """Return how a field is made of another, where it has no column of its own."""
    name, arg = field
    if arg == "0" and name in _SELF:
        return Operand("int64" if name == "proc.apid" else "text", (_SELF[name],))
    if arg == "1" and name in _PARENT:
        return Operand("int64" if name == "proc.apid" else "text", (_PARENT[name],))
    if name == "proc.env" and arg is not None:
        return Operand("text", ("proc.env",), lambda text: None if text is None else variable(text, arg))
    if name == "proc.args" and arg is not None and arg.isdecimal():
        return Operand("text", ("proc.args",), lambda text: None if text is None else _nth(text.split(" "), int(arg)))
    if name.startswith("container.mount") and name != "container.mounts":
        part = name.removeprefix("container.mount").removeprefix(".")
        return Operand(
            "text", ("container.mounts",), lambda text: None if text is None else mount(text, arg or "", part)
        )
    if name == "evt.dir":
        return Operand("text", ("evt.type",), lambda _: "<")
    if name == "evt.source":
        return Operand("text", ("evt.type",), lambda _: "syscall")
    if name in _CLOCKS:
        return Operand("text", ("evt.rawtime",), lambda time: None if time is None else clock(time, _CLOCKS[name]))
    if name == "evt.rawtime.s":
        return Operand("abstime", ("evt.rawtime",), lambda time: None if time is None else time // 10**9)
    if name == "evt.rawtime.ns":
        return Operand("abstime", ("evt.rawtime",), lambda time: None if time is None else time % 10**9)
    return None


def clock(nanoseconds: int, form: str) -> str:
    """Return a time in UTC; %9 stands for its nanoseconds.

    >>> clock(1588262426779031304, "%H:%M:%S.%9")
    '16:00:26.779031304'
    """
    seconds, rest = divmod(nanoseconds, 10**9)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=min(seconds, 253_402_300_799))
    return moment.strftime(form.replace("%9", f"{rest:09d}"))


def variable(text: str, name: str) -> str | None:
    """Return one variable of an environment, which is told as `A=1 B=2`."""
    found = next((part for part in text.split(" ") if part.startswith(f"{name}=")), None)
    return found[len(name) + 1 :] if found else None


def mount(text: str, wanted: str, part: str) -> str | None:
    """Return what is told of a mount: the one at a place in the list, or from a source; `source` is asked by destination.

    >>> mounts = "/a:/b:ro:false:rprivate,/c:/d:rw:true:"
    >>> mount(mounts, "/c*", "dest"), mount(mounts, "/d", "source"), mount(mounts, "0", "mode"), mount(mounts, "/x", "")
    ('/d', '/c', 'ro', None)
    """
    mounts = [pieces for one in text.split(",") if len(pieces := one.split(":")) >= len(_MOUNT)]
    at = 1 if part == "source" else 0
    found = (
        mounts[int(wanted) :][:1]
        if wanted.isdecimal() and len(wanted) < 9
        else [pieces for pieces in mounts if _glob_equal(pieces[at], wanted)]
    )
    if not found:
        return None
    return found[0][_MOUNT.index(part)] if part in _MOUNT else ":".join(found[0])


def _glob_equal(text: str, pattern: str) -> bool:
    return text == pattern or (
        bool(set(pattern) & set("*?[")) and operators.meaning("text", "glob", [pattern]).test(text)
    )


def _nth(items: Sequence[str], index: int) -> str | None:
    return items[index] if index < len(items) else None


def _called(call: syntax.Call, source: str) -> Operand:
    if call.key is not None and call.name != "getopt":
        raise operators.Invalid(f"filter error: transformer '{call.name}' does not support field arguments")
    arguments = [_argument(one, source) for one in call.args]
    make = _TRANSFORMERS[call.name](call, arguments)
    columns = tuple(dict.fromkeys(column for one in arguments for column in one.columns))
    places = [tuple(columns.index(column) for column in one.columns) for one in arguments]

    def read(*values: Value) -> Value:
        given = [one.value(*(values[at] for at in at_)) for one, at_ in zip(arguments, places, strict=True)]
        return None if any(value is None for value in given) else make.of(*given)

    return Operand(make.type, columns, read, make.is_list)


def _argument(argument: syntax.Argument, source: str) -> Operand:
    if isinstance(argument, str):
        return Operand("text", (), lambda: argument)
    if isinstance(argument, syntax.Listed):
        return _listed([_argument(one, source) for one in argument.items])
    if isinstance(argument, syntax.Field):
        field, kind = fields.resolve(argument, source)
        if (kind.left_only and not kind.is_list) or kind.filter_only:
            raise operators.Invalid(f"field '{field}' does not support transformers")
    return operand(argument, source)


def _listed(items: Sequence[Operand]) -> Operand:
    if any(one.is_list for one in items):
        raise operators.Invalid("a list cannot hold lists")
    columns = tuple(dict.fromkeys(column for one in items for column in one.columns))
    places = [tuple(columns.index(column) for column in one.columns) for one in items]

    def read(*values: Value) -> Value:
        given = [one.value(*(values[at] for at in at_)) for one, at_ in zip(items, places, strict=True)]
        return None if any(value is None for value in given) else [as_text(value) for value in given]

    return Operand("text", columns, read, is_list=True)


def as_text(value: Value) -> str:
    """Return a value as Falco prints it.

    >>> as_text(True), as_text(["a", "b"]), as_text(None), as_text(7)
    ('true', '(a,b)', '<NA>', '7')
    """
    if value is None:
        return "<NA>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"({','.join(map(as_text, value))})"
    return str(value)


class _Made(NamedTuple):
    """What a transformer makes of its arguments' values."""

    type: fields.Type
    of: Callable[..., Value]
    is_list: bool = False


def _each(
    function: Callable[[str], str | None], types: Sequence[str]
) -> Callable[[syntax.Call, Sequence[Operand]], _Made]:
    """Return a transformer of one text, or of each text of a list."""

    def made(call: syntax.Call, given: Sequence[Operand]) -> _Made:
        if len(given) != 1 or given[0].type not in types:
            raise operators.Invalid(f"transformer '{call.name}' takes one text")
        if given[0].is_list:
            return _Made(given[0].type, lambda values: [function(value) for value in values], is_list=True)
        return _Made(given[0].type, function)

    return made


def _unbased(text: str) -> str | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _length(_: syntax.Call, given: Sequence[Operand]) -> _Made:
    if len(given) != 1 or not (given[0].is_list or given[0].type in ("text", "bytes")):
        raise operators.Invalid("transformer 'len' takes one text, bytes or list")
    return _Made("uint64", len if given[0].is_list else lambda text: len(text.encode()))


def _join(_: syntax.Call, given: Sequence[Operand]) -> _Made:
    if len(given) != 2 or given[0].is_list or given[0].columns or not given[1].is_list:
        raise operators.Invalid("transformer 'join' takes a separator and a list")
    return _Made("text", lambda separator, values: separator.join(values))


def _concat(_: syntax.Call, given: Sequence[Operand]) -> _Made:
    if len(given) < 2 or any(one.is_list or one.type != "text" for one in given):
        raise operators.Invalid("transformer 'concat' takes two texts or more")
    return _Made("text", lambda *values: "".join(values))


def _options(call: syntax.Call, given: Sequence[Operand]) -> _Made:
    listed = bool(given) and (given[0].is_list or given[0].columns == ("proc.args",))
    if len(given) != 2 or not listed or given[1].is_list or given[1].type != "text":
        raise operators.Invalid("transformer 'getopt' takes a list of arguments and the letters of options")
    wanted = call.key

    def read(arguments: Sequence[str] | str, letters: str) -> Value:
        found = options(arguments.split(" ") if isinstance(arguments, str) else arguments, letters)
        if wanted is None:
            return [*_flat(found, letters)]
        told = [value or "" for option, value in found if option == wanted]
        return told[-1] if told else None

    return _Made("text", read, is_list=wanted is None)


def _flat(found: Sequence[tuple[str, str | None]], letters: str) -> Iterator[str]:
    """Yield each option and, where it takes one, its value; a missing value only where the letters begin with a colon."""
    for option, value in found:
        if value is None and not letters.startswith(":"):
            continue
        yield option
        if f"{option}:" in letters.removeprefix(":"):
            yield value or ""


def options(arguments: Sequence[str], letters: str) -> list[tuple[str, str | None]]:
    """Return the options among arguments as getopt(3) reads them, up to the first that is none.

    Of an option that takes no value the value is "", of one whose value is missing None.

    >>> options(["-lp", "80", "-e/bin/sh", "host", "-x"], "lp:e:x")
    [('l', ''), ('p', '80'), ('e', '/bin/sh')]
    """
    found: list[tuple[str, str | None]] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-" and not rest[0].startswith("--"):
        argument = rest.pop(0)[1:]
        while argument:
            letter, argument = argument[0], argument[1:]
            if letter == ":" or letter not in letters:
                continue
            if f"{letter}:" not in letters.removeprefix(":"):
                found.append((letter, ""))
                continue
            value = argument or (rest.pop(0) if rest else None)
            found.append((letter, value))
            argument = ""
    return found


_TRANSFORMERS: dict[str, Callable[[syntax.Call, Sequence[Operand]], _Made]] = {
    "tolower": _each(operators.lower, ("text",)),
    "toupper": _each(operators.upper, ("text",)),
    "b64": _each(_unbased, ("text", "bytes")),
    "basename": _each(lambda text: text.rpartition("/")[2], ("text",)),
    "len": _length,
    "join": _join,
    "concat": _concat,
    "getopt": _options,
}

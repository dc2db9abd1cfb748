from __future__ import annotations

from typing import Any

import pytest

from plimsoll.rules import fields, operators, syntax, transform


def made(text: str) -> transform.Operand:
    left = syntax.value(text)
    assert left is not None, text
    return transform.operand(left, "syscall")


@pytest.mark.parametrize(
    ("text", "values", "value"),
    [
        ("tolower(proc.name)", ["ÄB"], "Äb"),
        ("b64(proc.name)", ["YWFhLWJiYg"], "aaa-bbb"),
        ("b64(proc.name)", ["a"], None),
        ("basename(fd.name)", ["/tmp/x"], "x"),
        ("len(fd.name)", ["ä"], 2),
        ("len(fd.types)", [["file", "pipe"]], 2),
        ('join("-", (fd.name, evt.num))', ["/x", 7], "/x-7"),
        ('concat(fd.name, "!")', [None], None),
        ('getopt(proc.args, "lp:e:")', ["-lp 80 -e /bin/sh host"], ["l", "p", "80", "e", "/bin/sh"]),
        ('getopt(proc.args, "p:")[p]', ["-p 80"], "80"),
        ("proc.env[HOME]", ["A=1 HOME=/root"], "/root"),
        ("container.mount.dest[/c]", ["/a:/b:ro:true:,/c:/etc:rw:true:"], "/etc"),
        ("container.mount.dest[/etc]", ["/a:/b:ro:true:,/c:/etc:rw:true:"], None),
        ("container.mount.source[/etc]", ["/a:/b:ro:true:,/c:/etc:rw:true:"], "/c"),
        ("container.mount.mode[1]", ["/a:/b:ro:true:,/c:/etc:rw:true:"], "rw"),
        ("container.mount[2]", ["/a:/b:ro:true:,/c:/etc:rw:true:"], None),
        ("evt.time", [1588262426779031304], "16:00:26.779031304"),
    ],
)
def test_a_value_is_made_of_its_columns(text: str, values: list[Any], value: Any) -> None:
    assert made(text).value(*values) == value


@pytest.mark.parametrize(
    "text",
    [
        "toupper(evt.rawres)",
        'join("-")',
        'concat("a")',
        'getopt("a", "n")',
        "toupper(fd.name)[x]",
        "len(evt.num)",
        "tolower(proc.aname)",
    ],
)
def test_a_transformer_that_gets_the_wrong_thing_is_an_error(text: str) -> None:
    with pytest.raises(operators.Invalid):
        made(text)


def test_a_field_unknown_inside_is_unknown() -> None:
    with pytest.raises(fields.Unknown):
        made("tolower(proc.nobody)")

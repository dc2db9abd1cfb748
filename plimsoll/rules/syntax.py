r"""Conditions as text become trees; the parser knows the grammar and no field.

    Or    := And ("or" And)*        And := Not ("and" Not)*        Not := "not"* Check
    Check := "(" Or ")" | Left Cond | MacroName
    Left  := Field | Call
    Field := name("."name)+ [ "[" quoted or bare [^][\"'\s]+ "]" ]
    Call  := (tolower|toupper|b64|basename|len|join|concat|getopt) "(" Arg ("," Arg)* ")" [ "[" arg "]" ]
    Arg   := Field | Call | quoted | number | "(" [Arg ("," Arg)*] ")"
    Cond  := "exists" | (< <= > >=) (number | hex | Value)
           | (= == != glob iglob contains icontains bcontains startswith bstartswith endswith regex)
             ( quoted | bare | Value | (oneof|anyof|allof) List )
           | (in | intersects | pmatch) ( List | Value )
    Value := "val(" Field ")" | Call
    List  := "(" [text ("," text)*] ")" | name
    bare  := [^()"'\s=,]+          number := [+-]?\d+\.?\d*([eE][+-]\d+)?

`not` binds before `and`, `and` before `or`; key words are in lower case. A word operator, `and`, `or`
and `not` want a blank or a bracket after them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

DEEPEST = 90
"""Brackets in brackets: far beyond what people write, and within what Python's stack holds."""


class Field(NamedTuple):
    """A field of the event, with its argument: `proc.aname[2]`."""

    name: str
    arg: str | None = None

    def __str__(self) -> str:
        return self.name if self.arg is None else f"{self.name}[{self.arg}]"


class Call(NamedTuple):
    """A transformer and what it is given; `key` is what stands in brackets behind it."""

    name: str
    args: tuple[Argument, ...]
    key: str | None = None

    def __str__(self) -> str:
        behind = "" if self.key is None else f"[{self.key}]"
        return f"{self.name}({', '.join(map(shown, self.args))}){behind}"


class Values(NamedTuple):
    """What a field is compared with; the word says how many of them must hold (oneof, anyof, allof)."""

    texts: tuple[str, ...]
    word: str = ""


class Listed(NamedTuple):
    """A list among the arguments of a transformer."""

    items: tuple[Argument, ...]


Argument = Field | Call | Listed | str
Left = Field | Call


class Check(NamedTuple):
    """One test of one value."""

    left: Left
    operator: str
    right: str | Values | Left | None
    at: int = 0
    """Where it stands in the text."""


class Macro(NamedTuple):
    """A condition that has its name elsewhere."""

    name: str
    at: int = 0


class Not(NamedTuple):
    """What must not hold."""

    of: Tree


class And(NamedTuple):
    """All of which must hold."""

    parts: tuple[Tree, ...]


class Or(NamedTuple):
    """One of which must hold."""

    parts: tuple[Tree, ...]


Tree = Check | Macro | Not | And | Or


class Unparsable(ValueError):
    """A text that is no condition; `at` is where that shows."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


def shown(argument: Argument) -> str:
    """Return an argument of a transformer as it is written."""
    if isinstance(argument, Listed):
        return f"({', '.join(map(shown, argument.items))})"
    return f'"{argument}"' if isinstance(argument, str) else str(argument)


def parse(text: str) -> Tree:
    """Return the tree of a condition; raise Unparsable where it is none.

    >>> parse("spawned_process and proc.name in (bash, 'sh')")
    And(parts=(Macro(name='spawned_process', at=0), Check(left=Field(name='proc.name', arg=None), operator='in', right=Values(texts=('bash', 'sh'), word=''), at=20)))
    >>> parse("a.b = b = 1")
    Traceback (most recent call last):
    plimsoll.rules.syntax.Unparsable: unexpected token after 'b', expecting 'or', 'and'
    """
    parser = _Parser(text)
    tree = parser.either()
    parser.end()
    return tree


def value(text: str) -> Left | None:
    """Return the field or transformer a text is, None where it is none.

    >>> str(value("proc.aname[2]")), str(value("tolower(proc.name)")), value("proc")
    ('proc.aname[2]', 'tolower(proc.name)', None)
    """
    parser = _Parser(text)
    try:
        found = parser.left()
        return found if parser.at == len(text) else None
    except Unparsable:
        return None


def longest(text: str, at: int) -> tuple[list[Field], Call | None, int]:
    """Return what an output may mean at a place: the fields that could begin there, longest first, or a transformer.

    >>> longest("proc.name, and more", 0)[0]
    [Field(name='proc.name', arg=None)]
    """
    parser = _Parser(text, at)
    if parser.sees(_CALL):
        call = parser.call()
        return [], call, parser.at
    match = _FIELD.match(text, at)
    if not match:
        return [], None, at
    parts = match[0].split(".")
    names = [".".join(parts[:count]) for count in range(len(parts), 1, -1)]
    return [Field(name) for name in names], None, match.end()


_BLANK = re.compile(r"[ \t\n\r\x08]+")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FIELD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+")
_CALL = re.compile(r"(tolower|toupper|b64|basename|len|join|concat|getopt)\(")
_VAL = re.compile(r"val\(")
_ARGUMENT = re.compile(r"[^]\[\"'\s]+")
_BARE = re.compile(r"[^()\"'\s=,]+")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\\"?+)*+\"|'(?:[^'\\]|\\'?+)*+'")
"""As Falco reads it: a quote that follows a backslash never ends the text, whatever stands before the backslash."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/"}
_EXISTS = re.compile(r"exists")
_NUMERIC = re.compile(r"<=|<|>=|>")
_TEXTUAL = re.compile(
    r"==|!=|=|(?:glob|iglob|contains|icontains|bcontains|startswith|bstartswith|endswith|regex)(?=[ \t\n\r\x08(])"
)
_PLURAL = re.compile(r"intersects|in|pmatch")
_WORD = re.compile(r"(oneof|anyof|allof)[ \t\n\r\x08]+(?=\(|(?!(?:and|or)\b)[a-zA-Z])")
_OR, _AND, _NOT = re.compile("or"), re.compile("and"), re.compile(r"not(?=[ \t\n\r\x08(])")
_LAST = re.compile(r"[^()\s=,]+|.", re.DOTALL)

_OPERATORS = (
    "'exists', '<=', '<', '>=', '>', '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', "
    "'startswith', 'bstartswith', 'endswith', 'regex', 'intersects', 'in', 'pmatch'"
)
_VALUES = "a field with a valid transformer: 'val', 'tolower', 'toupper', 'b64', 'basename', 'len', 'join', 'concat', 'getopt'"


class _Parser:
    """The text and how far it was read."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text, self.at, self._depth, self._last = text, at, 0, at

    def wrong(self, reason: str) -> Unparsable:
        """Return the error that the text is no condition from here on."""
        return Unparsable(reason, self.at)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read on over what matches here."""
        match = pattern.match(self.text, self.at)
        if match:
            self._last, self.at = self.at, match.end()
        return match

    def sees(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self.text, self.at) is not None

    def mark(self, char: str) -> bool:
        """Read on over this character, if it is the next."""
        if self.text.startswith(char, self.at):
            self._last, self.at = self.at, self.at + 1
            return True
        return False

    def blank(self) -> bool:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match is not None

    def end(self) -> None:
        self.blank()
        if self.at < len(self.text):
            last = self.text[self._last : self.at].strip()[:60]
            raise self.wrong(f"unexpected token after '{last}', expecting 'or', 'and'")

    def either(self) -> Tree:
        parts = self._joined(_OR, "or", self._all)
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Tree:
        parts = self._joined(_AND, "and", self._negated)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _joined(self, word: re.Pattern[str], name: str, part: Callable[[], Tree]) -> list[Tree]:
        self._deeper()
        parts = [part()]
        self.blank()
        while self.take(word):
            if not self.blank() and not self.text.startswith("(", self.at):
                raise self.wrong(f"expected blank or '(' after '{name}'")
            parts.append(part())
            self.blank()
        self._depth -= 1
        return parts

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > 2 * DEEPEST:
            raise self.wrong(f"exceeded max depth limit of {DEEPEST}")

    def _negated(self) -> Tree:
        self.blank()
        negative = False
        while self.take(_NOT):
            negative = not negative
            self.blank()
        tree = self._check()
        return Not(tree) if negative else tree

    def _check(self) -> Tree:
        start = self.at
        if self.mark("("):
            inner = self.either()
            self.blank()
            if not self.mark(")"):
                raise self.wrong("expected a ')' token")
            return inner
        if self.sees(_FIELD) or self.sees(_CALL):
            return self._condition(self.left(), start)
        if match := self.take(_NAME):
            return Macro(match[0], start)
        raise self.wrong("expected a '(' token, a field check, or an identifier")

    def left(self) -> Left:
        if self.sees(_CALL):
            return self.call()
        return self._field()

    def _field(self) -> Field:
        match = self.take(_FIELD)
        if not match:
            raise self.wrong("expected a field")
        return Field(match[0], self._index())

    def _index(self) -> str | None:
        """Read what stands in square brackets right behind."""
        if not self.mark("["):
            return None
        found = self._quoted()
        if found is None:
            bare = self.take(_ARGUMENT)
            if not bare:
                raise self.wrong("expected a valid field argument: a quoted string or a bare string")
            found = bare[0]
        if not self.mark("]"):
            raise self.wrong("expected a ']' token")
        return found

    def call(self) -> Call:
        match = self.take(_CALL)
        if not match:
            raise self.wrong("expected a transformer")
        args = self._arguments(
            "expected field transformer argument: field, transformer, quoted string, number, or transformer list"
        )
        if not args:
            raise self.wrong(
                "expected field transformer argument: field, transformer, quoted string, number, or transformer list"
            )
        if not self.mark(")"):
            raise self.wrong("expected a ')' token closing the transformer")
        return Call(match[1], args, self._index())

    def _arguments(self, wanted: str, *, nested: bool = True) -> tuple[Argument, ...]:
        self._deeper()
        args: list[Argument] = []
        self.blank()
        while args or not self.text.startswith(")", self.at):
            args.append(self._argument(wanted, nested=nested))
            self.blank()
            if not self.mark(","):
                break
            self.blank()
        self._depth -= 1
        return tuple(args)

    def _argument(self, wanted: str, *, nested: bool) -> Argument:
        if self.sees(_CALL):
            return self.call()
        if self.sees(_FIELD):
            return self._field()
        if (text := self._quoted()) is not None:
            return text
        if number := self.take(_NUMBER):
            return number[0]
        if nested and self.mark("("):
            items = self._arguments(
                "expected transformer list argument: field, transformer, quoted string, or number", nested=False
            )
            if not self.mark(")"):
                raise self.wrong("expected a ')' token closing the transformer list")
            return Listed(items)
        raise self.wrong(wanted)

    def _quoted(self) -> str | None:
        match = self.take(_QUOTED)
        if not match:
            return None
        quote, start = match[0][0], match.start() + 1

        def meant(escape: re.Match[str]) -> str:
            char = escape[1]
            if char in _ESCAPES or char == quote:
                return _ESCAPES.get(char, char)
            if char.isspace():
                return escape[0]
            raise Unparsable(f"invalid \\{char} escape in {quote}-quoted string", start + escape.start())

        text: str = match[0][1:-1]
        return _ESCAPE.sub(meant, text) if "\\" in text else text

    def _condition(self, left: Left, start: int) -> Check:
        self.blank()
        if self.take(_EXISTS):
            return Check(left, "exists", None, start)
        if operator := self.take(_NUMERIC):
            self.blank()
            return Check(left, operator[0], self._number(), start)
        if operator := self.take(_TEXTUAL):
            spaced = self.blank()
            word = self.take(_WORD) if spaced else None
            right = self._list(word[1]) if word else self._text()
            return Check(left, "=" if operator[0] == "==" else operator[0], right, start)
        if operator := self.take(_PLURAL):
            self.blank()
            return Check(left, operator[0], self._reference() or self._list(""), start)
        raise self.wrong(f"expected a valid check operator: one of {_OPERATORS}")

    def _number(self) -> str | Left:
        found = self._reference()
        if found is not None:
            return found
        match = self.take(_NUMBER)
        if not match:
            raise self.wrong(f"expected a number value or {_VALUES}")
        return match[0]

    def _text(self) -> str | Left:
        found: str | Left | None = self._reference()
        if found is None:
            found = self._quoted()
        if found is not None:
            return found
        match = self.take(_BARE)
        if not match:
            raise self.wrong(f"expected a string value or {_VALUES}")
        return match[0]

    def _reference(self) -> Left | None:
        """Read the field or transformer that stands on the right."""
        if self.sees(_CALL):
            return self.call()
        if not self.take(_VAL):
            return None
        self.blank()
        if not self.sees(_FIELD):
            raise self.wrong("expected a field within 'val' transformer")
        field = self._field()
        self.blank()
        if not self.mark(")"):
            raise self.wrong("expected a ')' token closing the transformer")
        return field

    def _list(self, word: str) -> Values:
        if not self.mark("("):
            name = self.take(_NAME)
            if not name:
                raise self.wrong(f"expected a list, an identifier, or {_VALUES}")
            return Values((name[0],), word)
        texts: list[str] = []
        self.blank()
        while (text := self._item()) is not None:
            texts.append(text)
            self.blank()
            if not self.mark(","):
                break
            self.blank()
            if self.text[self.at : self.at + 1] in (",", ")"):
                raise self.wrong("expected a string value")
        if not self.mark(")"):
            raise self.wrong("expected a ')' token")
        return Values(tuple(texts), word)

    def _item(self) -> str | None:
        text = self._quoted()
        if text is None and (bare := self.take(_BARE)):
            return bare[0]
        return text

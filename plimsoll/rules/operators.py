"""What the operators of conditions mean: which types they take, how values are read, and the tests themselves.

A test is told twice: as a Polars expression over distinct texts, where there is one, and as a function of
one value. Patterns are only ever matched by Rust's regex, in time linear in the text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from plimsoll.rules import fields

Test = Callable[[Any], bool]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

EQUAL = frozenset({"=", "!=", "in", "intersects", "exists"})
ORDER = frozenset({"<", "<=", ">", ">="})
WORDS = frozenset({"oneof", "anyof", "allof"})
PLURAL = frozenset({"in", "intersects", "pmatch"})
TAKEN: dict[str, frozenset[str]] = {
    "text": EQUAL | ORDER | {"contains", "icontains", "startswith", "endswith", "glob", "iglob", "regex", "pmatch"},
    "bytes": EQUAL | {"contains", "startswith", "endswith", "bcontains", "bstartswith"},
    "bool": EQUAL,
    "address": EQUAL,
    "net": EQUAL,
} | dict.fromkeys((*fields.RANGES, "double"), EQUAL | ORDER)
"""Type → its operators."""
ALL = frozenset().union(*TAKEN.values())

PORTS = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "tftp": 69, "http": 80, "kerberos": 88,
    "pop3": 110, "sunrpc": 111, "ntp": 123, "imap2": 143, "imap": 143, "snmp": 161, "ldap": 389, "https": 443,
    "syslog": 514, "ldaps": 636, "imaps": 993, "pop3s": 995, "ms-sql-s": 1433, "mysql": 3306, "postgresql": 5432,
    "amqp": 5672, "redis": 6379, "http-alt": 8080,
}  # fmt: skip
"""Services that a port may be called by."""

ADDRESS = ipaddress.IPv4Address | ipaddress.IPv6Address
NET = ipaddress.IPv4Network | ipaddress.IPv6Network


class Invalid(ValueError):
    """A comparison that has no meaning."""


class Meaning(NamedTuple):
    """What a comparison means."""

    test: Test
    """Of one value."""
    expression: pl.Expr | None = None
    """Of a column `v` of texts."""
    numbers: Callable[[Numbers], Mask] | None = None
    """Of an array of numbers."""
    quick: bool = True
    """Whether the test of one value costs about as little as a comparison."""


distinct = pl.col("v")


def meaning(kind: str, operator: str, texts: Sequence[str], word: str = "", *, is_list: bool = False) -> Meaning:
    """Return what `operator` with these texts means for a type; raise Invalid where it means nothing.

    >>> meaning("int64", ">=", ["3"]).test(4), meaning("text", "glob", ["/home/*/x"]).test("/home/a/b/x")
    (True, True)
    >>> meaning("int64", "contains", ["3"])
    Traceback (most recent call last):
    plimsoll.rules.operators.Invalid: operator 'contains' is not supported for int64 values
    """
    check(kind, operator, is_list=is_list)
    if operator == "exists":
        return Meaning(lambda _: True, pl.lit(value=True), lambda values: np.ones(len(values), np.bool_))
    if is_list:
        return Meaning(_of_list(kind, operator, texts))
    if word:
        return _counted(word, [meaning(kind, operator, [text]).test for text in texts])
    if kind == "text":
        return _of_text(operator, texts)
    if kind == "bytes":
        return _of_bytes(operator, texts)
    if kind == "bool":
        return _of_numbers(operator, [_truth(text) for text in texts])
    if kind == "address":
        return _of_objects(operator, frozenset(address(text) for text in texts), address_or_none)
    if kind == "net":
        return _of_nets(operator, [net(text) for text in texts])
    return _of_numbers(operator, [number(kind, text) for text in texts])


def check(kind: str, operator: str, *, is_list: bool) -> None:
    """Raise Invalid where a type does not take an operator."""
    if operator not in TAKEN[kind]:
        raise Invalid(f"operator '{operator}' is not supported for {kind} values")
    if is_list and operator not in ("in", "intersects", "exists"):
        raise Invalid(f"operator '{operator}' is not supported for lists: use in, intersects or exists")


def _counted(word: str, tests: Sequence[Test]) -> Meaning:
    """Return the meaning of oneof (exactly one), anyof and allof (all, and at least one)."""

    def counted(value: Any) -> bool:
        held = sum(test(value) for test in tests)
        return held == 1 if word == "oneof" else held > 0 if word == "anyof" else 0 < held == len(tests)

    return Meaning(counted)


def _of_list(kind: str, operator: str, texts: Sequence[str]) -> Test:
    one = meaning(kind, "in", texts).test
    many = all if operator == "in" else any
    return lambda values: many(map(one, values))


def _of_text(operator: str, texts: Sequence[str]) -> Meaning:
    first = texts[0] if texts else ""
    if operator in ("in", "intersects"):
        held = frozenset(texts)
        return Meaning(held.__contains__, distinct.is_in(sorted(held)) if held else pl.lit(value=False))
    if operator == "pmatch":
        return _matched(f"{'|'.join(_path(text) for text in texts)}" if texts else None)
    if operator in ("glob", "iglob"):
        return _matched(rf"\A(?:{_glob(first, folded=operator == 'iglob')})\z")
    if operator == "regex":
        return _matched(rf"\A(?m-s:{posix(first)})\z", flags="")
    if operator == "icontains":
        folded = lower(first)
        return Meaning(lambda value: folded in lower(value), distinct.str.contains(f"(?s){_folded(first)}"))
    return {
        "=": Meaning(lambda value: value == first, distinct == first),
        "!=": Meaning(lambda value: value != first, distinct != first),
        "<": Meaning(lambda value: value.encode() < first.encode(), distinct < first),
        "<=": Meaning(lambda value: value.encode() <= first.encode(), distinct <= first),
        ">": Meaning(lambda value: value.encode() > first.encode(), distinct > first),
        ">=": Meaning(lambda value: value.encode() >= first.encode(), distinct >= first),
        "contains": Meaning(lambda value: first in value, distinct.str.contains(first, literal=True)),
        "startswith": Meaning(lambda value: value.startswith(first), distinct.str.starts_with(first)),
        "endswith": Meaning(lambda value: value.endswith(first), distinct.str.ends_with(first)),
    }[operator]


def _of_bytes(operator: str, texts: Sequence[str]) -> Meaning:
    if operator not in ("bcontains", "bstartswith"):
        return _of_text(operator, texts)
    try:
        wanted = bytes.fromhex(texts[0])
    except ValueError:
        raise Invalid(f"'{texts[0][:60]}' is not a hexadecimal text of whole bytes") from None
    if operator == "bcontains":
        return Meaning(lambda value: wanted in value.encode())
    return Meaning(lambda value: value.encode().startswith(wanted))


def _of_numbers(operator: str, held: Sequence[float | bool]) -> Meaning:
    if operator in ("in", "intersects"):
        kept = frozenset(held)
        among = np.array(sorted(kept))
        return Meaning(kept.__contains__, None, lambda values: np.isin(values, among))
    first = held[0]
    return {
        "=": Meaning(lambda value: value == first, None, lambda values: values == first),
        "!=": Meaning(lambda value: value != first, None, lambda values: values != first),
        "<": Meaning(lambda value: value < first, None, lambda values: values < first),
        "<=": Meaning(lambda value: value <= first, None, lambda values: values <= first),
        ">": Meaning(lambda value: value > first, None, lambda values: values > first),
        ">=": Meaning(lambda value: value >= first, None, lambda values: values >= first),
    }[operator]


def _of_objects(operator: str, held: frozenset[ADDRESS], read: Callable[[str], ADDRESS | None]) -> Meaning:
    if operator == "!=":
        return Meaning(lambda value: read(value) not in held)
    return Meaning(lambda value: read(value) in held)


def _of_nets(operator: str, nets: Sequence[NET]) -> Meaning:
    def within(value: str) -> bool:
        found = address_or_none(value)
        return found is not None and any(found in one for one in nets)

    return Meaning((lambda value: not within(value)) if operator == "!=" else within)


def number(kind: str, text: str) -> int | float:
    """Return the number a text says, which must fit the type.

    >>> number("port", "https"), number("uint32", "0x10")
    (443, 16)
    """
    try:
        if kind == "double":
            return float(text)
        found = PORTS[text] if kind == "port" and text in PORTS else _whole(text)
    except ValueError:
        raise Invalid(f"'{text[:60]}' is not a valid number") from None
    if found not in fields.RANGES[kind]:
        raise Invalid(f"{text[:60]} does not fit {kind}")
    return found


def _whole(text: str) -> int:
    if len(text) > 40:
        raise ValueError
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise Invalid(f"filter error: unrecognized boolean value {text[:60]}")
    return text == "true"


def address(text: str) -> ADDRESS:
    """Return an address."""
    found = address_or_none(text)
    if found is None:
        raise Invalid(f"unrecognized IP address {text[:60]}")
    return found


def address_or_none(text: str) -> ADDRESS | None:
    """Return the address a text is; None where it is none."""
    try:
        return ipaddress.ip_address(text) if len(text) < 64 else None
    except ValueError:
        return None


def net(text: str) -> NET:
    """Return a net, which has its length behind a slash."""
    try:
        # Without a slash, or too long to be one, it is made something that is none.
        return ipaddress.ip_network(text if "/" in text[:64] else "", strict=False)
    except ValueError:
        raise Invalid(f"unrecognized IP net {text[:60]}") from None


_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def lower(text: str) -> str:
    """Return a text with ASCII's capitals small; no other letter changes.

    >>> lower("ÄB")
    'Äb'
    """
    return text.translate(_LOWER)


def upper(text: str) -> str:
    """Return a text with ASCII's small letters as capitals."""
    return text.translate(_UPPER)


def _matched(pattern: str | None, flags: str = "s") -> Meaning:
    """Return the meaning of matching a pattern; None matches nothing."""
    if pattern is None:
        return Meaning(lambda _: False, pl.lit(value=False))
    whole = f"(?{flags}){pattern}" if flags else pattern

    def test(value: str) -> bool:
        return bool(pl.Series([value]).str.contains(whole)[0])

    try:
        test("")
    except pl.exceptions.PolarsError as broken:
        reason = " ".join(str(broken).split())[-120:]
        raise Invalid(f"invalid pattern: {reason}") from None
    return Meaning(test, distinct.str.contains(whole), quick=False)


_SPECIAL = frozenset(r"\.+*?()|[]{}^$#&-~/ " + "\t\n\r")


def quoted(text: str) -> str:
    r"""Return a pattern that matches just this text.

    >>> quoted("a.b")
    'a\\.b'
    """
    return "".join(
        f"\\x{{{ord(char):x}}}" if char in "\t\n\r " else f"\\{char}" if char in _SPECIAL else char for char in text
    )


def _folded(text: str) -> str:
    """Return a pattern for this text where ASCII's capitals do not matter."""
    return "".join(f"[{lower(char)}{upper(char)}]" if lower(char) != upper(char) else quoted(char) for char in text)


_SET = re.compile(r"\[([!^]?+)(\](?:[^]\\]|\\.)*|(?:[^]\\]|\\.)+)\]", re.DOTALL)
"""A set of a glob: a bracket that ends it at once is a member, so that an empty one is no set."""


def _glob(text: str, *, folded: bool = False, star: str = ".*", one: str = ".") -> str:
    """Return the pattern of a glob as fnmatch(3) reads it without flags."""
    literal = _folded if folded else quoted
    parts: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        found = _SET.match(text, at) if char == "[" else None
        if found:
            parts.append(_set(found[1] != "", found[2], folded=folded))
            at = found.end()
            continue
        if char == "*":
            if not parts or parts[-1] != star:
                parts.append(star)
        elif char == "\\" and at + 1 < len(text):
            at += 1
            parts.append(literal(text[at]))
        else:
            parts.append(one if char == "?" else literal(char))
        at += 1
    return "".join(parts)


def _set(negative: bool, inside: str, *, folded: bool) -> str:
    """Return the pattern of a glob's set; a range that runs backwards holds nothing."""
    members = _ranges(inside)
    chars = "".join(f"\\x{{{ord(first):x}}}-\\x{{{ord(last):x}}}" for first, last in members if first <= last)
    if not chars:
        return "(?s:.)" if negative else r"[^\x{0}-\x{10ffff}]"
    return f"{'(?i:' if folded else '(?:'}[{'^' if negative else ''}{chars}])"


def _ranges(inside: str) -> list[tuple[str, str]]:
    """Return the first and the last of each range of a set; a single letter is a range of itself."""
    letters = [(pair[-1], len(pair) == 1) for pair in re.findall(r"\\.|.", inside, re.DOTALL)]
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(letters):
        spans = at + 2 < len(letters) and letters[at + 1] == ("-", True)
        found.append((letters[at][0], letters[at + 2][0] if spans else letters[at][0]))
        at += 3 if spans else 1
    return found


def _path(text: str) -> str:
    """Return the pattern of what lies at or below a path, by whole parts."""
    parts = [part for part in text.split("/") if part]
    if not parts:
        return r"\A"
    return rf"\A/*{'/+'.join(map(_part, parts))}(?:/|\z)"


def _part(part: str) -> str:
    if not set(part) & set("*?["):
        return quoted(part)
    return "[^/]+" if not part.strip("*") else _glob(part, star="[^/]*", one="[^/]")


_REPEAT = re.compile(r"\{([0-9]{1,4})(,?)([0-9]{0,4})\}")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^]\\])*\]", re.DOTALL)
_NAMED = re.compile(r"\[:\^?[a-z]+:\]")
MOST_REPEATS = 1000


def posix(text: str) -> str:
    r"""Return Rust's pattern for what RE2 reads in POSIX mode; raise Invalid where RE2 would refuse it.

    >>> posix("a{2}b*?"), posix("[[:alpha:]]{,")
    ('(?:a{2})(?:(?:b*)?)', '[[:alpha:]]\\{,')
    >>> posix(r"\d+")
    Traceback (most recent call last):
    plimsoll.rules.operators.Invalid: invalid escape sequence: \d
    """
    return _Posix(text).pattern()


class _Posix:
    """A regular expression on its way from RE2's syntax to Rust's, atom by atom."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._done: list[list[str]] = [[]]
        """The parts of each group that is open."""

    def pattern(self) -> str:
        while self._at < len(self._text):
            self._step(self._text[self._at])
        if len(self._done) > 1:
            raise Invalid("missing closing ): in the regular expression")
        return "".join(self._done[0])

    def _step(self, char: str) -> None:
        parts = self._done[-1]
        if char == "(":
            if self._text.startswith("(?", self._at):
                raise Invalid("invalid or unsupported Perl syntax: (?")
            if len(self._done) > 200:
                raise Invalid("groups nested too deep in the regular expression")
            self._done.append([])
        elif char == ")":
            if len(self._done) == 1:
                raise Invalid("unexpected ): in the regular expression")
            inner = "".join(self._done.pop())
            self._done[-1].append(f"(?:{inner})")
        elif char in "*+?" or (repeat := _REPEAT.match(self._text, self._at)):
            return self._repeat(parts, char if char in "*+?" else str(repeat and repeat[0]))
        elif char == "[":
            return self._class(parts)
        elif char == "\\":
            return self._escape(parts)
        else:
            parts.append(char if char in ".^$|" else quoted(char))
        self._at += 1
        return None

    def _repeat(self, parts: list[str], how: str) -> None:
        if not parts or parts[-1] == "|":
            raise Invalid(f"no argument for repetition operator: {how}")
        bounds = [int(bound) for bound in re.findall("[0-9]+", how)]
        if bounds and (max(bounds) > MOST_REPEATS or bounds != sorted(bounds)):
            raise Invalid(f"bad repetition operator: {how}")
        parts[-1] = f"(?:{parts[-1]}{how})"
        self._at += len(how)

    def _class(self, parts: list[str]) -> None:
        found = _CLASS.match(self._text, self._at)
        if not found:
            raise Invalid("missing closing ]: in the regular expression")
        inside = found[0][1:-1]
        negative = inside.startswith("^")
        parts.append(f"[{'^' if negative else ''}{_members(inside[negative:])}]")
        self._at = found.end()

    def _escape(self, parts: list[str]) -> None:
        parts.append(_escaped(self._text[self._at : self._at + 2]))
        self._at += 2


def _escaped(pair: str) -> str:
    char = pair[1:]
    if char and char in "afnrtv":
        return pair
    if not char or char.isalnum():
        raise Invalid(f"invalid escape sequence: {pair}" if char else "trailing \\ in the regular expression")
    return quoted(char) if char != "_" else char


def _members(inside: str) -> str:
    """Return what stands in a class, with Rust's own marks taken as letters."""
    made: list[str] = []
    at = 0
    while at < len(inside):
        named = _NAMED.match(inside, at)
        if named:
            made.append(named[0])
            at = named.end()
        elif inside[at] == "\\":
            made.append(_escaped(inside[at : at + 2]))
            at += 2
        else:
            char = inside[at]
            made.append("-" if char == "-" and 0 < at < len(inside) - 1 else f"\\x{{{ord(char):x}}}")
            at += 1
    return "".join(made)

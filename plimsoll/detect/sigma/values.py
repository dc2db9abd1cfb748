"""What a Sigma value asks of a field: a text with wildcards, a pattern, a network, a number, presence or absence.

Texts are compared without case unless `cased` (Sigma specification 2, Rules). Patterns run in an engine that is
linear in its input and refuses what it could not keep so: no look-around, no back-references, no giant repeats.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll.detect.sigma import fields

LONGEST = 2_000
"""Characters of a value."""
STAR, ONE = "*", "?"
PLACES = ("contains", "startswith", "endswith")
COMPARISONS: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}
FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
KNOWN = (*PLACES, "all", "re", *FLAGS, "cidr", "exists", "cased", "neq", *COMPARISONS)
UNKNOWN = ("base64", "base64offset", "wide", "utf16", "utf16le", "utf16be", "windash", "fieldref", "expand")
"""Sigma's other modifiers: for other logs, or they need more than one event's field."""

Check = Callable[[pl.Expr], pl.Expr]


class Unusable(ValueError):
    """A value or modifier that cannot be used; its text is the reason."""


class Test(NamedTuple):
    """What is asked of one field."""

    field: fields.Field
    checks: tuple[Check, ...]
    every: bool
    """All must hold; else any."""
    absent: bool = False
    """It may hold where there is no value: `null`, an empty text, `exists: false`."""
    denied: bool = False
    """Modifier `neq`: the test must not hold."""


def test(field: fields.Field, modifiers: Sequence[str], given: Sequence[str | None]) -> Test:
    """Return the test that a field, its modifiers and its values make; `None` is YAML's null."""
    for name in modifiers:
        if name not in KNOWN:
            told = "is not supported" if name in UNKNOWN else "is none of Sigma's"
            raise Unusable(f"modifier {name[:40]!r} {told}; there are {', '.join(KNOWN)}")
    kinds = [name for name in modifiers if name in (*PLACES, "re", "cidr", "exists", *COMPARISONS)]
    if len(kinds) > 1:
        raise Unusable(f"{' and '.join(kinds)} do not go together")
    values = [value for value in given if value is not None]
    if any(len(value) > LONGEST for value in values):
        raise Unusable(f"a value of more than {LONGEST:,} characters")
    if not given:
        raise Unusable("a list without values")
    kind = kinds[0] if kinds else ""
    if kind == "exists":
        return _exists(field, values)
    if kind and len(values) < len(given):
        raise Unusable(f"{kind} of nothing (null)")
    every = "all" in modifiers and len(given) > 1
    absent = not kind and any(not value for value in given)
    checks = [_check(kind, value, modifiers) for value in values if value or kind]
    return Test(field, tuple(checks if every else _together(checks)), every, absent, "neq" in modifiers)


@dataclasses.dataclass(frozen=True)
class _Equal:
    """A whole text; several are looked up at once."""

    text: str
    cased: bool

    def __call__(self, held: pl.Expr) -> pl.Expr:
        return _cased(held, self.cased).eq(self.text)


def _together(checks: Sequence[Check]) -> Sequence[Check]:
    """Put whole texts into one look-up."""
    texts = [check for check in checks if isinstance(check, _Equal)]
    if len(texts) < 2 or len(texts) < len(checks):
        return checks
    wanted, cased = [check.text for check in texts], texts[0].cased
    return [lambda held: _cased(held, cased).is_in(wanted)]


def _cased(held: pl.Expr, cased: bool) -> pl.Expr:
    return held if cased else held.str.to_lowercase()


def _exists(field: fields.Field, values: Sequence[str]) -> Test:
    if len(values) != 1 or values[0].lower() not in ("true", "false", "yes", "no"):
        raise Unusable("exists is true or false")
    there = values[0].lower() in ("true", "yes")
    return Test(field, (lambda held: held.is_not_null() & (held != ""),), every=True, denied=not there)


def _check(kind: str, value: str, modifiers: Sequence[str]) -> Check:
    if kind == "re":
        return _pattern(value, modifiers)
    if kind == "cidr":
        return _network(value)
    if kind in COMPARISONS:
        return _comparison(kind, value)
    parts = _parts(value)
    if kind in ("contains", "endswith"):
        parts = (STAR, *parts)
    if kind in ("contains", "startswith"):
        parts = (*parts, STAR)
    return _text(parts, "cased" in modifiers)


def _comparison(kind: str, value: str) -> Check:
    try:
        number = float(value)
    except ValueError:
        raise Unusable(f"{kind} of {value[:40]!r}, which is no number") from None
    return lambda held: COMPARISONS[kind](held.cast(pl.Float64, strict=False), number)


class Part(str):
    """A piece of text between wildcards."""

    __slots__ = ()


def _parts(value: str) -> tuple[str, ...]:
    r"""Return the pieces of a value: wildcards as STAR and ONE, texts as Part; a backslash makes a wildcard plain.

    >>> _parts(r"a*b\*c\\d\e?")
    ('a', '*', 'b*c\\d\\e', '?')
    """
    parts: list[str] = []
    text: list[str] = []
    signs = iter(range(len(value)))
    for at in signs:
        sign = value[at]
        if sign == "\\" and value[at + 1 : at + 2] in ("\\", STAR, ONE) and at + 1 < len(value):
            text.append(value[at + 1])
            next(signs)
        elif sign in (STAR, ONE):
            parts += [Part("".join(text)), sign] if text else [sign]
            text = []
        else:
            text.append(sign)
    return (*parts, Part("".join(text))) if text else tuple(parts)


def _text(parts: Sequence[str], cased: bool) -> Check:
    """Return the check for a text with wildcards; the plain ones need no pattern."""
    kept = tuple(part for at, part in enumerate(parts) if not (_is(part, STAR) and at and _is(parts[at - 1], STAR)))
    texts = [part if cased else part.lower() for part in kept if isinstance(part, Part)]
    shape = "".join("t" if isinstance(part, Part) else part for part in kept)
    if shape == STAR:
        return lambda held: held.is_not_null()
    if shape == "t":
        return _Equal(texts[0], cased)
    plain: dict[str, Check] = {
        "*t*": lambda held: _cased(held, cased).str.contains(texts[0], literal=True),
        "t*": lambda held: _cased(held, cased).str.starts_with(texts[0]),
        "*t": lambda held: _cased(held, cased).str.ends_with(texts[0]),
    }
    return plain[shape] if shape in plain else _compiled(_wildcards(kept), "s" if cased else "is")


def _is(part: str, wildcard: str) -> bool:
    return part == wildcard and not isinstance(part, Part)


def _wildcards(parts: Sequence[str]) -> str:
    meant = {STAR: ".*", ONE: "."}
    return "^" + "".join(_escaped(part) if isinstance(part, Part) else meant[part] for part in parts) + "$"


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\.+*?()|[]{}^$#&-~" else sign for sign in text)


def _pattern(value: str, modifiers: Sequence[str]) -> Check:
    flags = "".join(sorted({FLAGS[name] for name in modifiers if name in FLAGS}))
    return _compiled(value, flags)


def _compiled(pattern: str, flags: str) -> Check:
    whole = f"(?{flags}){pattern}" if flags else pattern
    try:
        pl.select(pl.lit("").str.contains(whole))
    except pl.exceptions.PolarsError as refused:
        lines = [line.strip() for line in str(refused).splitlines() if line.strip()]
        raise Unusable(f"this pattern cannot be run: {(lines or ['no reason'])[-1][:120]}") from None
    return lambda held: held.str.contains(whole)


def _network(value: str) -> Check:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise Unusable(f"{value[:60]!r} is no network; write 10.0.0.0/8") from None
    return lambda held: held.map_batches(
        functools.partial(_inside, network), return_dtype=pl.Boolean(), is_elementwise=True
    )


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _inside(network: Network, held: pl.Series) -> pl.Series:
    return pl.Series(held.name, [_lies_in(network, text) for text in held], pl.Boolean)


@functools.lru_cache(16_384)
def _lies_in(network: Network, text: str | None) -> bool:
    if not text or len(text) > 64:
        return False
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address) in network


def holds(asked: Test) -> pl.Expr:
    """Return whether a test holds, over a frame that has its field's column; never null."""
    held = pl.col(asked.field.column)
    if asked.field.lists:
        found = [held.list.eval(check(pl.element())).list.any().fill_null(value=False) for check in asked.checks]
        missing = (held.list.len().fill_null(0) == 0) | held.list.contains("").fill_null(value=False)
    else:
        text = held.cast(pl.String)
        found = [check(text).fill_null(value=False) for check in asked.checks]
        missing = text.is_null() | (text == "")
    said = [*found, missing] if asked.absent else found
    whole = pl.all_horizontal(said) if asked.every else pl.any_horizontal(said)
    return ~whole if asked.denied else whole

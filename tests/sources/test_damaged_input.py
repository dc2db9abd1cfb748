"""The law of every source: damaged input never raises, and every line is either accepted or a reject."""

from __future__ import annotations

import importlib
import json
import pkgutil
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import frames, sources, tables
from tests.sources import told

SOURCES = {
    info.name: module
    for info in pkgutil.iter_modules(sources.__path__)
    for module in [importlib.import_module(f"plimsoll.sources.{info.name}")]
    if hasattr(module, "STREAM") and hasattr(module, "parse")
}
WRONG = [None, [], {}, [[]], {"x": []}, "x", "\x00", -1, 2**80, True, 1e308]
each_source = pytest.mark.parametrize("name", sorted(SOURCES))


def cut(line: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return line[:at]


def begun_late(line: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return line[at:]


def hole(line: bytes, at: int, to: int, _chance: random.Random) -> bytes:
    return line[:at] + line[to:]


def flipped_bit(line: bytes, at: int, _to: int, chance: random.Random) -> bytes:
    return line[:at] + bytes([line[at] ^ 1 << chance.randrange(8)]) + line[at + 1 :]


def no_text(line: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return line[:at] + b"\x00\xff\xfe" + line[at:]


def lone_surrogate(line: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return line[:at] + b"\\ud800" + line[at:]


def deep(line: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return line[:at] + b"[" * 5000 + line[at:]


def other_brackets(line: bytes, _at: int, _to: int, _chance: random.Random) -> bytes:
    return line.replace(b": {", b": [", 1)


def lost_quote(line: bytes, _at: int, _to: int, _chance: random.Random) -> bytes:
    return line.replace(b'": "', b'": ', 1)


def out_of_range(line: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return line[:at] + line[at:].replace(b": 1", b": 99999999999999999999999", 1)


def two_in_one(line: bytes, _at: int, _to: int, _chance: random.Random) -> bytes:
    return line + line


def not_a_record(_line: bytes, _at: int, _to: int, chance: random.Random) -> bytes:
    return chance.choice([b"null", b"7", b"[]", b"{}", b'"text"', b"x"])


def record_of(line: bytes) -> Any:
    """What a source is asked to recognise: the JSON of a line, or its text where it is none."""
    try:
        return json.loads(line)
    except ValueError:
        return line.decode()


def wrong_types(line: bytes, _at: int, _to: int, chance: random.Random) -> bytes:
    if isinstance(record_of(line), str):
        return line
    return json.dumps({key: chance.choice(WRONG) for key in json.loads(line)}).encode()


def wrong_type(line: bytes, _at: int, _to: int, chance: random.Random) -> bytes:
    """One value, at any depth, of another type."""
    record = inside = record_of(line)
    if isinstance(record, str):
        return line
    while True:
        key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if not (isinstance(inside[key], dict | list) and inside[key]) or chance.random() < 0.2:
            inside[key] = chance.choice(WRONG)
            return json.dumps(record).encode()
        inside = inside[key]


Damage = Callable[[bytes, int, int, random.Random], bytes]
DAMAGES: list[Damage] = [
    cut,
    begun_late,
    hole,
    flipped_bit,
    no_text,
    lone_surrogate,
    deep,
    other_brackets,
    lost_quote,
    out_of_range,
    two_in_one,
    not_a_record,
    wrong_types,
    wrong_type,
]


def damaged(line: bytes, damage: Damage, chance: random.Random) -> bytes:
    """The line with one thing wrong; still one line, never blank."""
    at, to = sorted(chance.choices(range(1, len(line)), k=2))
    return damage(line, at, to, chance).replace(b"\n", b" ").replace(b"\r", b" ").strip() or b"x"


def parsed_of(name: str, lines: list[bytes], first: int = 1) -> Any:
    """What the source made of the lines, with the laws that hold for any lines checked."""
    source: Any = SOURCES[name]
    parsed = source.parse(lines, first)
    assert parsed.accepted + len(parsed.rejects) == len(lines)
    assert parsed.events.schema == frames.schema(tables.STREAMS[source.STREAM])
    numbers = parsed.events["evt_num"]
    assert numbers.null_count() == 0
    assert numbers.is_sorted()
    assert all(first <= number < first + len(lines) for number in numbers)
    offsets = [reject.offset for reject in parsed.rejects]
    assert sorted(set(offsets)) == offsets
    assert not {first + offset for offset in offsets} & set(numbers)
    assert all(reject.reason.isprintable() and 0 < len(reject.reason) <= 300 for reject in parsed.rejects)
    return parsed


@each_source
def test_every_whole_line_of_the_sample_is_accepted(name: str) -> None:
    assert parsed_of(name, told.sample(name)).rejects == []


@each_source
def test_a_thousand_damaged_copies_are_all_counted(name: str) -> None:
    chance, sample = random.Random(name), told.sample(name)
    parsed_of(name, [damaged(chance.choice(sample), chance.choice(DAMAGES), chance) for _ in range(1000)])


@each_source
@settings(max_examples=100, deadline=None)
@given(
    chance=st.randoms(use_true_random=False),
    damages=st.lists(st.sampled_from(DAMAGES), max_size=8),
    first=st.integers(1, 2**40),
)
def test_whole_lines_say_the_same_among_damaged_ones(
    name: str, chance: random.Random, damages: list[Damage], first: int
) -> None:
    sample = told.sample(name)
    broken = [damaged(chance.choice(sample), damage, chance) for damage in damages]
    lines = [(True, line) for line in sample] + [(False, line) for line in broken]
    chance.shuffle(lines)
    parsed = parsed_of(name, [line for _, line in lines], first)
    kept = [first + offset for offset, (is_whole, _) in enumerate(lines) if is_whole]
    alone = SOURCES[name].parse([line for is_whole, line in lines if is_whole], 1)  # type: ignore[attr-defined]
    among = parsed.events.filter(parsed.events["evt_num"].is_in(kept))
    assert among.drop("evt_num").equals(alone.events.drop("evt_num"))
    assert parsed.accepted >= len(sample)


@pytest.mark.parametrize("name", sorted(name for name in SOURCES if not sources.is_text(SOURCES[name])))  # type: ignore[arg-type]
@settings(max_examples=50, deadline=None)
@given(name_of=st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=4), value=st.sampled_from(WRONG))
def test_a_field_we_do_not_know_changes_nothing(name: str, name_of: str, value: object) -> None:
    whole = told.sample(name)
    more = [json.dumps({**json.loads(line), f"zz_{name_of}": value}).encode() for line in whole]
    assert parsed_of(name, more).events.equals(parsed_of(name, whole).events)


@each_source
@given(junk=st.lists(st.binary(min_size=1).filter(lambda line: line.strip()), max_size=5))
def test_bytes_of_any_kind_are_counted(name: str, junk: list[bytes]) -> None:
    parsed_of(name, junk)


@each_source
def test_only_its_own_source_recognises_a_sample(name: str) -> None:
    for line in told.sample(name):
        record = record_of(line)
        owners = [other for other, source in SOURCES.items() if source.recognises(record)]  # type: ignore[attr-defined]
        assert set(owners) <= {name}, line[:200]


@each_source
def test_a_sample_is_recognised_by_its_first_line(name: str) -> None:
    assert SOURCES[name].recognises(record_of(told.sample(name)[0]))  # type: ignore[attr-defined]


@each_source
@given(
    record=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["flow", "flows", "k8s", "proc", "process_exec", "rule", "kind"]), inner)
        ),
    )
)
def test_recognising_never_raises(name: str, record: object) -> None:
    assert SOURCES[name].recognises(record) in (True, False)  # type: ignore[attr-defined]

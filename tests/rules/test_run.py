from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from plimsoll.rules import columns, ruleset, run
from plimsoll.sources import falco_events
from tests.rules.test_compile import frame, rules


def test_a_text_has_the_same_number_in_every_batch() -> None:
    lexicon = run.Lexicon()
    assert lexicon.codes(pl.Series(["a", None, "b"])).tolist() == [1, 0, 2]
    assert lexicon.codes(pl.Series(["c", "b", "a"])).tolist() == [3, 2, 1]
    assert lexicon.codes(pl.Series([None], dtype=pl.String)).tolist() == [0]
    assert lexicon.texts().to_list() == ["a", "b", "c"]


def test_a_lexicon_that_grows_too_large_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_TEXTS", 3)
    engine = run.Engine(rules("evt.type = open and proc.name startswith a"), "syscall")
    for start in range(0, 50, 5):
        rows = [
            {"evt.type": "open", "proc.name": f"{'a' if number % 2 else 'b'}{number}"}
            for number in range(start, start + 5)
        ]
        assert engine.matches(frame(rows, engine.columns))["row"].to_list() == [
            at for at, row in enumerate(rows) if row["proc.name"][0] == "a"
        ]


def test_a_rule_that_its_kind_settles_needs_no_column() -> None:
    engine = run.Engine(rules("evt.type = open", "evt.type != open"), "syscall")
    assert engine.matches(frame([{"evt.type": kind} for kind in ("open", "close")], engine.columns)).rows() == [
        (0, 0),
        (1, 1),
    ]
    assert engine.wants("close")
    assert not run.Engine(rules("evt.type = open and proc.name = a"), "syscall").wants("close")


def test_first_takes_one_rule_an_event() -> None:
    engine = run.Engine(rules("evt.type = open", "evt.type in (open, close)"), "syscall")
    events = frame([{"evt.type": kind} for kind in ("open", "close")], engine.columns)
    assert engine.matches(events, first=True).rows() == [(0, 0), (1, 1)]
    assert engine.matches(events).height == 3


def test_a_rule_whose_fields_are_not_given_is_named() -> None:
    engine = run.Engine(
        rules("evt.type = open and evt.buffer contains x", "evt.type = open"),
        "syscall",
        lambda name: name != "evt.buffer",
    )
    assert engine.lacking == {"r0": ["evt.buffer"]}
    assert engine.matches(frame([{"evt.type": "open"}], engine.columns)).rows() == [(1, 0)]


def test_large_numbers_stay_exact() -> None:
    engine = run.Engine(rules(f"evt.type = open and evt.rawtime = {2**64 - 1}"), "syscall")
    rows = [{"evt.type": "open", "evt.rawtime": time} for time in (2**64 - 1, 2**64 - 2, None)]
    assert engine.matches(frame(rows, engine.columns)).rows() == [(0, 0)]


def test_no_rows_give_no_matches() -> None:
    engine = run.Engine(rules("evt.type = open", "proc.name = a"), "syscall")
    assert engine.matches(frame([], engine.columns)).rows() == []
    assert np.ndim(0) == 0


@pytest.mark.data
@pytest.mark.parametrize(
    "capture", ["sysflow_alpine-alpine", "sysflow_mpm-event-full_capture", "libs_test_ipv6_client"]
)
def test_the_default_rules_hold_where_falco_says(shared_data: Path, capture: str) -> None:
    folder = shared_data / "falco"
    made = ruleset.load([("falco_rules.yaml", (folder / "rules/falco_rules.yaml").read_text())])
    engine = run.Engine(made, "syscall")
    lines = gzip.decompress((folder / f"events/{capture}.jsonl.gz").read_bytes()).splitlines()
    wide = falco_events.Wide({name: columns.dtype(name, "syscall") for name in engine.columns}, lambda _: True)
    events = wide.parse(lines, 1).events
    got = {(events["evt.num"][row], f"R:{engine.rules[rule].name}") for rule, row in engine.matches(events).iter_rows()}
    told = [
        json.loads(line)
        for line in gzip.decompress((folder / f"alerts/matches/{capture}.default.jsonl.gz").read_bytes()).splitlines()
    ]
    assert got == {(row["n"], name) for row in told for name in row["m"] if name.startswith("R:")}

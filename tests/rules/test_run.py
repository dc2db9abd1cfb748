from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from plimsoll.rules import columns, lexicon, ruleset, run
from plimsoll.sources import falco_events
from tests.rules.test_compile import frame, rules


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


def test_rows_keep_their_places_whatever_their_kinds() -> None:
    engine = run.Engine(rules("evt.type = open and proc.name = a", "evt.type = close and proc.name = a"), "syscall")
    kinds = ["close", "read", "open", "close", None, "open"]
    rows = [{"evt.type": kind, "proc.name": "b" if at == 3 else "a"} for at, kind in enumerate(kinds)]
    assert engine.matches(frame(rows, engine.columns)).rows() == [(1, 0), (0, 2), (0, 5)]


def test_a_new_kind_for_every_event_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_PLANS", 3)
    monkeypatch.setattr(lexicon, "MOST_TEXTS", 3)
    engine = run.Engine(rules("evt.type != open and proc.name = a"), "syscall")
    for start in range(0, 40, 5):
        kinds = ["open", *(f"k{number}" for number in range(start, start + 5))]
        rows = [{"evt.type": kind, "proc.name": "a"} for kind in kinds]
        assert engine.matches(frame(rows, engine.columns))["row"].to_list() == [1, 2, 3, 4, 5]


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

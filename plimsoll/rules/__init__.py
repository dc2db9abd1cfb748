"""Falco's rule language: files of rules → trees → masks over columns of events → matches.

    files of text ── marked ──> files ── syntax ──> ruleset ── compile ──> run ──> output
                                           fields, operators, transform: what fields and operators mean
                                           columns, audit: how tables of events give fields

`load` and `matches` are all that detection needs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import polars as pl

from plimsoll.rules import columns, ruleset, run
from plimsoll.rules.ruleset import Ruleset


def load(texts: Iterable[tuple[str, str]]) -> Ruleset:
    """Return the rules of files, given as (name, text) in the order in which they are loaded.

    >>> load([("empty.yaml", "")]).loads
    True
    """
    return ruleset.load(texts)


def matches(rules: Ruleset, frame: pl.DataFrame, source: str = "k8s_audit", *, first: bool = False) -> pl.DataFrame:
    """Return (rule, row) for each rule that holds for a row of a table: the audit table, or for `syscall` the activity table.

    >>> rule = "- {rule: r, desc: d, condition: ka.verb = get, output: o, priority: info, source: k8s_audit}"
    >>> matches(load([("r.yaml", rule)]), pl.DataFrame({"verb": ["get", "list", "get"]})).rows()
    [('r', 0), ('r', 2)]
    """
    engine = _engine(rules, source)
    make = columns.of_audit if source == "k8s_audit" else columns.of_activity
    found = engine.matches(make(frame, sorted(engine.columns)), first=first)
    names = pl.Series("rule", [rule.name for rule in engine.rules], pl.String)
    return found.select(names.gather(found["rule"]).alias("rule"), "row")


def lacking(rules: Ruleset, source: str = "k8s_audit") -> dict[str, list[str]]:
    """Return the rules that such a table cannot answer, each with the fields it does not have."""
    return _engine(rules, source).lacking


@functools.lru_cache(maxsize=8)
def _engine(rules: Ruleset, source: str) -> run.Engine:
    given: Callable[[str], bool] = (
        columns.told_by_audit if source == "k8s_audit" else lambda name: columns.activity(name) is not None
    )
    return run.Engine(rules, source, given)

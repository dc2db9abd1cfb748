from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.rules import columns, events, ruleset, run, syntax
from plimsoll.rules import compile as graphs
from tests.rules import naive

WORDS = ["", "a", "ab", "/a", "/a/b", "/a//b/c", "A", "aB", "ä", "b.c", "a*", "<NA>", "a b"]
TEXTS = ("proc.name", "fd.name", "proc.aname", "evt.type")
NUMBERS = ("fd.num", "fd.sport", "fd.cport")
ADDRESSES = ["10.0.0.1", "10.0.0.2", "::1", "0.0.0.0", "::"]
KINDS = ["open", "openat", "execve", "close"]

word = st.sampled_from(WORDS)
quoted = word.map(lambda text: f'"{text}"')
number = st.integers(-1, 3).map(str)
event = st.fixed_dictionaries(
    {"evt.type": st.sampled_from(KINDS)},
    optional={
        "proc.name": word,
        "fd.name": word,
        "proc.aname": st.lists(word.filter(lambda text: text and " " not in text), min_size=1, max_size=3).map(
            " ".join
        ),
        "fd.num": st.integers(-1, 3),
        "fd.cport": st.integers(0, 3),
        "fd.sport": st.integers(0, 3),
        "fd.cip": st.sampled_from(ADDRESSES),
        "fd.sip": st.sampled_from(ADDRESSES),
        "fd.type": st.sampled_from(["ipv4", "ipv6", "file"]),
        "evt.is_open_read": st.booleans(),
    },
)
some = st.lists(quoted, max_size=3).map(lambda texts: f"({', '.join(texts)})")
text_field = st.sampled_from(
    ["proc.name", "fd.name", "proc.aname", "tolower(fd.name)", "basename(fd.name)", "concat(proc.name, fd.name)"]
)
check = st.one_of(
    st.tuples(text_field, st.sampled_from(["=", "!=", "contains", "icontains", "startswith", "endswith", "glob", "iglob"]), quoted).map(" ".join),
    st.tuples(text_field, st.sampled_from(["in", "intersects", "pmatch"]), some).map(" ".join),
    st.tuples(text_field, st.sampled_from(["= oneof", "!= anyof", "startswith allof", "contains oneof"]), some).map(" ".join),
    st.tuples(text_field, st.just("regex"), st.sampled_from(['"a+"', '"[a/]*b?"', "'(a|b.)*'", '"/.*"'])).map(" ".join),
    st.sampled_from(["proc.name", "fd.name", "fd.num", "proc.aname", "fd.ip", "fd.port"]).map(lambda name: f"{name} exists"),
    st.tuples(st.sampled_from(["fd.num", "len(fd.name)"]), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), number.filter(lambda text: text >= "0")).map(" ".join),
    st.tuples(st.sampled_from(["fd.port", "fd.sport"]), st.sampled_from(["=", "!=", "<", ">="]), number.filter(lambda text: text >= "0")).map(" ".join),
    st.tuples(st.just("fd.ip"), st.sampled_from(["=", "!="]), st.sampled_from(ADDRESSES)).map(" ".join),
    st.tuples(st.just("evt.type"), st.sampled_from(["=", "!="]), st.sampled_from(KINDS)).map(" ".join),
    st.tuples(st.just("evt.is_open_read ="), st.sampled_from(["true", "false"])).map(" ".join),
    st.sampled_from(["proc.name = val(fd.name)", "fd.name contains val(proc.name)", "fd.num < val(fd.num)"]),
)  # fmt: skip
condition = st.recursive(
    check,
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    ),
    max_leaves=6,
)


def rules(*conditions: str, source: str = "syscall") -> ruleset.Ruleset:
    made = [
        {
            "rule": f"r{at}",
            "desc": "d",
            "condition": one,
            "output": "o",
            "priority": "INFO",
            "source": source,
            "warn_evttypes": False,
        }
        for at, one in enumerate(conditions)
    ]
    return ruleset.load([("rules.yaml", json.dumps(made))])


def frame(rows: list[dict[str, Any]], names: frozenset[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            name: pl.Series(name, [row.get(name) for row in rows], columns.dtype(name, "syscall"))
            for name in sorted(names | {"evt.type"})
        }
    )


@settings(max_examples=150)
@given(st.lists(condition, min_size=1, max_size=4), st.lists(st.lists(event, max_size=6), min_size=1, max_size=3))
def test_columns_say_what_the_slow_evaluator_says(conditions: list[str], batches: list[list[dict[str, Any]]]) -> None:
    made = rules(*conditions)
    assert made.loads, made.problems
    engine = run.Engine(made, "syscall")
    trees = [syntax.parse(one) for one in conditions]
    for rows in batches:
        wanted = [(at, row) for row, one in enumerate(rows) for at, tree in enumerate(trees) if naive.holds(tree, one)]
        assert engine.matches(frame(rows, engine.columns)).rows() == wanted
        first = engine.matches(frame(rows, engine.columns), first=True).rows()
        assert first == [
            min(pair for pair in wanted if pair[1] == row) for row in dict.fromkeys(row for _, row in wanted)
        ]


def test_equal_parts_are_one_node() -> None:
    graph = graphs.Graph("syscall")
    once = graph.add(syntax.parse("proc.name = a and fd.name startswith /x"), {})
    size = len(graph.nodes)
    assert graph.add(syntax.parse("(fd.name startswith /x) and (not not proc.name = a)"), {}) == once
    assert len(graph.nodes) == size


def test_a_condition_that_means_nothing_says_where() -> None:
    with pytest.raises(graphs.Invalid) as wrong:
        graphs.Graph("syscall").add(syntax.parse("evt.type = open and proc.nobody = a"), {})
    assert wrong.value.at == 20
    assert wrong.value.unknown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("evt.type = open", {"open"}),
        ("evt.type in (open, close) and not evt.type = close", {"open"}),
        ("evt.type = open or (evt.type = close and proc.name = a)", {"open", "close"}),
    ],
)
def test_a_rule_knows_for_which_kinds_of_events_it_can_hold(text: str, names: set[str]) -> None:
    graph = graphs.Graph("syscall")
    found = graph.kinds(graph.add(syntax.parse(text), {}))
    assert (found.names, found.all_but) == (names, False)
    assert not found.many()


def test_a_rule_without_a_kind_is_about_all() -> None:
    graph = graphs.Graph("syscall")
    assert graph.kinds(graph.add(syntax.parse("proc.name = a or evt.type = open"), {})).many()
    assert events.EVERY.many()


@pytest.mark.data
def test_what_falco_compiles_compiles(shared_data: Path) -> None:
    wrong = []
    for line in (shared_data / "falco/semantics/compiler_facts.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "compile" and not row["expr"].startswith("c."):
            try:
                graphs.Graph("syscall").add(syntax.parse(row["expr"]), {})
                compiles = True
            except (syntax.Unparsable, graphs.Invalid):
                compiles = False
            wrong += [row["expr"]] if compiles != row["compiles"] else []
    assert wrong == []


SCENES: dict[str, dict[str, Any]] = {
    '"/myexe"': {"evt.type": "execve", "proc.name": "myexe"},
    "var:file_to_run": {
        "evt.type": "open",
        "fd.name": "/tmp/file_to_run",
        "fd.directory": "/tmp",
        "evt.num": 1,
        "fd.types": ["file"],
    },
    "/opt/dir/subdir/file.txt": {"evt.type": "open", "fd.name": "/opt/dir/subdir/file.txt"},
    "/opt/dir/SUBDIR/file.txt": {
        "evt.type": "open",
        "fd.name": "/opt/dir/SUBDIR/file.txt",
        "evt.arg.flags": "O_RDWR|O_CREAT",
    },
    "server_sockaddr": {
        "evt.type": "connect",
        "fd.cip": "172.40.111.222",
        "fd.sip": "142.251.111.147",
        "fd.rip": "172.40.111.222",
    },
    "server1_sockaddr": {"evt.type": "connect", "fd.cip": "::1", "fd.sip": "2001:4860:4860::8888", "fd.rip": "::1"},
    "read_buf": {"evt.type": "read", "evt.buffer": "hello\0"},
    '"epoll_create"': {"evt.type": "epoll_create", "evt.cpu": 1, "evt.rawarg.res": -22},
}
"""A mark of the described event → its fields."""


@pytest.mark.data
def test_what_falco_finds_true_is_true(shared_data: Path) -> None:
    wrong, count = [], 0
    for line in (shared_data / "falco/semantics/eval_facts.jsonl").read_text().splitlines():
        row = json.loads(line)
        scene = next(
            (
                scene
                for mark, scene in sorted(SCENES.items(), key=lambda one: -len(one[0]))
                if mark in json.dumps(row["event"])
            ),
            None,
        )
        if scene is None or not isinstance(row["expect"], bool) or "evt.arg.data" in row["expr"]:
            continue
        made = rules(row["expr"])
        engine = run.Engine(made, "syscall") if made.loads else None
        count += 1
        held = engine is not None and engine.matches(frame([scene], engine.columns)).height > 0
        wrong += [row["expr"]] if held != row["expect"] else []
    assert wrong == []
    assert count > 190

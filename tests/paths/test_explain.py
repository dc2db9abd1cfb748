import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.paths import explain, weights
from plimsoll.paths.edge import Edge


@pytest.mark.parametrize("kind", sorted(explain.kinds()))
def test_every_kind_says_what_it_takes_what_is_done_and_what_closes_it(kind):
    told = explain.of(kind)
    for words in (told.name, told.when, told.does, told.fix, told.shows):
        assert words.strip()
        assert not words.endswith(".")
    assert told.attack
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", one) for one in told.attack)


@pytest.mark.parametrize("kind", sorted(explain.kinds()))
def test_the_docs_say_the_same_of_every_kind(kind):
    page = (Path(__file__).resolve().parents[2] / "docs" / "attack-edges.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{kind}`"))
    told, weight = explain.of(kind), weights.of(kind)
    assert told.when.replace(" (conditional)", "") in row
    assert f"| {', '.join(told.attack)} | {told.fix} | {weight.ease} | {weight.seen} ({weight.wild}) |" in row


def test_a_step_is_told_with_its_evidence():
    told = explain.step(Edge("CE_PRIVILEGED", "Container:a/p/c", "Node:n1", "spec… is true", ("Pod/a/p",)))
    assert told.has == "commands in container a/p/c"
    assert told.gains == "root on node n1"
    assert told.why == "spec… is true"
    assert told.attack == ("T1611",)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("Internet", "the Internet"),
        ("Cloud:node", "what the nodes may do in the cloud"),
        ("Cloud:a/x", "the cloud identity a/x"),
        ("ClusterRole/edit@shop", "the rights of ClusterRole edit in shop"),
        ("Sink:compute", "computing time"),
        ("Strange:x{0}", "Strange:x{0}"),
    ],
)
def test_what_is_held_is_told_in_words(node, words):
    assert explain.held(node) == words


@given(st.text(max_size=40))
def test_any_id_is_told(node):
    assert isinstance(explain.held(node), str)


def test_a_fix_names_the_object_and_what_to_do_with_it():
    edges = [
        Edge("TOKEN_MOUNT", "a", "b", "", ("Pod/a/p",)),
        Edge("CE_PRIVILEGED", "b", "c", "", ("Pod/a/p",)),
        Edge("HAS_PERMISSION", "c", "d", "", ("RoleBinding/a/b",)),
    ]
    told = explain.fix(edges, ["Pod/a/p"])
    assert told.startswith("Pod/a/p: automountServiceAccountToken: false; or privileged: false")
    assert "RoleBinding" not in told

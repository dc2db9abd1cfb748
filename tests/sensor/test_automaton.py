from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import automaton, hashes

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=4)
PATTERNS = st.lists(
    st.tuples(st.lists(NAMES | st.just("*"), min_size=1, max_size=4), st.booleans(), st.integers(1, 0xFFFF)), max_size=6
)


def walked(edges: automaton.Edges, path: list[str]) -> int:
    """What the kernel's walk over the edges knows of a path: the same steps as `covered` in path.h."""
    node, found = 0, 0
    for place, name in enumerate(path):
        target = edges.get((node, hashes.component(name.encode()))) or edges.get((node, automaton.ANY))
        if not target:
            return found
        node, here, below = target
        found |= here if place + 1 == len(path) else below
    return found


def matched(pattern: list[str], path: list[str], *, below: bool) -> bool:
    """The law: component by component, and deeper where anything below is meant."""
    fits = all(wanted in ("*", name) for wanted, name in zip(pattern, path, strict=False))
    return fits and (len(path) > len(pattern) if below else len(path) == len(pattern))


@given(PATTERNS, PATHS)
def test_the_walk_knows_what_the_patterns_say(patterns: list[tuple[list[str], bool, int]], path: list[str]) -> None:
    texts = [("/" + "/".join([*names, "**"] if below else names), mask) for names, below, mask in patterns]
    expected = 0
    for names, below, mask in patterns:
        expected |= mask if matched(names, path, below=below) else 0
    assert walked(automaton.edges(texts), path) == expected


def test_many_patterns_stay_within_bounds() -> None:
    many = [(f"/*/{n}/*/{n % 7}/*", 1) for n in range(3000)]
    assert len({node for node, _ in automaton.edges(many)}) <= automaton.MOST_NODES

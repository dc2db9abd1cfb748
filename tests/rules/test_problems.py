from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import marked, problems


@given(
    st.lists(st.sampled_from(["a", "or", "fd.name", "=", "x"]), min_size=1, max_size=12),
    st.sampled_from([" ", "\n    "]),
    st.data(),
)
def test_a_place_in_a_folded_text_is_found_in_the_file(words: list[str], between: str, data: st.DataObject) -> None:
    source = "- condition: >\n    " + between.join(words) + "\n"
    (document,) = marked.documents(source)
    assert isinstance(document, marked.Sequence)
    (item,) = document.items
    assert isinstance(item, marked.Mapping)
    scalar = item.keys["condition"]
    assert isinstance(scalar, marked.Scalar)
    number = data.draw(st.integers(0, len(words) - 1))
    at = len(" ".join(words[:number])) + (number > 0)
    found = problems.place(source, scalar.mark, scalar.text, at)
    assert source[found.offset :].startswith(words[number])
    assert source.splitlines()[found.line - 1][found.column - 1 :].startswith(words[number])


def test_a_snippet_of_a_long_line_is_cut_around_the_place() -> None:
    line, caret = problems.snippet("x" * 500 + "!" + "y" * 500, 500).split("\n")
    assert len(line) == 100
    assert line[caret.index("^")] == "!"


def test_every_code_in_use_has_its_fix() -> None:
    package = Path(problems.__file__).parent
    text = "".join((package / name).read_text(encoding="utf-8") for name in ("files.py", "ruleset.py"))
    told = {word for word in text.replace('"', " ").split() if word.startswith("LOAD_") and "{" not in word}
    assert told <= problems.FIXES.keys()

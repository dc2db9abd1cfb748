from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.context import statements
from plimsoll.context.statements import Statement

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def test_a_statement_becomes_a_row_of_context() -> None:
    row = statements.frame([("jira", Statement("ticket", "OPS-1", scope=("shop/*/web",)), NOW)]).to_dicts()[0]
    assert (row["source"], row["id"], row["scope"], row["fetched"]) == ("jira", "OPS-1", ["shop/*/web"], NOW)


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_no_text_moves_a_cursor_or_opens_a_script(title: str, url: str, scope: list[str]) -> None:
    row = statements.frame([("x", Statement("ticket", title, url, title, scope=tuple(scope)), NOW)]).to_dicts()[0]
    assert row["title"].isprintable()
    assert row["url"] == "" or row["url"].startswith("http")
    assert all(one.isprintable() and len(one) <= statements.LONGEST for one in row["scope"])


@given(st.text() | st.datetimes() | st.none() | st.integers())
def test_a_moment_is_one_or_none(text: object) -> None:
    told = statements.moment(text)
    assert told is None or told.utcoffset() is not None


def test_a_source_cannot_say_without_end() -> None:
    said = statements.each(range(statements.MOST + 10), lambda n: [Statement("ticket", str(n))])
    assert len(said.statements) == statements.MOST
    assert len(said.problems) == 1


def test_what_is_seen_first_is_remembered_as_it_is() -> None:
    seen: dict[str, datetime] = {}
    later = datetime(2026, 3, 5, tzinfo=UTC)
    assert statements.Asked(NOW, NOW, seen).first_seen("w") == NOW
    assert statements.Asked(later, NOW, seen).first_seen("w") == NOW
    assert statements.Asked(later, NOW, seen).first_seen("w, longer") == later

"""The console table: taken in at a glance, safe to read, easy to copy."""

from __future__ import annotations

import io

import pytest

from plimsoll import outputs
from plimsoll.outputs import table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(rows, stream=None, **options):
    stream = stream or io.StringIO()
    outputs.write("table", rows, stream, **options)
    return stream.getvalue()


def test_the_first_line_says_how_bad_when_who_and_what(stolen_token):
    first = shown([stolen_token]).splitlines()[0]
    assert first == "C  2026-01-02 03:04:05Z  sa:ci/deployer  Reads secrets of a namespace it has never touched"


def test_who_is_not_said_twice(stolen_token):
    stolen_token["title"] = "sa:ci/deployer reads secrets"
    assert shown([stolen_token]).splitlines()[0].count("sa:ci/deployer") == 1


def test_only_the_weightiest_reasons_are_shown(stolen_token):
    text = shown([stolen_token])
    assert "with a client it never used: curl" in text
    assert "at night" not in text
    assert "and 1 more" in text


def test_techniques_have_their_names(stolen_token):
    assert "T1552.007 Container API, T1078 Valid Accounts" in shown([stolen_token])


def test_a_pipe_gets_long_lines_and_no_colour(stolen_token):
    text = shown([stolen_token])
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) > 90


def test_a_terminal_gets_colour_and_its_width(stolen_token, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    text = shown([stolen_token], Terminal())
    assert text.startswith("\x1b[1;37;41mC\x1b[0m")
    assert max(map(len, shown([stolen_token], Terminal(), color="never").splitlines())) <= 60


def test_colour_when_asked_for_is_shown_in_spite_of_the_environment(stolen_token, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[1;37;41mC" in shown([stolen_token], color="always")


def test_hostile_values_are_shown_for_what_they_are(hostile):
    first = shown([hostile]).splitlines()[0]
    assert r"[bold]ran[/bold] \x1b[31m/bin/sh\nH  2026-01-02 \u202egnp.exe :skull: \x9b31m\x7f" in first


def test_a_value_without_end_is_cut(stolen_token):
    stolen_token["title"] = "y" * 10_000_000
    assert len(shown([stolen_token])) < 4000


def test_no_boxes_are_drawn(stolen_token, webhook_created):
    assert shown([stolen_token, webhook_created]).isascii()


def test_a_narrow_terminal_is_still_written_to(some_alerts):
    assert "Valid" in shown(some_alerts, width=1)


def shown_columns(rows, **options):
    stream = io.StringIO()
    columns = [table.Column("SUBJECT"), table.Column("FACTS", "right"), table.Column("MATURITY")]
    table.show(columns, rows, stream, **options)
    return stream.getvalue()


ROWS = [
    ["sa:ci/deployer", "3,120", "knows 99.2 % of what it does"],
    ["shop/Deployment/web:app", "12", "still learning: 2 of 7 days, much is yet unseen"],
    ["[red]x[/red]\x1b[31m\n", "", ""],
]


@pytest.mark.parametrize("width", [None, 60, 30])
def test_columns_are_aligned_and_wrapped(width, snapshot):
    assert shown_columns(ROWS, width=width) == snapshot


def test_columns_end_without_blanks_and_piped_without_codes():
    text = shown_columns(ROWS)
    assert "\x1b" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_titles_are_bold_in_colour():
    assert shown_columns(ROWS, color="always").startswith("\x1b[1mSUBJECT")


def test_no_rows_are_said_in_words():
    assert shown_columns([], none="No profiles yet.") == "No profiles yet.\n"

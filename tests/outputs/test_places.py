"""Where colours are shown and how wide a place is."""

from __future__ import annotations

import io

import pytest

from plimsoll.outputs import places


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("color", "terminal", "environ", "colored"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", True, {}, False),
    ],
)
def test_colour_is_shown_where_it_is_wanted(color, terminal, environ, colored):
    stream = Terminal() if terminal else io.StringIO()
    assert places.of(stream, color=color, environ=environ).color is colored


def test_a_pipe_has_no_width_and_a_terminal_that_of_its_window(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    assert places.of(io.StringIO()).width is None
    assert places.of(Terminal()).width == 77
    assert places.of(Terminal(), width=50).width == 50


def test_the_encoding_is_that_of_the_stream():
    assert places.of(io.TextIOWrapper(io.BytesIO(), encoding="ascii")).encoding == "ascii"


def test_the_host_is_this_one_unless_told():
    assert places.of(io.StringIO()).hostname
    assert places.of(io.StringIO(), hostname="node-1").hostname == "node-1"

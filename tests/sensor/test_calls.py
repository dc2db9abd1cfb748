from __future__ import annotations

import re
from pathlib import Path

import pytest

from plimsoll.sensor import calls
from plimsoll.sensor.shapes import RARE

TABLE = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


@pytest.mark.skipif(not TABLE.exists(), reason="the C library's headers are not here")
def test_numbers_are_those_of_the_kernels_table() -> None:
    known = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", TABLE.read_text())}
    told = {call.name: call.x86_64 for call in (*calls.NAMES, *calls.RIGHTS) if call.x86_64 is not None}
    assert {name: number for name, number in told.items() if known.get(name, number) != number} == {}


def test_every_call_that_names_a_file_says_where() -> None:
    assert [call.name for call in calls.NAMES if call.path > 4] == []
    assert {len(call.packed()) for call in (*calls.NAMES, *calls.RIGHTS)} == {RARE.size}

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from plimsoll.context.statements import Said, Silent
from tests.context.said import NOW, said

EXPORT = '{"groups": {"platform": ["Ann@acme.example", "bob@acme.example", "x@evil.example"]}, "strong": ["ann@acme.example"]}'


def read(folder: Path, text: str, age: timedelta = timedelta(0), **options: object) -> Said:
    path = folder / "groups.json"
    path.write_text(text)
    written = (NOW - age).timestamp()
    os.utime(path, (written, written))
    return said("oidc_groups", file=str(path), groups={"platform": ["*/*/*"]}, **options)


def test_members_of_a_group_administrate_what_it_does(tmp_path: Path) -> None:
    told = read(tmp_path, EXPORT).statements
    assert [(one.subjects, one.strong) for one in told] == [
        (("ann@acme.example",), True),
        (("bob@acme.example",), False),
    ]
    assert {one.scope for one in told} == {("*/*/*",)}


def test_a_stale_export_is_no_evidence(tmp_path: Path) -> None:
    with pytest.raises(Silent, match="too old"):
        read(tmp_path, EXPORT, timedelta(minutes=6))


def test_an_export_says_itself_when_it_was_made(tmp_path: Path) -> None:
    old = EXPORT[:-1] + ', "exported": "2026-03-04T11:00:00Z"}'
    with pytest.raises(Silent, match="too old"):
        read(tmp_path, old)
    assert read(tmp_path, old.replace("11:00", "11:58"), timedelta(days=1)).statements
    with pytest.raises(Silent, match="no time"):
        read(tmp_path, old.replace("2026-03-04T11:00:00Z", "lately"))


def test_an_export_from_the_future_is_none(tmp_path: Path) -> None:
    with pytest.raises(Silent, match="too old"):
        read(tmp_path, EXPORT, -timedelta(days=1))


def test_a_group_that_is_not_in_it_is_told(tmp_path: Path) -> None:
    assert read(tmp_path, '{"groups": {}}').problems


@pytest.mark.parametrize("text", ["", "{", '{"groups": []}', '{"groups": {"platform": "ann"}}', "[]"])
def test_what_is_no_export_is_silence(text: str, tmp_path: Path) -> None:
    with pytest.raises(Silent):
        read(tmp_path, text)

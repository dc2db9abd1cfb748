"""Patterns: as wide as what varies, and no wider where one file more is an attack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import patterns

SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
PATH = st.lists(SEGMENT, min_size=1, max_size=8).map(lambda names: "/" + "/".join(names))


def texts(reads: list[str], writes: list[str]) -> set[str]:
    return {one.text for one in patterns.learned(reads, writes)}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/data/temp-13.rdb", "/data/*"),
        ("/proc/13/task/14/stat", "/proc/*/task/*/stat"),
        ("/var/lib/postgresql/data/base/16384/2619_fsm", "/var/lib/postgresql/data/base/*/*"),
        ("/dev/shm/PostgreSQL.3249583", "/dev/shm/*"),
        ("/data/dump.rdb", "/data/dump.rdb"),
    ],
)
def test_what_a_program_made_up_is_any_segment(path: str, pattern: str) -> None:
    assert patterns.generalised(path) == pattern


@pytest.mark.parametrize(
    "path",
    [
        "/etc/tmp.18c3f2",
        "/usr/bin/tmp12345678",
        "/root/.ssh/12345678",
        "/home/ann/.ssh/20260302",
        "/12345",
        "/etc/cron.d/12345",
    ],
)
def test_no_name_varies_where_one_file_more_is_an_attack(path: str) -> None:
    assert patterns.generalised(path) == path


def test_a_folder_with_many_files_written_is_learned_as_a_folder() -> None:
    files = [f"/spool/{name}" for name in "abcdefgh"]
    assert texts([], files) == {"/spool/*"}
    assert texts([], files[1:]) == set()


def test_a_folder_needs_more_reads_than_writes() -> None:
    files = [f"/srv/{n}.html" for n in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"]
    assert texts(files, []) == {"/srv/*"}
    assert texts(files[1:], []) == set()


@pytest.mark.parametrize(
    "folder",
    ["", "/etc", "/bin", "/usr/local/bin", "/usr/lib/x", "/root", "/home/a/.ssh", "/run/secrets/x", "/var/spool/cron"],
)
def test_sensitive_folders_are_never_taken_as_a_whole(folder: str) -> None:
    assert texts([], [f"{folder}/{name}x" for name in "abcdefghijklmnop"]) == set()


@pytest.mark.parametrize("path", ["/etc/*", "/etc/**", "/*/passwd", "/data/*", "/etc/0*"])
def test_a_file_whose_name_is_a_star_is_only_itself(path: str) -> None:
    assert texts([path], [path]) == set()


def test_many_folders_alike_are_any_folder() -> None:
    names = [f"{one}{other}" for one in "ghijkl" for other in "ghijkl"]
    assert texts([], [f"/cache/{name}/index" for name in names]) == {"/cache/*/index"}


def test_too_many_patterns_take_the_deepest_folders_as_a_whole() -> None:
    words = ["".join(chr(97 + int(digit)) for digit in str(n)) for n in range(3000)]
    found = texts([], [f"/srv/z{words[n // 7]}q/y{words[n]}q/temp-13.x" for n in range(3000)])
    assert len(found) <= patterns.MOST
    assert any(text.endswith("/**") or text.count("*") > 1 for text in found)


@given(st.lists(PATH, max_size=40))
def test_each_pattern_covers_a_path_that_was_seen(paths: list[str]) -> None:
    for one in patterns.learned(paths, []):
        assert any(patterns.covers(one.text, path) for path in paths)


@given(PATH)
def test_a_path_is_covered_by_its_own_pattern(path: str) -> None:
    assert patterns.covers(patterns.generalised(path), path)


@given(st.lists(PATH, max_size=30), st.lists(PATH, max_size=30))
def test_no_pattern_ends_in_a_star_in_a_sensitive_folder(reads: list[str], writes: list[str]) -> None:
    for one in patterns.learned(reads, [f"/etc{path}" for path in writes]):
        assert not (one.access == "write" and one.text.startswith("/etc/") and one.text.endswith("*"))


def test_everybody_reads_libraries_and_nobody_writes_them() -> None:
    def harmless(path: str, access: str) -> bool:
        return any(one.access == access and patterns.covers(one.text, path) for one in patterns.HARMLESS)

    assert harmless("/usr/lib/x86_64-linux-gnu/libssl.so.3", "read")
    assert harmless("/proc/7/status", "read")
    assert not harmless("/usr/lib/libssl.so.3", "write")
    assert not harmless("/proc/7/environ", "read")
    assert not harmless("/etc/shadow", "read")
    assert not harmless("/proc/kcore", "read")


def test_addresses_stand_for_networks_and_networks_for_ports() -> None:
    near = [patterns.End("tcp", f"10.0.0.{n}", 5432) for n in range(3)]
    far = [patterns.End("tcp", f"10.{n}.0.1", 443) for n in range(8)]
    networks, ports = patterns.reached(near + far)
    assert [(end.address, end.port) for end in networks] == [("10.0.0.0", 5432)]
    assert ports == [("tcp", 443)]
    assert patterns.reached(near[:2] + far[:7]) == ([], [])


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1", "10.0.0.1:99999999/tcp", "a:b/c"])
def test_what_names_no_end_is_none(text: str) -> None:
    assert patterns.end(text) is None

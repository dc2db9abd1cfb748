"""What rules must be told of: never less than what they could hold for."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import rules
from plimsoll.rules import needs, ruleset


def loaded(*conditions: str) -> ruleset.Ruleset:
    made = [
        f"- {{rule: r{at}, desc: d, condition: '{text}', output: o, priority: info}}"
        for at, text in enumerate(conditions)
    ]
    found = ruleset.load([("r.yaml", "\n".join(made))])
    assert found.loads, found.problems
    return found


def covers(places: needs.Places, path: str) -> bool:
    return places.any or path in places.paths or any(path.startswith(prefix) for prefix in places.prefixes)


@pytest.mark.parametrize(
    ("condition", "paths", "prefixes"),
    [
        ("fd.name = /etc/shadow", {"/etc/shadow"}, set()),
        ("fd.name in (/etc/shadow, /etc/passwd)", {"/etc/shadow", "/etc/passwd"}, set()),
        ("fd.name startswith /etc/", set(), {"/etc/"}),
        ("fd.directory in (/bin, /sbin)", set(), {"/bin/", "/sbin/"}),
        ("fd.name pmatch (/root/.ssh)", {"/root/.ssh"}, {"/root/.ssh/"}),
        ("fd.name glob /home/*/.ssh/*", set(), {"/home/"}),
        ("fd.name startswith /etc/ and not fd.name = /etc/hosts", set(), {"/etc/"}),
        ("(fd.name = /a or fd.name = /b) and proc.name = sh", {"/a", "/b"}, set()),
        ("not (not fd.name = /a)", {"/a"}, set()),
    ],
)
def test_paths_are_told_by_the_tests_of_names(condition: str, paths: set[str], prefixes: set[str]) -> None:
    found = needs.needs(loaded(f"evt.type in (open, openat) and {condition}"))
    assert found.events == {"open", "openat"}
    assert found.read == needs.Places(paths=frozenset(paths), prefixes=frozenset(prefixes))
    assert found.change == needs.NONE


@pytest.mark.parametrize(
    "condition", ["fd.name endswith .so", "proc.name = sh", "not fd.name = /a", "fd.name = /a or proc.name = sh"]
)
def test_what_tells_no_path_asks_for_any(condition: str) -> None:
    assert needs.needs(loaded(f"evt.type = openat and {condition}")).read.any


def test_who_only_reads_is_not_told_of_writing() -> None:
    found = needs.needs(
        loaded(
            "evt.type = openat and evt.is_open_write = true and evt.is_open_read = false and fd.name startswith /bin/"
        )
    )
    assert found.read == needs.NONE
    assert found.write.prefixes == {"/bin/"}


def test_rules_about_other_things_ask_for_no_file() -> None:
    found = needs.needs(loaded("evt.type = execve and proc.name = nc", "evt.type = connect"))
    assert found == needs.Needs(frozenset({"execve", "connect"}), needs.NONE, needs.NONE, needs.NONE)


def test_a_rule_that_names_no_kind_of_event_is_told_of_all() -> None:
    found = needs.needs(loaded("proc.name = nc"))
    assert {"execve", "openat", "unlink", "connect"} <= found.events
    assert found.read.any


def test_a_rule_that_cannot_be_evaluated_asks_for_nothing() -> None:
    rule = loaded("evt.type = openat and fd.nameraw contains ../")
    assert needs.needs(rule, given=lambda column: column != "fd.nameraw").read == needs.NONE


def test_very_many_names_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "MOST", 10)
    names = ", ".join(f"/etc/{n}" for n in range(11))
    assert needs.needs(loaded(f"evt.type = openat and fd.name in ({names})")).read.any


PATHS = ["/etc/shadow", "/etc/cron.d/x", "/bin/sh", "/home/a/.ssh/id", "/data", "/data/x"]
leaves = st.builds(
    "{} {}".format,
    st.just("fd.name"),
    st.one_of(
        st.sampled_from(PATHS).map("= {}".format),
        st.sampled_from(PATHS).map("startswith {}".format),
        st.lists(st.sampled_from(PATHS), min_size=1, max_size=3).map(lambda paths: f"in ({', '.join(paths)})"),
        st.lists(st.sampled_from(PATHS), min_size=1, max_size=2).map(lambda paths: f"pmatch ({', '.join(paths)})"),
        st.sampled_from(["/etc/*", "/home/*/.ssh/*", "/d?ta"]).map("glob {}".format),
        st.just("endswith x"),
    ),
) | st.sampled_from(
    [
        "fd.directory = /etc",
        "fd.directory in (/bin, /data)",
        "proc.name = sh",
        "evt.is_open_read = true",
        "evt.is_open_write = true",
    ]
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) and ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) or ({two[1]})"),
    ),
    max_leaves=6,
)


@given(conditions, st.sampled_from(PATHS), st.sampled_from(["sh", "cat"]), st.booleans())
def test_whatever_a_rule_holds_for_it_asked_for(condition: str, path: str, name: str, writes: bool) -> None:
    found = loaded(f"evt.type = openat and ({condition})")
    event = {
        "evt_type": ["openat"], "fd_name": [path], "proc_name": [name],
        "evt_arg_flags": ["O_WRONLY" if writes else "O_RDONLY"],
    }  # fmt: skip
    if rules.matches(found, pl.DataFrame(event), "syscall").height:
        asked = needs.needs(found)
        assert covers(asked.write if writes else asked.read, path)

from __future__ import annotations

import json
import re

import pytest

from plimsoll import errors
from plimsoll.outputs import attack
from plimsoll.posture import check, frameworks, rows

GOOD = """
a-check:
  title: A
  danger: B
  fix: C
  severity: low
  attack: [T1611]
  tests: [{test: pod_security.privileged, controls: [pss:privileged]}]
"""


def test_every_row_of_the_product_holds_together():
    own = rows.own()
    assert own
    assert [one.id for one in own] == sorted({one.id for one in own})


def test_every_technique_is_one_of_attack():
    assert {uid for one in rows.own() for uid in one.attack if not attack.name(uid)} == set()


def test_every_test_is_asked_by_a_row():
    own = rows.own()
    asked = {one.test for row in own for one in row.tests}
    registered = {name for name, test in check.TESTS.items() if "plimsoll.posture.judging" in test.run.__module__}
    assert registered - asked == set()


def test_rows_say_what_a_person_can_use():
    for row in rows.own():
        for said in (row.title, row.danger, row.fix):
            assert re.match(r"[A-Z0-9/`'\"]", said), row.id
        assert not row.title.endswith("."), row.id
        assert row.danger.endswith("."), row.id
        assert row.fix.endswith("."), row.id


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("severity: low", "severity: grave", "severity"),
        ("pod_security.privileged", "pod_security.nowhere", "there is no test pod_security.nowhere"),
        ("pss:privileged", "nobody:x", "no catalogue is called nobody"),
        ("pss:privileged", "privileged", "is no control"),
        ("T1611", "T16", "no ATT&CK technique"),
        ("title: A", "title: ''", "its title is empty"),
        ("title: A", "titel: A", "titel"),
        ("a-check", "A check", "an id is"),
        ("[{test: pod_security.privileged, controls: [pss:privileged]}]", "[]", "it has no test"),
        ("controls: [", "frameworks: {pss-strict: 1.0-}, controls: [", "no framework with versions"),
        ("controls: [", "frameworks: {pss-baseline: 1.0}, controls: [", "Expected"),
        ("controls: [", "frameworks: {pss-baseline: '1'}, controls: [", "no range of versions"),
        ("  severity: low", "  severity: low\n  severity: high", "severity is there twice"),
        ("a-check:", "a-check: 1\nb:", "a-check"),
    ],
)
def test_a_row_that_does_not_hold_together_is_refused(before, after, reason):
    assert before in GOOD
    rows.own()
    with pytest.raises(errors.InputError, match=re.escape(reason)):
        rows.joined({"x.yaml": GOOD.replace(before, after).encode()})


@pytest.mark.parametrize("text", ["[1]", "a: [", "? [a]\n: b", "&a [*a]", "!!python/name:os.system"])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(errors.InputError):
        rows.joined({"x.yaml": text.encode()})


def test_an_id_of_two_files_is_refused():
    with pytest.raises(errors.InputError, match="another check"):
        rows.joined({"x.yaml": GOOD.encode(), "y.yaml": GOOD.encode()})


def test_a_row_of_tests_adds_to_the_check_of_another_file():
    more = b"a-check: {tests: [{test: pod_security.host_process, controls: [cis:5.2.1]}]}"
    (made,) = rows.joined({"a.yaml": more, "x.yaml": GOOD.encode()})
    assert [one.test for one in made.tests] == ["pod_security.privileged", "pod_security.host_process"]
    with pytest.raises(errors.InputError, match="nowhere"):
        rows.joined({"a.yaml": more})


def test_pod_security_has_every_control_of_kubernetes(shared_tables):
    told = {one["id"] for one in json.loads((shared_tables / "posture" / "pss_checks.json").read_text())}
    ours = {control for row in rows.own() for one in row.tests for control in one.controls}
    assert {f"pss:{name}" for name in told} == {control for control in ours if control.startswith("pss:")}
    assert frameworks.LATEST >= (1, 37)


def test_the_techniques_of_a_row_are_controls_of_each_of_its_tests():
    check = next(one for one in rows.own() if one.id == "container-privileged")
    assert all("mitre:T1611" in test.controls for test in check.tests)
    assert all(
        "mitre:T1611" in test.controls
        for one in rows.with_theirs({"m.yaml": GOOD.encode()})
        if one.id == "a-check"
        for test in one.tests
    )

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import errors
from plimsoll.posture import frameworks, rows


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("pss-baseline", frameworks.LATEST),
        ("pss-baseline@latest", frameworks.LATEST),
        ("pss-restricted@v1.24", (1, 24)),
        ("pss-restricted@1.0", (1, 0)),
        ("pss-restricted@1.99", frameworks.LATEST),
        ("cis", frameworks.LATEST),
        ("cis@2.0.1", frameworks.LATEST),
    ],
)
def test_a_framework_may_have_a_version(text, version):
    assert frameworks.framework(text).version == version


@given(st.text(max_size=20) | st.sampled_from(["nobody", "cis@1.0", "pss-baseline@x", "pss-baseline@1", "@"]))
def test_no_other_text_is_a_framework(text):
    if text not in frameworks.CATALOGUES:
        with pytest.raises(errors.UsageError):
            frameworks.framework(text)


def controls(*names):
    wanted = [frameworks.framework(name) for name in names]
    return {
        control
        for one in frameworks.chosen(rows.own(), wanted)
        for test in one.tests
        if test.decides
        for control in test.judged.controls
        if control.startswith("pss:")
    }


def test_restricted_controls_stand_in_for_baseline_ones():
    old, new = controls("pss-restricted@1.18"), controls("pss-restricted@1.37")
    assert "pss:seccompProfile_baseline" in old
    assert "pss:capabilities_baseline" in old
    assert {
        "pss:hostPathVolumes",
        "pss:seccompProfile_baseline",
        "pss:capabilities_baseline",
        "pss:procMount",
    } & new == set()
    assert {"pss:procMount_restricted", "pss:runAsUser", "pss:hostProbesAndHostLifecycle"} <= new


@given(st.integers(0, 37))
def test_each_version_has_one_revision_of_each_baseline_control(minor):
    wanted = [frameworks.framework(f"pss-baseline@1.{minor}")]
    told = [
        control
        for one in frameworks.chosen(rows.own(), wanted)
        for test in one.tests
        if test.decides
        for control in test.judged.controls
        if control.startswith("pss:")
    ]
    assert len(told) == len(set(told)) == 11 + (minor >= 34)


def test_without_a_framework_the_newest_revision_of_every_control_is_asked():
    assert len(controls()) == 19


def test_tests_of_other_catalogues_add_their_controls_and_decide_nothing():
    for one in frameworks.chosen(rows.own(), [frameworks.framework("kyverno")]):
        for test in one.tests:
            assert test.decides == any(control.startswith("kyverno:") for control in test.judged.controls)


def test_what_names_a_technique_is_of_attack():
    asked = {one.check.id for one in frameworks.chosen(rows.own(), [frameworks.framework("mitre")])}
    assert asked == {one.id for one in rows.own() if one.attack}

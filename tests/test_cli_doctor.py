"""What is missing, told to people and to programs."""

from __future__ import annotations


def test_doctor_answers_programs_and_people(run, taught):
    checks = run("doctor", "--profile", "p", "-o", "json")
    assert checks.code in (0, 4)
    assert {"state", "name", "found", "mend"} == set(checks.document[0])
    assert "HOW TO MEND IT" in run("doctor").out
    missing = run("doctor", "--profile", "nowhere", "-o", "json")
    assert missing.code == 4

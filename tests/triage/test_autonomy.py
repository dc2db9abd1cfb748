"""How far a family of rules may go."""

from __future__ import annotations

import pytest

from plimsoll.triage import autonomy
from plimsoll.triage.autonomy import Record


def record(clean, *, malicious=0, after=0):
    found = Record()
    for _ in range(clean):
        found.add(malicious=False)
    for _ in range(malicious):
        found.add(malicious=True)
    for _ in range(after):
        found.add(malicious=False)
    return found


def test_closing_takes_299_clean_audits_and_a_bound_that_holds():
    assert autonomy.rung(record(298)) == "mute"
    assert autonomy.rung(record(299)) == "close"
    assert autonomy.rung(record(299), bounded=False) == "mute"


def test_one_malicious_audit_takes_a_family_back_until_it_is_taken_back_or_299_were_clean():
    assert autonomy.rung(record(1_000, malicious=1), warned=True) == "demote"
    assert autonomy.rung(record(1_000, malicious=1), warned=False) == "mute"
    assert autonomy.rung(record(1_000, malicious=1, after=298), warned=True) == "demote"
    assert autonomy.rung(record(1_000, malicious=1, after=299), warned=True) == "close"


@pytest.mark.parametrize("most", autonomy.RUNGS)
def test_no_family_goes_further_than_people_allow(most):
    assert autonomy.RUNGS.index(autonomy.rung(record(299), most)) <= autonomy.RUNGS.index(most)

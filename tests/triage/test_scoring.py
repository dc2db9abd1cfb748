"""Gates, kinds of evidence and the score of one alert."""

from __future__ import annotations

import pytest

from plimsoll.triage import gates
from plimsoll.triage.scoring import Policy
from tests.triage import told
from tests.triage.told import DAY, HOUR, START


def judged(row, *statements, **options):
    return told.one(told.quiet(statements, **options), row).judgement


def test_a_machine_is_muted_on_its_history():
    found = judged(told.noise())
    assert (found.mute, found.kinds, found.state) == (True, ("HIST",), "muted")


def test_a_person_is_not_muted_on_history_alone():
    assert judged(told.shell()).kinds == ("HIST",)
    assert not judged(told.shell()).mute


def test_who_he_is_excuses_nothing_by_itself_nor_with_history():
    found = judged(told.shell(), told.admin())
    assert (found.kinds, found.mute) == (("HIST", "IDENT"), False)


def test_a_change_and_history_do():
    found = judged(told.shell(), told.ticket())
    assert (found.kinds, found.mute, found.asks, found.urls) == (("HIST", "AUTH"), True, "eve", ("files:CHG1",))


def test_a_change_and_a_usual_administrator_do_where_there_is_no_history():
    row = told.shell(rule="", title="Read sensitive file untrusted", command="cat")
    assert judged(row, told.ticket(allows=("sensitive-file",)), told.admin()).kinds == ("AUTH", "IDENT")


def test_a_change_alone_does_not():
    row = told.shell(title="Read sensitive file untrusted", command="cat")
    found = judged(row, told.ticket(allows=("sensitive-file",)))
    assert (found.kinds, found.mute) == (("AUTH",), False)


def test_from_an_unusual_place_an_administrator_is_none():
    found = judged(told.shell(ip="198.51.100.9"), told.ticket(), told.admin())
    assert found.kinds == ("HIST", "AUTH")
    assert found.features[7] == 1.0
    assert "IDENT" in judged(told.shell(), told.ticket(), told.admin()).kinds


def test_a_window_counts_from_the_third_time_on():
    weeks = [told.window(START + week * 7 * DAY, id=str(week)) for week in range(3)]
    judge = told.quiet(weeks)
    found = [told.one(judge, told.shell(START + week * 7 * DAY + HOUR)).judgement for week in range(3)]
    assert ["WIN" in one.kinds for one in found] == [False, False, True]
    assert found[2].mute


@pytest.mark.parametrize(
    ("time", "off"), [(START, 0.0), (START - 10 * HOUR, 1.0), (START - DAY, 1.0)], ids=["monday", "night", "sunday"]
)
def test_nights_and_weekends_weigh_against_a_person(time, off):
    assert judged(told.shell(time)).features[6] == off


def test_the_office_may_be_elsewhere():
    assert judged(told.shell(START - 10 * HOUR), policy=Policy(utc_offset=10)).features[6] == 0.0


def test_nothing_excuses_a_rule_that_is_never_muted():
    row = told.shell(title="Clear Log Activities")
    found = judged(row, told.ticket(allows=("Clear Log Activities",)), told.admin())
    assert (found.mute, found.gates) == (False, (gates.GUARDED,))


def test_a_source_that_was_not_heard_in_time_is_a_reason_to_show():
    assert gates.STALE in judged(told.shell(), told.ticket(fetched=START - HOUR)).gates


def test_a_cell_the_certificate_closed_is_only_marked():
    policy = Policy(cells_off=frozenset({("Disk is busy", "machine")}))
    assert judged(told.noise(), policy=policy).state == "demoted"
    assert judged(told.noise(), policy=Policy(cells_off=frozenset({("Disk is busy", "human")}))).state == "muted"


def test_frozen_muting_only_marks():
    assert judged(told.noise(), policy=Policy(frozen=True)).state == "demoted"

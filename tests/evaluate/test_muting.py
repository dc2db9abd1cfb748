from __future__ import annotations

import numpy as np

from plimsoll.evaluate import muting
from tests.evaluate.test_rivals import NOISE, SHELL, attack, day


def test_a_case_is_hidden_when_nothing_of_it_is_shown() -> None:
    other = NOISE._replace(workload="bank/Deployment/db")
    told = muting.hidden(day((1, NOISE), (2, NOISE), (3, other), (4, SHELL)), np.array([True, False, False, False]))
    assert (told.raw, told.raw_shown, told.cases, told.cases_shown, told.groups_shown) == (4, 1, 3, 1, 1)
    assert (told.raw_hidden, told.cases_hidden) == (0.75, 1 - 1 / 3)


def test_an_audit_is_seen_and_counted_apart() -> None:
    flags = np.array([True, False])
    told = muting.hidden(day((1, NOISE), (2, NOISE)), flags, audits=flags)
    assert (told.raw_shown, told.cases_shown, told.audited, told.groups_shown) == (1, 0, 1, 1)


def test_versions_of_an_image_are_one_case() -> None:
    told = muting.hidden(day((1, NOISE), (2, NOISE._replace(image="web:2", digest="e"))), np.array([True, True]))
    assert (told.cases, told.groups_shown) == (1, 1)


def test_a_campaign_is_missed_when_no_step_of_it_is_loud() -> None:
    attacks = [attack((1, NOISE), (2, SHELL)), attack((1, NOISE), (3, SHELL))]
    told = muting.missed(attacks, [[False, False], [False, True]])
    assert (told.campaigns, told.missed, told.steps, told.hidden_steps, told.minutes) == (2, 1, 4, 3, 120.0)
    assert told.by == {"c": (2, 1), "f": (2, 1)}


def test_what_is_indistinguishable_is_counted_apart() -> None:
    copy = attack((1, NOISE))._replace(copied=(True,))
    told = muting.missed([copy, attack((1, SHELL))], [[False], [True]])
    assert (told.campaigns, told.missed, told.indistinguishable, told.indistinguishable_missed) == (1, 0, 1, 1)


def test_several_seeds_are_one_bound() -> None:
    one = muting.missed([attack((1, SHELL))] * 300, [[True]] * 300)
    both = muting.added([one, one])
    assert both.campaigns == 600
    assert both.upper < one.upper
    assert both.by == {"c": (600, 0), "f": (600, 0)}


def test_a_report_is_plain_data_with_its_targets() -> None:
    hidden = muting.hidden(day((1, NOISE)), np.array([False]))
    daily = muting.Daily("plimsoll", 1, 0, 0, hidden, None)
    report = muting.Report("d", (1,), 1, (daily,), (daily,), (), (), {"raw_hidden": True})
    told = muting.document(report)
    assert told["targets"]["campaign_upper"] == 0.005
    assert told["daily"][0]["hidden"]["raw_hidden"] == 1.0
    assert [row["row"] for row in muting.rows(report)] == ["run", "day", "milestone"]


def test_a_case_is_kept_loud_by_what_kept_all_of_it_loud() -> None:
    one = day((1, NOISE), (2, NOISE), (3, SHELL), (4, SHELL))
    assert muting.kept_loud(one, ["chain", "", "chain", "audit"]) == {"chain": (2, 1), "audit": (1, 0)}

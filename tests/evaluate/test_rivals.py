from __future__ import annotations

import numpy as np
import pytest

from plimsoll.evaluate import rivals
from plimsoll.evaluate.simulated.analyst import Analysts
from plimsoll.evaluate.simulated.days import DAY, HOUR, START, Day, Row, Told
from plimsoll.evaluate.simulated.intrusions import Campaign

NOISE = Row("Noise", "low", "shop/Deployment/web", "web:1", "d", "/bin/sh", "h", "node", "sh -c x", "", "p", "n")
SHELL = NOISE._replace(rule="Shell", actor="ann", command="bash")
ADMIN = Told("admin", "a", ("ann",), "d", "d", 0, 0, 0, START + DAY, ("*/*/*",), (), True, 0)


def day(*alerts: tuple[int, Row], told: tuple[Told, ...] = ()) -> Day:
    rows = list(dict.fromkeys(row for _, row in alerts))
    times = np.array([START + hour * HOUR for hour, _ in alerts])
    return Day(0, times, np.array([rows.index(row) for _, row in alerts]), rows, list(told))


def attack(*steps: tuple[int, Row], told: tuple[Told, ...] = ()) -> Campaign:
    times = tuple(START + hour * HOUR for hour, _ in steps)
    rows = tuple(row for _, row in steps)
    return Campaign("f", "c", 0.0, times, rows, told, (False,) * len(rows), fooled=False)


def flags(rival: rivals.Rival, one: Day) -> list[bool]:
    return rival.shown(one).tolist()


def test_a_repeat_is_one_within_its_day_whatever_pod_it_is_of() -> None:
    rival, one = rivals.Dedup(), day((1, NOISE), (2, NOISE._replace(pod="q")), (3, SHELL))
    assert flags(rival, one) == [True, False, True]
    assert rival.missed(attack((4, NOISE)), one)
    assert not rival.missed(attack((0, NOISE)), one)
    assert not rival.missed(attack((4, NOISE), (5, NOISE._replace(command="sh -c y"))), one)


def test_context_covers_an_administrator_even_where_he_is_somebody_else() -> None:
    rival, one = rivals.NaiveContext(), day((1, NOISE), (2, SHELL), told=(ADMIN,))
    assert flags(rival, one) == [True, False]
    assert rival.missed(attack((3, SHELL._replace(ip="192.0.2.1"))), one)
    ticket = ADMIN._replace(kind="ticket", scope=("shop/Deployment/web",))
    assert rival.missed(attack((3, NOISE), told=(ticket,)), one)


def test_a_listed_rule_hides_whatever_it_tells_of_there() -> None:
    rival, one = rivals.AllowList(), day((1, NOISE), (2, SHELL))
    shown = rival.shown(one)
    for seed in range(3):  # one of them may err
        rival.answer(one, shown, 2, Analysts(seed))
    assert flags(rival, one) == [False, False]
    assert rival.missed(attack((3, NOISE._replace(command="sh -c evil"))), one)
    assert not rival.missed(attack((3, NOISE._replace(workload="bank/Deployment/db"))), one)


def test_a_rule_is_silent_for_an_hour_after_it_told() -> None:
    rival, one = rivals.CoolDown(), day((1, NOISE), (1, NOISE), (2, NOISE))
    assert flags(rival, one) == [True, False, True]
    assert rival.missed(attack((1, NOISE._replace(command="sh -c evil"))), one)
    assert not rival.missed(attack((5, NOISE)), one)


def test_regression_that_saw_nothing_but_harm_none_finds_everything_harmless() -> None:
    rival, one = rivals.Regression(), day((1, NOISE), (2, SHELL))
    assert all(flags(rival, one))
    for _ in range(20):
        rival.answer(one, rival.shown(one), 2, Analysts(1))
    assert not any(flags(rival, one))
    assert rival.missed(attack((3, NOISE._replace(command="sh -c evil"))), one)


@pytest.mark.parametrize("rival", rivals.every(), ids=lambda one: one.name)
def test_nothing_happened_and_nothing_is_shown(rival: rivals.Rival) -> None:
    empty = Day(0, np.array([], dtype=np.int64), np.array([], dtype=np.int64), [], [])
    shown = rival.shown(empty)
    rival.answer(empty, shown, 5, Analysts(1))
    assert len(shown) == 0

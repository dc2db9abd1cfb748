"""The named reasons to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage import gates, reading
from plimsoll.triage.memory import Habit
from tests.triage import told


@given(st.integers(0, 500), st.integers(0, 10_000), st.integers(1, 500))
def test_what_was_seen_in_an_hour_before_is_no_burst(peak, total, hours):
    habit = Habit(first_hour=0, total=total, peak=peak)
    assert not gates.burst(habit, peak, hours)


def test_the_ceiling_of_a_burst_is_the_one_written_down():
    habit = Habit(first_hour=0, total=100, peak=1)  # 4 an hour: 4 + 16 + 5 = 25
    assert [gates.burst(habit, count, 25) for count in (25, 26)] == [False, True]


@pytest.mark.parametrize(
    "row",
    [
        {"workload": "kube-system/Pod/kube-apiserver"},
        {"workload": "kube-system/Pod/etcd:etcd"},
        {"workload": "kube-system/DaemonSet/cilium", "actor": "bob"},
        {"workload": "plimsoll/Deployment/server"},
        {"workload": "plimsoll-system/Pod/x"},
        {"subject": "sa:kube-system/generic-garbage-collector"},
    ],
    ids=str,
)
def test_the_control_plane_and_we_ourselves_are_never_muted(row):
    assert gates.of_the_control_plane(reading.of(told.noise(**row)))


@pytest.mark.parametrize("workload", [told.WEB, "kube-system/DaemonSet/cilium", "shop/Pod/etcd", "host:kube-system"])
def test_others_may_be(workload):
    assert not gates.of_the_control_plane(reading.of(told.noise(workload=workload)))

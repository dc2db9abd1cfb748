"""The named reasons for which nothing is muted, whatever speaks for it; asked in this order."""

from __future__ import annotations

import math
from typing import NamedTuple

from plimsoll.triage.memory import Habit
from plimsoll.triage.reading import Seen

MINUTE = 60_000_000
CHAIN = 30 * MINUTE
"""How near a loud alert of the same pod, node or actor makes an alert part of its story."""
OURS, SYSTEM = "plimsoll", "kube-system"
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "cloud-controller-manager")
"""What a control plane is made of."""


class Gate(NamedTuple):
    """A reason to show."""

    name: str
    says: str


GUARDED = Gate("G1 never-mute", "nothing excuses this rule")
CHAINED = Gate("G2 chain", "something loud happened to the same pod, node or actor within 30 minutes")
BLIND = Gate("G3 sensor-gap", "the sensor lost events of this node at the time")
CONTROL = Gate("G4 control-plane", "it is about the control plane or about Plimsoll itself")
STALE = Gate("G5 stale-context", "a source of context was not heard in time, so what it says is no evidence")
BURST = Gate("G6 burst", "it is far more frequent than it ever was")
IMAGE = Gate("G7 new-image", "the image is new, and nobody confirmed the habit for it")
WARNED = Gate("G8 warned", "its signature was called malicious")
DENIED = Gate("G9 denied", "who was asked what this person did it for said no")


def burst(habit: Habit | None, count: int, hour: int) -> bool:
    """Say whether so many in one hour are far beyond what this signature ever did.

    >>> burst(None, 5, 0), burst(None, 6, 0), burst(Habit(first_hour=0, total=240, peak=20), 60, 24)
    (False, True, False)
    """
    return count > ceiling(habit, hour)


def ceiling(habit: Habit | None, hour: int) -> float:
    """Return how many in one hour are no burst yet.

    max(3 · most in an hour so far, μ + 8 √μ + 5), μ being the mean of an hour.

    >>> ceiling(None, 0), ceiling(Habit(first_hour=0, total=240, peak=20), 24)
    (5, 60)
    """
    if habit is None:
        return 5
    mean = habit.total / max(1, hour - habit.first_hour)
    return max(3 * habit.peak, mean + 8 * math.sqrt(mean) + 5)


def of_the_control_plane(seen: Seen) -> bool:
    """Say whether an alert is about the control plane, or about us.

    In kube-system that is its components, its accounts, and whatever a person does; its agents are workloads.
    """
    shape = seen.shape
    if shape.namespace == OURS or shape.namespace.startswith(f"{OURS}-"):
        return True
    if shape.namespace != SYSTEM:
        return False
    name = shape.workload.rpartition("/")[2].partition(":")[0]
    return bool(shape.actor) or shape.workload.startswith("sa:") or name.startswith(COMPONENTS)

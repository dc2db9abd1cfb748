"""Labels that mean one workload and no other: stable ones, as few as separate it from all others of its namespace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plimsoll.policies.templates import Key, Labels, Workload
from plimsoll.policies.universe import bits

PASSING = frozenset(
    {
        *("pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash", "pod-template-generation"),
        *("statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-uid", "job-name"),
        *("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"),
        *("batch.kubernetes.io/job-completion-index", "service.istio.io/canonical-revision", "istio.io/rev"),
        *("security.istio.io/tlsMode", "workflows.argoproj.io/workflow"),
        *(
            "tekton.dev/pipelineRun",
            "tekton.dev/taskRun",
            "topology.kubernetes.io/region",
            "topology.kubernetes.io/zone",
        ),
        *("failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"),
    }
)
"""Labels of one pod, one rollout or one run, or of where it runs."""
IDENTITY = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", "app", "k8s-app")
"""Labels that by convention say which workload it is (Kubernetes' recommended labels), the most telling first."""
_LAST = frozenset(
    {
        "version",
        "app.kubernetes.io/version",
        "helm.sh/chart",
        "chart",
        "heritage",
        "revision",
        "build",
        "commit",
        "deployment",
    }
)
"""Labels that a release changes: taken only where nothing else separates."""


class Selector(NamedTuple):
    """A pod selector, and what it cannot keep out."""

    labels: tuple[tuple[str, str], ...]
    absent: tuple[str, ...] = ()
    """Labels that the pods must not have."""
    also: tuple[str, ...] = ()
    """Workloads whose pods have the same labels."""

    def matches(self, labels: Labels) -> bool:
        """Say whether it selects a pod of these labels."""
        return all(labels.get(key) == value for key, value in self.labels) and not any(
            key in labels for key in self.absent
        )


def select(one: Workload, others: Sequence[Workload]) -> Selector:
    """Return the selector of a workload among the others of its namespace.

    >>> from plimsoll.policies.templates import Key
    >>> labels = {"app": "web", "pod-template-hash": "5d8"}
    >>> web = Workload(Key("shop", "Deployment", "web"), (labels,), None, frozenset(), on_host=False)
    >>> select(web, [])
    Selector(labels=(('app', 'web'),), absent=(), also=())
    """
    return Namespace([one, *others]).selector(0)


class Namespace:
    """The workloads of a namespace: each form of a workload's pods is a bit, each label the bits of those that have it."""

    def __init__(self, members: Sequence[Workload]) -> None:
        self._members = members
        self._owners = [place for place, one in enumerate(members) for _ in one.variants]
        self._own = [0] * len(members)
        self._with: dict[tuple[str, str | None], int] = defaultdict(int)
        for bit, owner in enumerate(self._owners):
            self._own[owner] |= 1 << bit
        forms = (labels for one in members for labels in one.variants)
        for bit, labels in enumerate(forms):
            for key, value in labels.items():
                self._with[key, value] |= 1 << bit
                self._with[key, None] |= 1 << bit
        self._all = (1 << len(self._owners)) - 1

    def selectors(self) -> dict[Key, Selector]:
        """Return the selector of each workload."""
        return {one.key: self.selector(place) for place, one in enumerate(self._members)}

    def selector(self, place: int) -> Selector:
        """Return the selector of the workload at a place."""
        one = self._members[place]
        if one.selector and (own := _stable(one.selector)) and all(_has(labels, own) for labels in one.variants):
            chosen = Selector(tuple(sorted(own.items())))
            if not self._caught(chosen, place):
                return chosen
        shared = _shared(one.variants)
        chosen = Selector(tuple((key, shared[key]) for key in IDENTITY if key in shared))
        if not chosen.labels and (named := sorted(key for key in shared if key not in _LAST)):
            chosen = Selector(((named[0], shared[named[0]]),))
        return self._without_others(self._narrowed(chosen, shared, place), place)

    def _caught(self, chosen: Selector, place: int) -> int:
        """Return which forms of others a selector means too."""
        mask = self._all & ~self._own[place]
        for label in chosen.labels:
            mask &= self._with.get(label, 0)
        for key in chosen.absent:
            mask &= ~self._with.get((key, None), 0)
        return mask

    def _narrowed(self, chosen: Selector, shared: Labels, place: int) -> Selector:
        """Return the selector with the labels that keep most others out, until none is left or none helps."""
        while caught := self._caught(chosen, place):
            left = [key for key in shared if key not in dict(chosen.labels)]
            options = [((caught & self._with[key, shared[key]]).bit_count(), key in _LAST, key) for key in left]
            best = min(options, default=None)
            if best is None or best[0] == caught.bit_count():
                break
            chosen = chosen._replace(labels=(*chosen.labels, (best[2], shared[best[2]])))
        return chosen._replace(labels=tuple(sorted(chosen.labels)))

    def _without_others(self, chosen: Selector, place: int) -> Selector:
        """Return the selector with labels that the workload lacks and others have ruled out; say what remains."""
        own, left = self._own[place], self._caught(chosen, place)
        while left:
            owner = self._owners[(left & -left).bit_length() - 1]
            spare = sorted(key for key in _shared(self._members[owner].variants) if not self._with[key, None] & own)
            if spare:
                chosen = chosen._replace(absent=tuple(sorted({*chosen.absent, spare[0]})))
                left &= ~self._with[spare[0], None]
            left &= ~self._own[owner]
        also = dict.fromkeys(self._owners[bit] for bit in bits(self._caught(chosen, place)))
        return chosen._replace(also=tuple(str(self._members[owner].key) for owner in also))


def _shared(variants: Sequence[Labels]) -> dict[str, str]:
    """Return the stable labels that all forms of a workload have with one value."""
    if not variants:
        return {}
    first, *rest = (_stable(labels) for labels in variants)
    return {key: value for key, value in sorted(first.items()) if all(labels.get(key) == value for labels in rest)}


def _stable(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in PASSING}


def _has(labels: Labels, wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())

"""Labels that mean one workload and no other: stable ones, as few as separate it from all others of its namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plimsoll.policies.templates import Labels, Workload

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
    if one.selector and (own := _stable(one.selector)) and all(_has(labels, own) for labels in one.variants):
        chosen = Selector(tuple(sorted(own.items())))
        if not _caught(chosen, others):
            return chosen
    shared = _shared(one.variants)
    chosen = Selector(tuple((key, shared[key]) for key in IDENTITY if key in shared))
    if not chosen.labels and (named := sorted(key for key in shared if key not in _LAST)):
        chosen = Selector(((named[0], shared[named[0]]),))
    return _without_others(_narrowed(chosen, shared, others), one, others)


def _narrowed(chosen: Selector, shared: Labels, others: Sequence[Workload]) -> Selector:
    """Return the selector with the labels that keep most others out, until none is left or none helps."""
    while caught := _caught(chosen, others):
        left = [key for key in shared if key not in dict(chosen.labels)]
        options = [(len(_caught(_with(chosen, key, shared), caught)), key in _LAST, key) for key in left]
        best = min(options, default=None)
        if best is None or best[0] == len(caught):
            break
        chosen = _with(chosen, best[2], shared)
    return chosen._replace(labels=tuple(sorted(chosen.labels)))


def _without_others(chosen: Selector, one: Workload, others: Sequence[Workload]) -> Selector:
    """Return the selector with labels that the workload lacks and others have ruled out; say what remains."""
    for other in _caught(chosen, others):
        if not any(map(chosen.matches, other.variants)):
            continue
        spare = sorted(key for key in _shared(other.variants) if not any(key in labels for labels in one.variants))
        if spare:
            chosen = chosen._replace(absent=tuple(sorted({*chosen.absent, spare[0]})))
    return chosen._replace(also=tuple(str(other.key) for other in _caught(chosen, others)))


def _caught(chosen: Selector, others: Sequence[Workload]) -> list[Workload]:
    return [other for other in others if any(map(chosen.matches, other.variants))]


def _with(chosen: Selector, key: str, shared: Labels) -> Selector:
    return chosen._replace(labels=(*chosen.labels, (key, shared[key])))


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

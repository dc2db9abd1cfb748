"""Which steps of an attacker are somebody's habit: rights and connections that a profile has seen used, and those it has not.

What nobody uses can be taken away at no cost; what is used every day stays, and an attacker hides in it. Only steps by
rights and over the network are judged, and only where the profile has learned of requests, or of connections, at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model

col = pl.col
WITHIN, CONNECT, IMPERSONATE = "within", "connect", "impersonate"
VERBS = (WITHIN, CONNECT, IMPERSONATE)
"""The verbs of facts that are asked."""
_RBAC = "rbac.authorization.k8s.io"
_HOOKS = "admissionregistration.k8s.io"
_WRITE = ("create", "update", "patch")
_MAKERS = (
    *("pods", "deployments.apps", "daemonsets.apps", "statefulsets.apps", "replicasets.apps"),
    *("replicationcontrollers", "jobs.batch", "cronjobs.batch"),
)
_Asked = tuple[tuple[str, ...], tuple[str, ...]]
"""Verbs, and resources as facts write them."""
_ASKED: Mapping[str, _Asked] = {
    "SECRET_READ": (("get", "list", "watch"), ("secrets",)),
    "POD_EXEC": (("create", "get"), ("pods/exec", "pods/attach")),
    "POD_EPHEMERAL": (("update", "patch"), ("pods/ephemeralcontainers",)),
    "POD_PATCH": (("update", "patch"), ("pods",)),
    "POD_PORTFORWARD": (("create", "get"), ("pods/portforward", "pods/proxy", "services/proxy")),
    "NODE_PROXY": (("create", "get"), ("nodes/proxy",)),
    "TOKEN_REQUEST": (("create",), ("serviceaccounts/token",)),
    "TOKEN_MINT_SECRET": (("create",), ("secrets",)),
    **dict.fromkeys(("POD_CREATE_SA", "POD_CREATE_SECRET", "POD_CREATE_NODE"), (("create",), _MAKERS)),
    "WORKLOAD_PATCH": (("update", "patch"), _MAKERS),
    "PV_CREATE": (("create",), ("persistentvolumes",)),
    "NAMESPACE_CREATE": (("create",), ("namespaces",)),
    "ROLE_BIND": (_WRITE, (f"rolebindings.{_RBAC}", f"clusterrolebindings.{_RBAC}")),
    "ROLE_ESCALATE": (_WRITE, (f"roles.{_RBAC}", f"clusterroles.{_RBAC}")),
    **dict.fromkeys(("CSR_CLIENT", "CSR_NODE"), (("create",), ("certificatesigningrequests.certificates.k8s.io",))),
    "WEBHOOK_WRITE": (_WRITE, (f"mutatingwebhookconfigurations.{_HOOKS}", f"mutatingadmissionpolicies.{_HOOKS}")),
    **dict.fromkeys(("AWS_AUTH_WRITE", "COREDNS_WRITE", "CONFIGMAP_CODE"), (("update", "patch"), ("configmaps",))),
    "SERVICE_MITM": (_WRITE, ("services", "services/status", "endpoints", "endpointslices.discovery.k8s.io")),
    "POD_STEAL": (("update", "patch"), ("nodes", "nodes/status")),
}
"""What a step asks of the API."""
_NAMESPACED = ("Secret", "Container", "SA", "Workload", "Endpoint")


class Use(NamedTuple):
    """How often somebody did what a step does; never: `times` is 0."""

    times: int
    days: int
    """On how many days; never: how many days the profile covers."""


class Habits:
    """What a profile has seen of rights and connections."""

    def __init__(self, facts: pl.DataFrame) -> None:
        """Take facts (tables.FACTS) of VERBS."""
        self._acts: dict[tuple[str, str], list[tuple[str, int, int]]] = defaultdict(list)
        self._calls: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
        summed = facts.group_by("subject", "verb", "given", "object").agg(col("count").sum(), col("day").n_unique())
        for subject, verb, given, thing, times, days in summed.sort("subject", "verb", "given", "object").iter_rows():
            if verb == CONNECT:
                self._calls[subject.rpartition(":")[0] or subject].append((thing, times, days))
            else:
                self._acts[subject, given if verb == WITHIN else IMPERSONATE].append((thing, times, days))
        requests, calls = (facts.filter(col("verb") == verb) for verb in (WITHIN, CONNECT))
        self._days = {WITHIN: requests["day"].n_unique(), CONNECT: calls["day"].n_unique()}

    def of(self, step: Edge, model: Model) -> Use | None:
        """Return how much a step is used; None where the profile cannot tell."""
        if step.kind == "NET_REACH":
            return self._of_calls(step, model)
        subject = _subject(step.source)
        if not self._days[WITHIN] or not subject:
            return None
        if step.kind == "IMPERSONATE":
            return self._told(self._acts.get((subject, IMPERSONATE), ()), WITHIN)
        asked = _ASKED.get(step.kind)
        if asked is None:
            return None
        place = _place(step.target)
        found = (
            one
            for verb in asked[0]
            for resource in asked[1]
            for one in self._acts.get((subject, f"{verb} {resource}"), ())
            if place in ("", "*") or one[0] in (place, "")
        )
        return self._told(found, WITHIN)

    def _of_calls(self, step: Edge, model: Model) -> Use | None:
        source = model.containers.get(step.source)
        target = model.by_endpoint.get(step.target)
        if not self._days[CONNECT] or source is None or target is None:
            return None
        ends = {f"{one.namespace}/{one.kind}/{one.name}" for one in target.workloads}
        ends |= {f"{target.name}.{target.namespace}.svc.cluster.local", f"{target.name}.{target.namespace}"}
        calls = self._calls.get(f"{source.namespace}/{source.kind}/{source.name}", ())
        return self._told((one for one in calls if one[0].rpartition(":")[0] in ends), CONNECT)

    def _told(self, found: Iterable[tuple[str, int, int]], verb: str) -> Use:
        uses = list(found)
        times = sum(one[1] for one in uses)
        return Use(times, max((one[2] for one in uses), default=0) if times else self._days[verb])


def _subject(node: str) -> str:
    """Return an identity as facts name it; nothing where it is none.

    >>> _subject("SA:ci/deployer"), _subject("User:ann"), _subject("Group:dev")
    ('sa:ci/deployer', 'user:ann', '')
    """
    kind, _, name = node.partition(":")
    if kind == "User" and name.startswith("system:node:"):
        return f"node:{name.removeprefix('system:node:')}"
    return {"SA": f"sa:{name}", "User": f"user:{name}"}.get(kind, "")


def _place(node: str) -> str:
    """Return the namespace of what a step leads to."""
    return node.partition(":")[2].partition("/")[0] if nodes.kind(node) in _NAMESPACED else ""


def unused(steps: Iterable[Edge], habits: Habits, model: Model) -> set[str]:
    """Return the objects of which no step is used, and some is known not to be."""
    found: dict[str, list[Use | None]] = defaultdict(list)
    for one in steps:
        use = habits.of(one, model)
        for name in one.objects:
            found[name].append(use)
    return {name for name, uses in found.items() if any(uses) and not any(use.times for use in uses if use)}

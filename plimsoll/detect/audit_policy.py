"""An audit policy that logs what the findings need and no more, each part with the findings that ask for it.

Bodies of Secrets, ConfigMaps and token reviews are never logged: whoever reads the log would read the secrets. Noise
is left out only where no rule looks: what the control plane says to itself all day long.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from plimsoll.detect import audit_coverage, audit_rules
from plimsoll.detect.audit_coverage import WRITES

WITHHELD = ("secrets",)
"""Resources that rules would read and that are logged without bodies nevertheless."""
_SECRETIVE = (("", "secrets"), ("", "configmaps"), ("authentication.k8s.io", "tokenreviews"))
_REVIEWS = ("subjectaccessreviews", "localsubjectaccessreviews")
"""Their answers say which right a kubelet or a proxy used for somebody: `plimsoll rbac usage` reads them."""
_WIDTH = 112

GROUPS: Mapping[str, tuple[str, ...]] = {
    "": (
        "pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers", "services", "nodes", "namespaces",
        "secrets", "serviceaccounts/token",
    ),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "batch": ("cronjobs", "jobs"),
    "networking.k8s.io": ("ingresses",),
    "rbac.authorization.k8s.io": ("clusterrolebindings", "clusterroles", "rolebindings", "roles"),
    "admissionregistration.k8s.io": ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    "certificates.k8s.io": ("certificatesigningrequests",),
    "authorization.k8s.io": ("selfsubjectaccessreviews", *_REVIEWS),
}  # fmt: skip
"""The API group of each resource that rules read."""


class Part(NamedTuple):
    """A rule of the policy, and why it is there."""

    level: str
    why: str
    fields: Mapping[str, object]
    """What it is about, in the policy's own names; nothing for all that is left."""


_CONTROL_PLANE = (
    "system:apiserver", "system:kube-controller-manager", "system:cloud-controller-manager", "system:kube-scheduler",
)  # fmt: skip
_EVENTS = [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io", "resources": ["events"]}]
_LEASES = [{"group": "coordination.k8s.io", "resources": ["leases"]}]
_SERVICES = [
    {"group": "", "resources": ["endpoints", "services"]},
    {"group": "discovery.k8s.io", "resources": ["endpointslices"]},
]
_CHANGES = ["get", "update", "patch"]
# Users and groups of one rule must both fit, so each has its own.
QUIET = (
    Part("None", "Health checks.", {"nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]}),
    Part(
        "None",
        "kube-proxy follows Services for as long as it lives.",
        {"users": ["system:kube-proxy"], "verbs": ["watch"], "resources": _SERVICES},
    ),
    Part(
        "None",
        "Leader election of the control plane.",
        {"users": [*_CONTROL_PLANE], "verbs": _CHANGES, "resources": _LEASES},
    ),
    Part(
        "None",
        "Heartbeats of nodes.",
        {"userGroups": ["system:nodes"], "verbs": _CHANGES, "resources": _LEASES},
    ),
    Part(
        "None",
        "Writing Events is noise; deleting them is not, and stays.",
        {"users": [*_CONTROL_PLANE], "verbs": [*WRITES], "resources": _EVENTS},
    ),
    Part(
        "None",
        "The same by nodes and workloads.",
        {"userGroups": ["system:nodes", "system:serviceaccounts"], "verbs": [*WRITES], "resources": _EVENTS},
    ),
)


def parts() -> list[Part]:
    """Return the policy's rules in order: the first that is about a request decides.

    >>> [part.level for part in parts()][-4:]
    ['Metadata', 'RequestResponse', 'Request', 'Metadata']
    """
    secretive = {"resources": _by_group(dict.fromkeys(_SECRETIVE, ()))}
    withheld = [rule.id for rule in audit_rules.RULES if {*audit_coverage.resources()[rule.id]} & {*WITHHELD}]
    never = "Bodies that would be secrets are not logged. It costs these findings: " + ", ".join(withheld) + "."
    rest = [rule.id for rule in audit_rules.RULES if rule.needs == "Metadata"]
    return [
        *QUIET,
        Part("Metadata", never, secretive),
        *(part for level in ("RequestResponse", "Request") for part in _bodies(level)),
        Part("Metadata", "All else: who, what, whence, how it ended, why it was allowed. " + _needed(rest), {}),
    ]


def _bodies(level: str) -> Iterator[Part]:
    wanted = {target: lowest for target, lowest in audit_coverage.levels().items() if target not in WITHHELD}
    if level == "RequestResponse":
        wanted |= dict.fromkeys(_REVIEWS, level)
    chosen = {(_group(target), target): () for target, lowest in wanted.items() if lowest == level}
    about = {target for _, target in chosen}
    findings = [rule.id for rule in audit_rules.RULES if about & {*audit_coverage.resources()[rule.id]}]
    also = ", and for `plimsoll rbac usage`" if level == "RequestResponse" else ""
    yield Part(level, f"What is written, read for{also}: {', '.join(findings)}.", {"verbs": [*WRITES], "resources": _by_group(chosen)})  # fmt: skip


def _needed(findings: list[str]) -> str:
    return f"The token ledger, learning and {len(findings)} findings need no more: {', '.join(findings)}."


def _group(target: str) -> str:
    return next(group for group, targets in GROUPS.items() if target in targets)


def _by_group(chosen: Mapping[tuple[str, str], object]) -> list[dict[str, object]]:
    found: dict[str, list[str]] = defaultdict(list)
    for group, target in sorted(chosen):
        found[group].append(target)
    return [{"group": group, "resources": targets} for group, targets in found.items()]


def text() -> str:
    """Return the policy as YAML with comments.

    >>> text().splitlines()[:2]
    ['apiVersion: audit.k8s.io/v1', 'kind: Policy']
    """
    lines = [
        "apiVersion: audit.k8s.io/v1",
        "kind: Policy",
        "# What is about to be answered is logged once more when it is; nothing needs it twice.",
        'omitStages: ["RequestReceived"]',
        "omitManagedFields: true",
        "rules:",
    ]
    return "\n".join([*lines, *(line for part in parts() for line in _lines(part)), ""])


def _lines(part: Part) -> Iterator[str]:
    yield from (f"  # {line}" for line in textwrap.wrap(part.why, _WIDTH, break_on_hyphens=False))
    yield f"  - level: {part.level}"
    for name, value in part.fields.items():
        if name == "resources" and isinstance(value, list):
            yield "    resources:"
            yield from (f"      - {_flow(one)}" for one in value)
        else:
            yield f"    {name}: {_flow(value)}"


def _flow(value: object) -> str:
    """Return a value as JSON, which YAML is a superset of."""
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()


def webhook(url: str) -> dict[str, object]:
    """Return the kubeconfig by which the API server sends its audit events to a URL."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "plimsoll", "cluster": {"server": url}}],
        "users": [{"name": "apiserver", "user": {}}],
        "contexts": [{"name": "plimsoll", "context": {"cluster": "plimsoll", "user": "apiserver"}}],
        "current-context": "plimsoll",
    }

"""What each finding needs the audit policy to log, and what a log cannot tell because its policy left it out.

Nothing here is written down twice: which resources a rule reads the bodies of is found by asking the rule itself,
resource by resource.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from plimsoll.detect import audit_bodies, audit_conditions, audit_rules
from plimsoll.detect.audit_rules import Rule

col = pl.col
LEVELS = ("None", "Metadata", "Request", "RequestResponse")
WRITES = ("create", "update", "patch")

_HOLDING = {
    "ok", "writing", "made", "changed", "written", "connected", "person", "account", "by_hand",
}  # fmt: skip
"""What is true of the request that rules are asked about; the rest of what may be asked is not."""
_TEXTS: dict[str, object] = {
    "verb": "create",
    "user_username": "ann",
    "userAgent": "kubectl",
    "requestURI": "/",
    "objectRef_namespace": "kubeflow",
    "objectRef_name": "dashboard",
    "annotations_decision": "allow",
    "responseStatus_code": 200,
    "impersonatedUser_username": "bob",
    "impersonatedUser_groups": ["system:masters"],
    "user_groups": ["dev"],
}


@functools.cache
def resources() -> Mapping[str, tuple[str, ...]]:
    """Return the resources, with subresource, whose bodies each rule reads; none for rules that need none.

    >>> resources()["privileged-debug-container"], resources()["events-deleted"]
    (('pods/ephemeralcontainers',), ())
    """
    targets = sorted(audit_bodies.READERS)
    rules = [rule for rule in audit_rules.RULES if rule.needs != "Metadata"]
    asked = {name for rule in rules for name in rule.when.meta.root_names()}
    words = "".join(f"|{word}|" for word in audit_bodies.WORDS)
    columns = {name: [_TEXTS.get(name, name in _HOLDING)] * len(targets) for name in sorted(asked)} | {
        "target": targets,
        "objectRef_resource": [target.partition("/")[0] for target in targets],
        "says": [words] * len(targets),
        "answers": [words] * len(targets),
        "placed": [target in (*audit_conditions.PODS, *audit_conditions.WORKLOADS) for target in targets],
    }
    hit = pl.DataFrame(columns).select(rule.when.alias(rule.id) for rule in rules)
    found = {rule.id: tuple(pl.Series(targets).filter(hit[rule.id])) for rule in rules}
    return {rule.id: found.get(rule.id, ()) for rule in audit_rules.RULES}


@functools.cache
def levels() -> Mapping[str, str]:
    """Return the level at which what is written must be logged, for each resource that any rule reads.

    >>> levels()["services"], levels()["pods"]
    ('RequestResponse', 'Request')
    """
    wanted: dict[str, str] = {}
    for rule in audit_rules.RULES:
        for target in resources()[rule.id]:
            wanted[target] = max(wanted.get(target, "None"), rule.needs, key=LEVELS.index)
    return dict(sorted(wanted.items()))


_FROM_STATUS = ("ok", "refused", "made", "changed", "written", "deleted", "connected")
_FROM_USER = ("person", "account", "node", "anonymous", "platform", "own_business")
COLUMNS = {
    "userAgent": ("userAgent", "by_hand", "scans"),
    "sourceIPs": ("from_outside", "from_cloud", "from_tor", "forged"),
    "requestURI": ("requestURI",),
    "user_username": ("user_username", *_FROM_USER),
    "responseStatus_code": ("responseStatus_code", *_FROM_STATUS),
}
"""Fields of the event that every event should have, and what of audit_conditions is read from each."""


class Feature(NamedTuple):
    """What needs no body, but a field that the API server writes from some version or configuration on."""

    id: str
    title: str
    severity: str
    column: str
    why: str
    """Why it may be missing."""


FEATURES = (
    Feature("ledger-pods", "Token bound to a pod used from elsewhere", "high", "user_pod_uid",
            "no token names its pod (user.extra …/pod-uid: Kubernetes 1.30 and later, bound tokens)"),
    Feature("ledger-credentials", "Token or certificate told apart from others", "high", "user_credential_id",
            "no event names its credential (user.extra …/credential-id: Kubernetes 1.30 and later)"),
    Feature("ledger-issued", "Token that nobody issued", "high", "annotations_issued_credential_id",
            "no token request names what it issued (annotation issued-credential-id; serviceaccounts/token at Metadata or more)"),
    Feature("rbac-usage", "Rights granted against rights used", "info", "annotations_reason",
            "no event says why it was allowed (annotation authorization.k8s.io/reason)"),
)  # fmt: skip
"""What a log may lack although its levels are high enough."""


class Finding(NamedTuple):
    """Whether a log can support a finding."""

    finding: str
    title: str
    severity: str
    needs: str
    state: str
    """supported, partly, unsupported, or unseen: nothing it could be about is in the log."""
    why: str


class Coverage:
    """The levels and fields of a log, added up as events come."""

    def __init__(self) -> None:
        self.events = 0
        self._levels: dict[str, int] = {}
        self._filled: set[str] = set()

    def take(self, events: pl.DataFrame) -> None:
        """Take in a batch of audit events (tables.AUDIT)."""
        answered = events.filter(col("stage") != "RequestReceived")
        self.events += answered.height
        wanted = [*COLUMNS, *(feature.column for feature in FEATURES)]
        filled = answered.select((col(name).count() > 0).alias(name) for name in wanted)
        self._filled |= {name for name in wanted if filled[name].item()}
        for target, level in _written(answered).iter_rows():
            self._levels[target] = max(level, self._levels.get(target, 0))

    def findings(self) -> list[Finding]:
        """Return for each finding whether the log can support it, the gravest first."""
        found = [*map(self._of_rule, audit_rules.RULES), *map(self._of_feature, FEATURES)]
        order = ("critical", "high", "medium", "low", "info")
        return sorted(found, key=lambda one: (order.index(one.severity), one.finding))

    def _of_rule(self, rule: Rule) -> Finding:
        lacking = [*self._lacking(rule)]
        low = self._low(rule)
        seen = [target for target in resources()[rule.id] if target in self._levels]
        if lacking or low:
            some = not lacking and len(low) < len(seen)
            return _finding(rule, "partly" if some else "unsupported", "; ".join([*lacking, *low]))
        if not self.events or (resources()[rule.id] and not seen):
            return _finding(rule, "unseen", "nobody wrote " + ", ".join(resources()[rule.id]) if self.events else "")
        return _finding(rule, "supported", "")

    def _low(self, rule: Rule) -> list[str]:
        return [
            f"{target} is logged at {LEVELS[self._levels[target]]}"
            for target in resources()[rule.id]
            if self._levels.get(target, 3) < LEVELS.index(rule.needs)
        ]

    def _lacking(self, rule: Rule) -> Iterator[str]:
        asked = {*rule.when.meta.root_names()}
        for column, names in COLUMNS.items():
            if self.events and column not in self._filled and asked & {*names}:
                yield f"no event has a {column}"

    def _of_feature(self, feature: Feature) -> Finding:
        there = feature.column in self._filled
        state = "supported" if there else "unsupported" if self.events else "unseen"
        return Finding(feature.id, feature.title, feature.severity, "Metadata", state, "" if there else feature.why)


def _finding(rule: Rule, state: str, why: str) -> Finding:
    return Finding(rule.id, rule.title, rule.severity, rule.needs, state, why)


def _written(answered: pl.DataFrame) -> pl.DataFrame:
    """Return the highest level at which each resource was written; exports without levels tell it by the bodies."""
    sub = col("objectRef_subresource").fill_null("")
    target = pl.when(sub == "").then(col("objectRef_resource")).otherwise(col("objectRef_resource") + "/" + sub)
    level: Any = (
        pl.when(col("responseObject").is_not_null() | (col("level") == "RequestResponse"))
        .then(3)
        .when(col("requestObject").is_not_null() | (col("level") == "Request"))
        .then(2)
        .otherwise(1)
    )
    wrote = answered.filter(col("verb").is_in(WRITES) & (col("responseStatus_code").fill_null(0) < 400))
    return (
        wrote.select(target.alias("target"), level.alias("level"))
        .filter(col("target").is_in(list(audit_bodies.READERS)))
        .group_by("target")
        .agg(col("level").max())
    )

"""OCSF 1.8, one finding a line: alerts as Detection Finding (class 2004), posture as Compliance Finding (class 2003).

https://schema.ocsf.io/1.8.0/classes/detection_finding, https://schema.ocsf.io/1.8.0/classes/compliance_finding
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import plimsoll
from plimsoll.outputs import alerts, attack, findings, places, plain, subjects
from plimsoll.posture.engine import Finding

NAME = "ocsf"

SEVERITIES = {
    "critical": (5, "Critical"),
    "high": (4, "High"),
    "medium": (3, "Medium"),
    "low": (2, "Low"),
    "info": (1, "Informational"),
}

ANALYTICS = {
    "rule": (1, "Rule"),
    "deviation": (2, "Behavioral"),
    "ledger": (2, "Behavioral"),
    "chain": (2, "Behavioral"),
}

CONFIDENCES = {"mature": (3, "High"), "learning": (1, "Low")}
"""OCSF's confidence is that of the analytic: a profile that is still learning calls much new that is not."""

USER_TYPES = {"User": (1, "User"), "Node": (3, "System"), "ServiceAccount": (4, "Service")}

COMPLIANCE, DETECTION = (2003, "Compliance Finding"), (2004, "Detection Finding")
"""Classes, by number and name."""

Object = dict[str, object]
PRODUCT: Object = {"name": "Plimsoll", "vendor_name": "Plimsoll", "version": plimsoll.__version__}


def text(rows: Iterable[Mapping[str, object]], _place: places.Place) -> Iterator[str]:
    """Yield one finding a line."""
    return (plain.in_json(finding(alerts.of(row))) + "\n" for row in rows)


def report(found: findings.Report, _place: places.Place) -> Iterator[str]:
    """Yield one compliance finding a line."""
    at = (found.time - alerts.NO_TIME) // timedelta(milliseconds=1)
    return (plain.in_json(compliance(one, at)) + "\n" for one in found.findings)


def created(kind: tuple[int, str], at: int, severity: tuple[int, str]) -> Object:
    """Return how every new finding begins: its class, when it was found, in milliseconds, and how severe it is."""
    (uid, name), (severity_id, severity_name) = kind, severity
    return {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": uid,
        "class_name": name,
        "type_uid": 100 * uid + 1,
        "type_name": f"{name}: Create",
        "time": at,
        "severity_id": severity_id,
        "severity": severity_name,
        "status_id": 1,
        "status": "New",
    }


def compliance(found: Finding, at: int) -> Object:
    """Return a finding of a scan at a time, in milliseconds, as a Compliance Finding."""
    check, one, uid = found.check, found.object, findings.fingerprint(found)
    resource = {"uid": findings.name_of(one), "name": one.name, "type": one.kind, "namespace": one.namespace}
    return {
        **created(COMPLIANCE, at, SEVERITIES[check.severity]),
        "message": found.message,
        "metadata": {"version": "1.8.0", "uid": uid, "product": PRODUCT},
        "finding_info": {
            "uid": uid,
            "title": check.title,
            "desc": check.danger,
            "attacks": [pair for technique in check.attack for pair in attacks(technique)],
        },
        "compliance": {
            "control": check.id,
            "standards": [*dict.fromkeys(control.partition(":")[0] for control in found.controls)] or ["plimsoll"],
            "requirements": list(found.controls),
            "status": "Fail",
            "status_id": 3,
        },
        "resources": [{key: value for key, value in resource.items() if value}],
        "remediation": {"desc": check.fix},
        "unmapped": {"field": found.field, "file": one.file, "line": found.line or one.line},
    }


def finding(alert: alerts.Alert) -> Object:
    """Return an alert as a Detection Finding.

    >>> finding(alerts.of({"id": "a", "severity": "high"}))["severity_id"]
    4
    """
    actor = _actor(alert)
    return {
        **created(DETECTION, _milliseconds(alert), SEVERITIES.get(alert.severity, (0, "Unknown"))),
        "is_alert": True,
        "message": alert.title,
        "metadata": _metadata(alert),
        "finding_info": _finding_info(alert),
        "evidences": [{"uid": piece, "data": {"event": piece}, **actor} for piece in alert.evidence],
        "resources": [_resource(alert)],
        **actor,
        **_confidence(alert),
        "unmapped": {"bits": alert.bits, "maturity": alert.maturity, "why": alert.why},
    }


def _milliseconds(alert: alerts.Alert) -> int:
    return (alert.time - alerts.NO_TIME) // timedelta(milliseconds=1)


def _metadata(alert: alerts.Alert) -> Object:
    # `actor` is of the profile host, `is_alert` and `confidence` of security_control.
    return {"version": "1.8.0", "uid": alert.id, "product": PRODUCT, "profiles": ["host", "security_control"]}


def _finding_info(alert: alerts.Alert) -> Object:
    return {
        "uid": alert.id,
        "title": alert.title,
        "desc": "\n".join(alert.why),
        "types": [alert.kind],
        "analytic": _analytic(alert),
        "related_analytics": [{"uid": control, "type_id": 1, "type": "Rule"} for control in alert.controls],
        "attacks": [pair for uid in alert.attack for pair in attacks(uid)],
        "first_seen_time": _milliseconds(alert),
        "related_events_count": len(alert.evidence),
    }


def _analytic(alert: alerts.Alert) -> Object:
    type_id, type_name = ANALYTICS.get(alert.kind, (0, "Unknown"))
    return {"uid": alert.kind, "name": alert.name, "type_id": type_id, "type": type_name}


def attacks(uid: str) -> list[Object]:
    """Return an attack object for each tactic of a technique: OCSF pairs one technique with one tactic."""
    parent = uid.partition(".")[0]
    base: Object = {"version": attack.catalogue().version, "technique": _named(parent)}
    if parent != uid:
        base["sub_technique"] = _named(uid)
    tactics = [attack.catalogue().tactics[tactic] for tactic in attack.tactics(uid)]
    return [{**base, "tactic": {"uid": tactic.uid, "name": tactic.name}} for tactic in tactics] or [base]


def _named(uid: str) -> Object:
    return {"uid": uid, "name": attack.name(uid)} if attack.name(uid) else {"uid": uid}


def _resource(alert: alerts.Alert) -> Object:
    who = subjects.of(alert.subject)
    resource: Object = {"uid": alert.subject, "name": who.name, "role_id": 2, "role": "Actor"}
    optional = {"type": who.kind, "namespace": who.namespace}
    return resource | {key: value for key, value in optional.items() if value}


def _actor(alert: alerts.Alert) -> Object:
    """Return the identity that acted; a workload is no user and stands in `resources` alone."""
    who = subjects.of(alert.subject)
    if who.kind not in USER_TYPES:
        return {}
    type_id, type_name = USER_TYPES[who.kind]
    return {"actor": {"user": {"name": who.username, "uid": alert.subject, "type_id": type_id, "type": type_name}}}


def _confidence(alert: alerts.Alert) -> Object:
    if alert.maturity not in CONFIDENCES:
        return {}
    confidence_id, confidence = CONFIDENCES[alert.maturity]
    return {"confidence_id": confidence_id, "confidence": confidence}

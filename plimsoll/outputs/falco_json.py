"""Falco's alert JSON, one a line, as `json_output: true` prints it: falcosidekick and all behind it can carry it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from plimsoll.outputs import alerts, attack, places, plain, subjects

NAME = "falco_json"

PRIORITIES = {"critical": "Critical", "high": "Error", "medium": "Warning", "low": "Notice", "info": "Informational"}
"""Severity → Falco priority, by https://falco.org/docs/concepts/rules/basic-elements/#priority.
Falco's Alert and Emergency speak of a system that does not work any more, which no alert of ours says."""

EVIDENCE = 10
"""Pieces of evidence that are named: chat messages show every field."""


def text(rows: Iterable[Mapping[str, object]], place: places.Place) -> Iterator[str]:
    """Yield one Falco alert a line."""
    return (plain.in_json(falco_alert(alerts.of(row), place.hostname)) + "\n" for row in rows)


def falco_alert(alert: alerts.Alert, hostname: str) -> dict[str, object]:
    """Return an alert with Falco's eight fields.

    >>> falco_alert(alerts.of({"severity": "high", "kind": "deviation"}), "node-1")["rule"]
    'Plimsoll deviation'
    """
    return {
        "hostname": hostname,
        "output": _output(alert),
        "output_fields": _fields(alert),
        "priority": PRIORITIES.get(alert.severity, "Debug"),
        "rule": plain.shown(alert.name),
        "source": "plimsoll",
        "tags": _tags(alert),
        "time": _nanoseconds(alert),
    }


def _nanoseconds(alert: alerts.Alert) -> str:
    return plain.rfc3339(alert.time).removesuffix("Z") + "000Z"


def _output(alert: alerts.Alert) -> str:
    """Return the line for people, which begins as Falco's: the time in UTC and the priority."""
    clock = _nanoseconds(alert)[len("1970-01-01T") : -1]
    priority = PRIORITIES.get(alert.severity, "Debug")
    why = f" because {'; '.join(plain.shown(reason) for reason in alert.why[:3])}" if alert.why else ""
    return f"{clock}: {priority} {plain.shown(alert.title)} (subject={plain.shown(alert.subject)}){why}"


def _tags(alert: alerts.Alert) -> list[str]:
    """Return the tags as Falco's own rules carry them: mitre_credential_access, T1552.007."""
    served = {f"mitre_{tactic.replace('-', '_')}" for uid in alert.attack for tactic in attack.tactics(uid)}
    return sorted({"plimsoll", *served, *filter(None, (alert.kind, *alert.attack))})


def _fields(alert: alerts.Alert) -> dict[str, object]:
    # Text and numbers only: most of falcosidekick's outputs pass over lists.
    who = subjects.of(alert.subject)
    fields: dict[str, object] = {
        "plimsoll.id": alert.id,
        "plimsoll.subject": alert.subject,
        "plimsoll.severity": alert.severity,
        "plimsoll.bits": alert.bits,
        "plimsoll.why": "; ".join(alert.why),
        "plimsoll.attack": ",".join(alert.attack),
        "plimsoll.evidence": ",".join(alert.evidence[:EVIDENCE]),
        "plimsoll.evidence_count": len(alert.evidence),
        "plimsoll.kind": alert.kind,
        "plimsoll.controls": ",".join(alert.controls),
        "plimsoll.maturity": alert.maturity,
        "k8s.ns.name": who.namespace,
        "container.name": who.container,
        "ka.user.name": who.username,
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}

"""Suggested exceptions to Falco's rules, for those who would rather have the rule file fixed than alerts muted.

One for each rule that verdicts called harmless, with the fields the verdicts' signatures tell. Rules that nothing
excuses get none, nor does a signature that would except all the rule says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from plimsoll.triage import rule_classes
from plimsoll.triage.belief import HARMLESS
from plimsoll.triage.memory import Case, Part

FIELDS = {
    "image": "container.image.repository",
    "exe": "proc.exepath",
    "parent": "proc.pexepath",
    "command": "proc.cmdline",
}
"""What of a signature Falco knows by another name."""
_NEEDED = frozenset({"exe", "command"})


def suggested(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Return entries for a Falco rules file, in order of the rules' names.

    >>> part = Part(("", "", "", ""), "Run shell untrusted", "shell", "low", details=(("exe", "/bin/sh"), ("image", "ci")))
    >>> case = Case("c", "signature", "t", "shop/Job/ci", "", "low", 0, 0, verdict="benign", parts={"k": part})
    >>> suggested([case])[0]["exceptions"][0]["values"]
    [['shop', 'ci', '/bin/sh']]
    """
    values: dict[str, dict[tuple[tuple[str, ...], tuple[str, ...]], list[list[str]]]] = {}
    for case in cases:
        if case.verdict not in HARMLESS or case.actor:
            continue
        for part in case.parts.values():
            told = _fields(case, part)
            if told:
                fields, comps = tuple(told), tuple("glob" if "*" in text else "=" for text in told.values())
                rows = values.setdefault(part.title, {}).setdefault((fields, comps), [])
                if list(told.values()) not in rows:
                    rows.append(list(told.values()))
    return [_entry(rule, values[rule]) for rule in sorted(values)]


def _fields(case: Case, part: Part) -> dict[str, str]:
    details = dict(part.details)
    if rule_classes.never_muted(part.title) or not _NEEDED & details.keys():
        return {}
    namespace, slash, _ = case.workload.partition("/")
    where = {"k8s.ns.name": namespace} if slash else {}
    return where | {field: details[name] for name, field in FIELDS.items() if details.get(name)}


def _entry(rule: str, shapes: Mapping[tuple[tuple[str, ...], tuple[str, ...]], list[list[str]]]) -> dict[str, Any]:
    found = [
        {"name": f"plimsoll_{number}", "fields": list(fields), "comps": list(comps), "values": sorted(rows)}
        for number, ((fields, comps), rows) in enumerate(sorted(shapes.items()), 1)
    ]
    return {"rule": rule, "exceptions": found, "override": {"exceptions": "append"}}

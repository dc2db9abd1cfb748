"""Who may say what of a case, the chain of what was said, and its undoing.

The log only grows: an undoing is an entry that names what it undoes. Each entry holds the hash of the one before,
so that none can be changed or taken out without breaking those after it. What was learned is what the log says.

Nobody judges what he did himself. What widens a verdict beyond its signature takes a second person. A person's
verdicts on one signature and day count once; `belief` sees to that.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from plimsoll import errors
from plimsoll.triage import autonomy
from plimsoll.triage.belief import DAY, WIDEST, Answer
from plimsoll.triage.memory import Case

Verdict = Literal["true_positive", "benign", "false_positive", "unsure"]
VERDICTS: tuple[Verdict, ...] = ("true_positive", "benign", "false_positive", "unsure")
OCSF = {"true_positive": 2, "benign": 5, "false_positive": 1, "unsure": 7}
"""verdict_id of OCSF 1.8."""
CONFIRMED, DENIED = "confirmed", "denied"
"""What who was asked said of what was muted on his word: no verdict, nothing is learned of it."""
REPLAYED = 30 * DAY
_BEFORE = re.compile(r".*[:#/\\]", re.DOTALL)
"""What an authenticator puts before a name."""


class Entry(msgspec.Struct, frozen=True):
    """One thing that was said."""

    number: int
    at: int
    """Time of the events it is about, in microseconds."""
    told: str
    """When it was said, by the clock on the wall."""
    by: str
    case: str = ""
    verdict: str = ""
    scope: int = WIDEST
    second: str = ""
    """Who else said so, where that is needed."""
    note: str = ""
    audited: str = ""
    """The family of rules that was audited with it."""
    answers: tuple[Answer, ...] = ()
    undoes: tuple[int, ...] = ()
    previous: str = ""
    hash: str = ""


def person(name: str) -> str:
    """Return what tells a person apart, however he is written.

    What an authenticator puts before names, and the domain after them, tell nobody apart; accounts of the cluster
    have their whole name.

    >>> person("user:Alice@acme.io"), person("alice"), person("oidc:alice@acme.io"), person("https://sso.acme.io#alice")
    ('alice', 'alice', 'alice', 'alice')
    >>> person("system:serviceaccount:ci:deployer"), person("sa:ci/deployer")
    ('system:serviceaccount:ci:deployer', 'system:serviceaccount:ci:deployer')
    """
    plain = unicodedata.normalize("NFKC", name).strip().removeprefix("user:")
    if plain.startswith("sa:"):
        plain = f"system:serviceaccount:{plain.removeprefix('sa:').replace('/', ':')}"
    return plain.casefold() if plain.startswith("system:") else _BEFORE.sub("", plain.partition("@")[0]).casefold()


def refused(case: Case, verdict: str, by: str, *, scope: int, second: str = "") -> str:
    """Return why a verdict is not taken; empty where it is.

    >>> case = Case("c", "session", "shell", "shop/Deployment/web", "bob", "low", 0, 0)
    >>> refused(case, "benign", "bob@acme.io", scope=3)
    'bob@acme.io did it himself: nobody judges his own acts'
    >>> refused(case, "benign", "ann", scope=1)
    'a scope beyond the signature takes a second person'
    >>> refused(case, "benign", "ann", scope=1, second="eve")
    ''
    """
    if verdict not in VERDICTS:
        return f"a verdict is one of {', '.join(VERDICTS)}"
    if not person(by):
        return "a verdict needs to say who gives it"
    for name in (by, second):
        if name and case.actor and person(name) == person(case.actor):
            return f"{name} did it himself: nobody judges his own acts"
    if not 1 <= scope <= 4:
        return "a scope is a rung from 1 (the rule) to 4 (the signature at this workload)"
    if verdict != "true_positive" and scope < WIDEST and (not person(second) or person(second) == person(by)):
        return "a scope beyond the signature takes a second person"
    return ""


def chained(entry: Entry, previous: str) -> Entry:
    """Return the entry bound to the one before.

    >>> chained(Entry(1, 0, "", "ann"), "").hash == chained(Entry(1, 0, "", "ann"), "x").hash
    False
    """
    bound = msgspec.structs.replace(entry, previous=previous, hash="")
    return msgspec.structs.replace(bound, hash=hashlib.sha256(msgspec.json.encode(bound)).hexdigest())


def broken(log: Sequence[Entry]) -> int | None:
    """Return the number of the first entry that is not what was said; None where all are.

    >>> first = chained(Entry(1, 0, "", "ann", verdict="benign"), "")
    >>> second = chained(Entry(2, 0, "", "bob", verdict="benign"), first.hash)
    >>> broken([first, second]), broken([msgspec.structs.replace(first, verdict="unsure"), second])
    (None, 1)
    """
    previous = ""
    for entry in log:
        if chained(entry, previous) != entry:
            return entry.number
        previous = entry.hash
    return None


def live(log: Iterable[Entry]) -> list[Entry]:
    """Return the verdicts that were not undone, in order."""
    log = list(log)
    undone = {number for entry in log for number in entry.undoes}
    return [entry for entry in log if entry.verdict and entry.number not in undone]


def answers(log: Iterable[Entry]) -> list[Answer]:
    """Return what learning makes of the log."""
    return [answer for entry in live(log) for answer in entry.answers]


def records(log: Iterable[Entry]) -> dict[str, autonomy.Record]:
    """Return what audits found, by family of rules."""
    found: dict[str, autonomy.Record] = {}
    for entry in live(log):
        if entry.audited and entry.verdict != "unsure":
            keys = [answer.keys for answer in entry.answers]
            malicious = entry.verdict == "true_positive"
            found.setdefault(entry.audited, autonomy.Record()).add(malicious=malicious, keys=keys)
    return found


def chosen(
    log: Iterable[Entry], *, by: str = "", case: str = "", since: int | None = None, until: int | None = None
) -> list[Entry]:
    """Return the live verdicts of a person, a case, a stretch of time; all of what is asked must hold."""
    if not (by or case or since is not None or until is not None):
        raise errors.UsageError("say what to undo: a case, a person, or a time")
    return [
        entry
        for entry in live(log)
        if (not by or person(entry.by) == person(by))
        and (not case or entry.case == case)
        and (since is None or entry.at >= since)
        and (until is None or entry.at <= until)
    ]


class Preview(msgspec.Struct, frozen=True):
    """What a benign verdict would reach beyond its case."""

    alerts: int
    """Alerts of the last 30 days it would speak for as well."""
    malicious: int
    """Of these, how many were called malicious."""
    cases: int


def preview(case: Case, cases: Iterable[Case], scope: int, clock: int) -> Preview:
    """Return what a verdict of this scope on a case would reach."""
    wanted = {part.keys[scope - 1] for part in case.parts.values()}
    alerts = malicious = count = 0
    for other in cases:
        reached = sum(part.count for part in other.parts.values() if part.keys[scope - 1] in wanted)
        if other.id == case.id or not reached or other.last < clock - REPLAYED:
            continue
        alerts, count = alerts + reached, count + 1
        malicious += reached * (other.verdict == "true_positive")
    return Preview(alerts, malicious, count)

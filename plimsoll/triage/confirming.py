"""What was muted on somebody's word is asked of him: a line with the commands, and who may answer it.

Whoever approved the ticket or the window is asked, never who did it. An answer speaks for all that the session held
then; what comes after it is asked anew. A "no" is taken from anybody: it only makes louder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from plimsoll.triage import verdicts
from plimsoll.triage.memory import Case

Said = Literal["yes", "no"]
MOST = 50
"""Different commands that a question tells."""
LONGEST = 500
"""Letters of one of them."""


class Question(NamedTuple):
    """What is asked about a session."""

    case: str
    asks: str
    """Who approved of it."""
    actor: str
    workload: str
    papers: tuple[str, ...]
    first: int
    last: int
    due: int
    """When it comes back without an answer."""
    acts: int
    commands: tuple[str, ...]
    untold: int
    """Commands that there is no room for, or that are cut: what is not told in full cannot be confirmed."""

    @property
    def line(self) -> str:
        """The question in one line."""
        told = "; ".join(f"`{one}`" for one in self.commands) + (f"; and {self.untold:,} more" if self.untold else "")
        papers = f" on {', '.join(self.papers)}" if self.papers else ""
        when = f"{_at(self.first)} to {_at(self.last)}"
        return f"{self.asks}: did you approve of what {self.actor} did at {self.workload}{papers}, {when}: {told}?"


def is_open(case: Case) -> bool:
    """Say whether something is asked about a case."""
    return case.state == "muted" and case.due > 0


def question(case: Case, alerts: Iterable[Mapping[str, object]]) -> Question:
    """Return what is asked about a case; `alerts` are those of it that are known, in order of time."""
    told, acts = dict[str, None](), 0
    for alert in alerts:
        acts += 1
        told[command(alert)] = None
    whole = [one for one in told if len(one) <= LONGEST][:MOST]
    untold = len(told) - len(whole) + max(0, case.count - acts)
    return Question(
        case.id,
        case.asks,
        case.actor,
        case.workload,
        tuple(case.papers),
        case.first,
        case.last,
        case.due,
        case.count,
        tuple(whole),
        untold,
    )


def command(alert: Mapping[str, object]) -> str:
    r"""Return what was done, in one line.

    >>> command({"title": "Shell", "command": "cat\n/etc/shadow"}), command({"title": "Shell"})
    ('cat /etc/shadow', 'Shell')
    >>> command({"rule": "Shell", "output_fields": {"proc.cmdline": "bash -c id"}})
    'bash -c id'
    """
    fields = alert.get("output_fields")
    told = fields if isinstance(fields, Mapping) else {}
    names = (alert.get("command"), told.get("proc.cmdline"), told.get("ka.uri"), _request(alert), alert.get("exe"))
    texts = (one for one in (*names, alert.get("title"), alert.get("rule")) if isinstance(one, str) and one.strip())
    return " ".join(next(texts, "(not told)").split())


def _request(alert: Mapping[str, object]) -> str:
    """Return the request that our own alerts on the API tell between backticks."""
    why = alert.get("why")
    told = (one for one in why if isinstance(one, str) and one.startswith("`")) if isinstance(why, Sequence) else ()
    return next(iter(told), "").replace("`", "")


def refused(case: Case, said: str, by: str, asked: Question | None, acts: int | None = None) -> str:
    """Return why an answer is not taken; empty where it is.

    >>> case = Case("c", "session", "shell", "a/Pod/b", "bob", "low", 0, 0, state="muted", asks="eve", due=9, opener="ann")
    >>> asked = question(case, [])
    >>> refused(case, "yes", "bob@acme.io", asked), refused(case, "yes", "ann", asked)
    ('bob@acme.io did it himself', 'ann only opened the ticket')
    >>> refused(case, "yes", "eve", asked), refused(case, "no", "bob", asked)
    ('', '')
    """
    who = verdicts.person(by)
    if said not in ("yes", "no"):
        return "an answer is yes or no"
    if not who:
        return "an answer needs to say who gives it"
    if asked is None or not is_open(case):
        return "nothing is asked about it"
    if said == "no":
        return ""
    if who == verdicts.person(case.actor):
        return f"{by} did it himself"
    if who == verdicts.person(case.opener) != verdicts.person(case.asks):
        return f"{by} only opened the ticket"
    if asked.untold:
        return f"{asked.untold:,} of its commands were not told in full: answer its case by a verdict"
    if acts is not None and acts != case.count:
        return f"it holds {case.count:,} acts by now, not {acts:,}: look at the question again"
    return ""


def _at(time: int) -> str:
    return dt.datetime.fromtimestamp(time / 1e6, dt.UTC).strftime("%Y-%m-%d %H:%M")

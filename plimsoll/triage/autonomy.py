"""How far triage may go with a family of rules: annotate, demote, mute, close.

Rules are muted from the beginning where verdicts, gates and the certificate allow it. A family is closed without
anybody's look only after 299 audits without a malicious one. One malicious audit makes its signature loud at once
and brings back 30 days of what was muted of its family; the family itself is taken back to demoting when a second
person agrees, where there is one, until the warning is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from plimsoll.triage import audits

Rung = Literal["annotate", "demote", "mute", "close"]
RUNGS: tuple[Rung, ...] = ("annotate", "demote", "mute", "close")


class Record(msgspec.Struct):
    """What audits of a family found."""

    clean: int = 0
    malicious: int = 0
    since_malicious: int = 0
    """Clean audits since the last malicious one."""

    warnings: list[tuple[str, str, str, str]] = []
    """Signatures that an audit found malicious."""

    def add(self, *, malicious: bool, keys: Iterable[tuple[str, str, str, str]] = ()) -> None:
        """Count an audit of these signatures."""
        self.clean += not malicious
        self.malicious += malicious
        self.since_malicious = 0 if malicious else self.since_malicious + 1
        if malicious:
            self.warnings = [*self.warnings, *keys]


def rung(record: Record, most: Rung = "close", *, warned: bool = False, bounded: bool = True) -> Rung:
    """Return how far a family may go, up to what people allow.

    `warned`: what an audit found malicious is not taken back; `bounded`: the certificate's bound holds.

    >>> rung(Record()), rung(Record(clean=299, since_malicious=299)), rung(Record(malicious=1), warned=True)
    ('mute', 'close', 'demote')
    """
    earned: Rung = "mute"
    if warned and record.since_malicious < audits.PROMOTION:
        earned = "demote"
    elif record.since_malicious >= audits.PROMOTION and bounded:
        earned = "close"
    return min(earned, most, key=RUNGS.index)

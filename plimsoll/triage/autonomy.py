"""How far triage may go with a family of rules: annotate, demote, mute, close.

Rules are muted from the beginning where verdicts, gates and the certificate allow it. A family is closed without
anybody's look only after 299 audits without a malicious one; one malicious audit takes it back to demoting.
"""

from __future__ import annotations

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

    def add(self, *, malicious: bool) -> None:
        """Count an audit."""
        self.clean += not malicious
        self.malicious += malicious
        self.since_malicious = 0 if malicious else self.since_malicious + 1


def rung(record: Record, most: Rung = "close", *, bounded: bool = True) -> Rung:
    """Return how far a family may go, up to what people allow; `bounded`: the certificate's bound holds.

    >>> rung(Record()), rung(Record(clean=299, since_malicious=299)), rung(Record(malicious=1))
    ('mute', 'close', 'demote')
    """
    earned: Rung = "mute"
    if record.malicious and record.since_malicious < audits.PROMOTION:
        earned = "demote"
    elif record.since_malicious >= audits.PROMOTION and bounded:
        earned = "close"
    return min(earned, most, key=RUNGS.index)

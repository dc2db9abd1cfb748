"""Muted alerts that are shown all the same: the first of what is newly muted, and some by lot, to count what muting hides.

The lot is drawn with a secret of this installation, so that nobody can tell beforehand what will be looked at.
With s audited and none malicious, at most 1 - 0.05^(1/s) of what is muted is malicious, at 95 %.
"""

from __future__ import annotations

import hashlib

SPARED = 3
"""Alerts of a newly muted signature that are shown."""
SHARE, A_DAY = 0.02, 5
PROMOTION = 299
"""Clean audits that bound the share of missed ones by 1 %."""


def share(muted_a_day: int) -> float:
    """Return the share of muted signatures to look at, where so many are muted in a day.

    >>> share(10), share(250), share(0)
    (0.5, 0.02, 1.0)
    """
    return min(1.0, max(SHARE, A_DAY / muted_a_day)) if muted_a_day else 1.0


def drawn(secret: bytes, key: str, day: int, of: float) -> bool:
    """Say whether the lot falls on a signature on a day.

    >>> drawn(b"s", "key", 1, 1.0), drawn(b"s", "key", 1, 0.0)
    (True, False)
    """
    lot = hashlib.blake2b(f"{key}\x1f{day}".encode(), key=secret[:64], digest_size=8).digest()
    return int.from_bytes(lot, "big") / 2**64 < of


def bound(audited: int, malicious: int = 0) -> float | None:
    """Return the most that can be malicious among the muted, at 95 %; None where an audit found something.

    >>> bound(299), bound(0)
    (0.00997, 1.0)
    """
    return None if malicious else round(1 - 0.05 ** (1 / audited), 5) if audited else 1.0

"""Which tokens were issued, by whom and for whom: a token that nobody issued was forged, one taken by hand is to be used.

The API server writes the id of a token where it is issued (`issued-credential-id`, Kubernetes 1.30 and later) and
where it is used. Once the log has been watched for longer than a token of a pod lives, every id that is new must have
been issued in the log. Where it is not so, because the log of one API server is missing, or its policy leaves token
requests out, the ledger notices that it is incomplete, and is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import polars as pl

WARM_UP = timedelta(minutes=75)
"""How long a token of a pod lives, and some: 3,607 seconds, of which the kubelet lets pass 80 % before it takes another."""
GAP = timedelta(minutes=15)
"""A silence of the log after which nobody knows what was issued meanwhile."""
COMPLETE = 50
"""For each token that nobody issued, so many that were: else the log is not complete."""
MOST = 1_000_000
"""Ids remembered of each kind; of more the older half is forgotten."""
REQUEST = "create serviceaccounts/token"

_ISSUED = pl.col("annotations_issued_credential_id")


class Memory(msgspec.Struct):
    """What was issued and shown since the watch began."""

    since: datetime | None = None
    last: datetime | None = None
    issued: dict[str, None] = {}
    """Ids of tokens that were issued."""
    shown: dict[str, None] = {}
    """Ids of tokens that were used."""
    known: int = 0
    """Tokens first used since the warm-up that had been issued."""
    strange: int = 0
    """And those that had not."""


class Issuance:
    """Tokens since the watch began, and who takes which account's out of habit."""

    def __init__(self, memory: Memory, credentials: pl.DataFrame) -> None:
        """Begin with an empty memory and what a profile knows of who was issued tokens."""
        self._memory = memory
        taken = credentials.filter(pl.col("verb") == "issued").select("subject", "object").unique()
        self._takers = {(account, issuer) for account, issuer in taken.iter_rows()}

    def restore(self, memory: Memory) -> None:
        """Go on from where an earlier watch ended."""
        for name in Memory.__struct_fields__:
            setattr(self._memory, name, getattr(memory, name))

    def take(self, events: pl.DataFrame) -> None:
        """Remember what these audit events issued; a silence before them begins the watch anew."""
        first, last = events["time"].min(), events["time"].max()
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            return
        memory = self._memory
        if memory.last is None or first - memory.last > GAP:
            memory.since, memory.known, memory.strange = first, 0, 0
        memory.last = max(last, memory.last or last)
        fresh = dict.fromkeys(events.filter(_ISSUED.is_not_null())["annotations_issued_credential_id"])
        memory.issued = _halved(memory.issued) | fresh if fresh else memory.issued

    def knows(self, credential: str | None) -> bool:
        """Say whether there is nothing to find out about a credential: it is no token with an id, or was used before."""
        return not credential or not credential.startswith("JTI=") or credential in self._memory.shown

    def unknown(self, credential: str | None, at: datetime, *, held: bool) -> str:
        """Say so where a token is used for the first time that was never issued, though the log is complete.

        `held`: the ledger knows this very token from learning.
        """
        memory = self._memory
        if not credential or self.knows(credential):
            return ""
        memory.shown = _halved(memory.shown)
        memory.shown[credential] = None
        if held or memory.since is None or at - memory.since < WARM_UP:
            return ""
        issued = credential in memory.issued
        memory.known += issued
        memory.strange += not issued
        if issued or memory.known < COMPLETE * memory.strange:
            return ""
        return (
            f"token {credential} was issued by nobody: {memory.known:,} others since {memory.since:%Y-%m-%d %H:%M} were"
        )

    def given_away(self, act: Mapping[str, Any], powerful: Callable[[str], bool]) -> list[str]:
        """Say so where somebody takes a token of a powerful account who never did: no kubelet, no controller manager."""
        issuer, account = act["subject"], f"{act['namespace']}/{act['name']}"
        platform = issuer.startswith("node:") or issuer == "user:system:kube-controller-manager"
        if act["action"] != REQUEST or act["outcome"] != "ok" or platform:
            return []
        if (f"account:{account}", issuer) in self._takers or not powerful(f"sa:{account}"):
            return []
        return [f"{issuer} took a token of sa:{account}, which is powerful and whose tokens it never took"]


def _halved(remembered: dict[str, None]) -> dict[str, None]:
    return dict(list(remembered.items())[MOST // 2 :]) if len(remembered) >= MOST else remembered

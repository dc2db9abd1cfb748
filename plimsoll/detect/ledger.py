"""The token ledger: which pod or part of the network a token belongs to. It needs no learning, only memory.

A token bound to a pod (claim pod-uid, Kubernetes 1.30 and later) comes from that pod's address; a token bound to
nothing stays in the part of the network where it was first used (the first-use lock that Netflix published in 2018
for cloud credentials). Anything else is a token in other hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from plimsoll import facts

MOST = 4_000_000
"""Addresses remembered; beyond it the ledger stops growing and says nothing of new credentials."""


class Ledger:
    """What is known of each credential: addresses of a pod, zones of a free token."""

    def __init__(self, credentials: pl.DataFrame) -> None:
        """Begin with what a profile knows of credentials (rows of tables.PROFILE)."""
        self._places: dict[str, dict[str, int]] = {}
        known = credentials.group_by("subject", "verb", "given", "object").agg(pl.col("count").sum())
        for row in known.iter_rows(named=True):
            self._remember(row["subject"], row["object"] if row["verb"] == "at" else row["given"], row["count"])
        self._size = known.height

    def finding(self, act: Mapping[str, Any]) -> str:
        """Return what is wrong with the place this act's credential came from, or nothing; remember the place.

        `act` has the columns of facts.acts, and `credential_subject`.
        """
        subject, address, count = act["credential_subject"], act["source_ip"], act["count"]
        if not subject or not address:
            return ""
        bound = subject.startswith("pod:")
        place = address if bound else act["zone"]
        known = self._places.get(subject)
        if known is None or place in known or not (rivals := _rivals(known, place)):
            if act["outcome"] != "denied" and self._size < MOST:
                self._remember(subject, place, count)
                self._size += 1
            return ""
        usual = _listed(rivals)
        if bound:
            return f"the token is bound to pod {act['user_pod_name'] or subject}, always at {usual}, and was used from {address}"
        return f"the token was always used from {usual}, and now from {address}, {place}"

    def _remember(self, subject: str, place: str, count: int) -> None:
        places = self._places.setdefault(subject, {})
        places[place] = places.get(place, 0) + count


def _rivals(known: Mapping[str, int], place: str) -> dict[str, int]:
    """Return the known places of the same address family: a dual-stack pod has one of each."""
    family = _family(place)
    return {one: count for one, count in known.items() if _family(one) == family}


def _family(place: str) -> bool:
    return ":" in place


def _listed(places: Mapping[str, int]) -> str:
    often = sorted(places, key=lambda place: (-places[place], place))
    return ", ".join(often[:3]) + (f" and {len(often) - 3} more" if len(often) > 3 else "")


_ASKED = ("credential_subject", "source_ip", "zone", "count", "outcome", "user_pod_name")


def judged(happened: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return acts (of the audit stream) with a column `findings`, a list of what the ledger says of each."""
    used = happened.with_columns(credential_subject=facts.CREDENTIAL).sort("first", "act").select("act", *_ASKED)
    found = {row["act"]: finding for row in used.iter_rows(named=True) if (finding := ledger.finding(row))}
    column = [[found[act]] if act in found else [] for act in happened["act"]]
    return happened.with_columns(findings=pl.Series(column, dtype=pl.List(pl.String)))

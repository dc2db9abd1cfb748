"""Whether an alert's first two reasons name what was injected.

Labels may say it in words (`injected`). Where they do not, it is whatever the scenario's own requests show that
their user never showed while learning: an address, a client, a request, a namespace, a name, somebody acted as. A
scenario in which every value is usual by itself is named by its requests.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from plimsoll.evaluate import labels

SHOWN = ("source_ip", "network", "product", "version", "action", "namespace", "name", "impersonated", "outcome")
REASONS = 2


def injected(asked: pl.DataFrame, scenario: labels.Scenario) -> frozenset[str]:
    """Return the words of which a good reason holds one, from requests with a column `learning`."""
    if scenario.injected:
        return frozenset(scenario.injected)
    own = asked.filter(pl.col("auditID").is_in(list(scenario.ids)) & ~pl.col("learning"))
    usual = asked.filter(pl.col("learning") & pl.col("subject").is_in(own["subject"].unique().implode()))
    words = frozenset[str]().union(*(_new(own, usual, field) for field in SHOWN))
    return words or frozenset(own["action"])


def _new(own: pl.DataFrame, usual: pl.DataFrame, field: str) -> frozenset[str]:
    fresh = own.join(usual, on=["subject", field], how="anti", nulls_equal=True)[field]
    return frozenset(fresh.drop_nulls()) - {"", "(cluster)", "ok"}


def names(reasons: Sequence[str], words: frozenset[str]) -> bool:
    """Say whether the first two reasons hold one of these words.

    >>> names(["client curl is new: +5.1 bits", "`list secrets` is new"], frozenset(["list secrets"]))
    True
    >>> names(["one", "two", "`list secrets` is new"], frozenset(["list secrets"]))
    False
    """
    return any(word in reason for reason in reasons[:REASONS] for word in words)

"""What somebody new may do: as long as nothing was learned of a subject, each request that it is granted is as likely.

The rights come from the cluster's objects, by subject: what RBAC grants, with how many requests that are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

WILDCARD = 100
"""Requests that a wildcard stands for: so many that it says nothing of one of them."""
col = pl.col


class Grant(NamedTuple):
    """A rule of a role."""

    verbs: Sequence[str]
    groups: Sequence[str]
    resources: Sequence[str]

    @property
    def size(self) -> int:
        """How many requests it allows."""
        return WILDCARD if "*" in (*self.verbs, *self.resources) else len(self.verbs) * len(self.resources)

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """Say whether it allows this; names aside."""
        return _in(self.verbs, verb) and _in(self.groups, group) and _in(self.resources, resource)


def _in(given: Sequence[str], wanted: str) -> bool:
    return wanted in given or "*" in given


Grants = Mapping[str, Sequence[Grant]]
Chance = Callable[[str, str], float]


def chances(grants: Grants) -> Chance:
    """Return the chance of a request of a subject of which only its rights are known; 0 where it has no right to it.

    >>> chance = chances({"sa:shop/web": [Grant(("get", "list"), ("",), ("pods", "services"))]})
    >>> chance("sa:shop/web", "list pods"), chance("sa:shop/web", "list secrets"), chance("sa:a/b", "list pods")
    (0.25, 0.0, 0.0)
    """

    def chance(subject: str, request: str) -> float:
        rights = grants.get(subject, ())
        verb, _, what = request.partition(" ")
        named, slash, sub = what.partition("/")
        resource, _, group = named.partition(".")
        allowed = any(right.allows(verb, group, f"{resource}{slash}{sub}") for right in rights)
        return 1 / max(1, sum(right.size for right in rights)) if allowed else 0.0

    return chance


def foreseen(counted: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """Return evidence with a column `granted`: the chance of requests of subjects of which nothing was learned."""
    new = (col("verb") == "request") & (col("subject_count") == 0)
    asked = counted.filter(new).select("subject", "object").unique()
    made = [chance(subject, request) for subject, request in asked.iter_rows()]
    told = asked.with_columns(verb=pl.lit("request"), granted=pl.Series(made, dtype=pl.Float64))
    return counted.join(told, on=["subject", "verb", "object"], how="left", maintain_order="left")

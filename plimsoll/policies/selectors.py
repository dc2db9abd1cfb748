"""Label selectors: what Kubernetes' API calls a LabelSelector, as requirements that all must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


class Requirement(NamedTuple):
    """One requirement on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say whether these labels meet it; `NotIn` is met where the label is absent.

        >>> Requirement("tier", "NotIn", ("db",)).holds({}), Requirement("tier", "In", ("db",)).holds({})
        (True, False)
        """
        told = labels.get(self.key)
        match self.operator:
            case "In":
                return told is not None and told in self.values
            case "NotIn":
                return told is None or told not in self.values
            case "Exists":
                return told is not None
            case "DoesNotExist":
                return told is None


Selector = tuple[Requirement, ...]
"""Requirements in order; without any, all labels are selected."""

EVERYTHING: Selector = ()


class Expression(msgspec.Struct, frozen=True):
    """A requirement as the API writes it."""

    key: str
    operator: Operator
    values: list[str] | None = None


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """A LabelSelector as the API writes it."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[Expression] | None = None


def selector(document: Document) -> Selector:
    """Return a LabelSelector as requirements; raise ValueError where the API would refuse it.

    >>> selector(Document(match_labels={"app": "web"}))
    (Requirement(key='app', operator='In', values=('web',)),)
    """
    labels = [Requirement(key, "In", (value,)) for key, value in (document.match_labels or {}).items()]
    terms = [_requirement(one) for one in document.match_expressions or []]
    return tuple(sorted({*labels, *terms}))


def _requirement(one: Expression) -> Requirement:
    if bool(one.values) != (one.operator in ("In", "NotIn")):
        needs = "some" if one.operator in ("In", "NotIn") else "no"
        raise ValueError(f"matchExpressions: operator {one.operator} takes {needs} values")
    return Requirement(one.key, one.operator, tuple(sorted(set(one.values or ()))))


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Say whether these labels are selected.

    >>> selects(EVERYTHING, {}), selects((Requirement("app", "Exists"),), {})
    (True, False)
    """
    return all(requirement.holds(labels) for requirement in selector)


def written(selector: Selector) -> str:
    """Return a selector as `kubectl -l` takes it, `everything` where it is empty.

    >>> written((Requirement("app", "In", ("web",)), Requirement("old", "DoesNotExist")))
    'app=web,!old'
    """
    return ",".join(map(_term, selector)) or "everything"


def _term(one: Requirement) -> str:
    match one.operator:
        case "In" if len(one.values) == 1:
            return f"{one.key}={one.values[0]}"
        case "In" | "NotIn":
            return f"{one.key} {one.operator.lower()} ({','.join(one.values)})"
        case "Exists":
            return one.key
        case "DoesNotExist":
            return f"!{one.key}"

"""What is known to be true of a recording: its attacks, and what looks like one and is none.

Labels come as rows, in one of two shapes. A row for each scenario lists the requests it made:

    {"id": "A01", "kind": "attack", "family": "stolen-token", "audit_ids": ["…"], "derived_audit_ids": ["…"]}

and a row for each request says which scenario it belongs to:

    {"auditID": "…", "label": "attack", "scenario": "A01-stolen-token"}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from plimsoll import errors

Expected = Literal["alert", "no-alert", "review"]
ID_NAMES = ("auditID", "audit_id", "id", "n")
SCENARIO_NAMES = ("scenario", "scen", "name")


class Scenario(msgspec.Struct, frozen=True):
    """An attack, or a change that was none, with the requests it made."""

    name: str
    family: str
    expected: Expected
    """`alert` for attacks, `no-alert` for benign changes, `review` for a change on which an alert is neither found nor false."""
    ids: frozenset[str]
    """The audit ids of its own requests."""
    effects: frozenset[str] = frozenset()
    """The audit ids of what controllers did because of it: neither attack nor habit."""
    injected: tuple[str, ...] = ()
    """Words, one of which a good reason holds; where there are none, `explained` finds some."""

    @property
    def attack(self) -> bool:
        """Whether it ought to be found."""
        return self.expected == "alert"


def of_rows(rows: Iterable[object], file: str = "") -> list[Scenario]:
    """Return the scenarios of label rows of either shape, in the order in which they are first told.

    >>> [one.name for one in of_rows([{"id": "A1", "kind": "attack", "audit_ids": ["x"]}])]
    ['A1']
    >>> [sorted(one.ids) for one in of_rows([{"n": n, "label": "attack", "scen": "A1"} for n in (7, 8)])]
    [['7', '8']]
    """
    told: dict[str, Scenario] = {}
    for line, row in enumerate(rows, 1):
        try:
            for one in _scenario(row):
                told[one.name] = _together(told[one.name], one) if one.name in told else one
        except (TypeError, ValueError) as broken:
            raise errors.InputError(f"no label: {broken}", file=file, line=line) from None
    return list(told.values())


def _scenario(row: object) -> Iterator[Scenario]:
    if not isinstance(row, Mapping):
        raise TypeError("not an object")
    if "audit_ids" in row:
        yield _whole(row)
    elif "label" in row:
        yield from _single(row)
    else:
        raise ValueError("it has neither `audit_ids` (a scenario) nor `label` (a request)")


def _whole(row: Mapping[str, Any]) -> Scenario:
    name = _first(row, ("id", *SCENARIO_NAMES))
    if not name:
        raise ValueError("a scenario has an `id`")
    return Scenario(
        name,
        str(row.get("family") or name),
        _expected(row, str(row.get("kind") or "attack")),
        _texts(row.get("audit_ids")),
        _texts(row.get("derived_audit_ids")),
        tuple(sorted(_texts(row.get("injected")))),
    )


def _single(row: Mapping[str, Any]) -> Iterator[Scenario]:
    """Yield the scenario of one labelled request; nothing for habit, which belongs to none."""
    label, name = str(row["label"] or "benign"), _first(row, SCENARIO_NAMES)
    if label == "benign" and not name:
        return
    uid = _first(row, ID_NAMES)
    if not uid:
        raise ValueError(f"a labelled request has an id ({', '.join(ID_NAMES)})")
    yield Scenario(name or label, name or label, _expected(row, label), frozenset([uid]))


def _expected(row: Mapping[str, Any], kind: str) -> Expected:
    said = row.get("expected") or ("alert" if kind == "attack" else "no-alert")
    for one in get_args(Expected):
        if said == one:
            return one  # type: ignore[no-any-return]
    raise ValueError(f"`expected` is one of {', '.join(get_args(Expected))}")


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def _texts(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        raise TypeError("ids and words are lists")
    return frozenset(map(str, value))


def _together(one: Scenario, other: Scenario) -> Scenario:
    return msgspec.structs.replace(
        one,
        ids=one.ids | other.ids,
        effects=one.effects | other.effects,
        injected=tuple(sorted({*one.injected, *other.injected})),
    )


def attacks(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """Return what ought to be found and can be: the attacks that made a request in the recording."""
    return [one for one in scenarios if one.attack and one.ids]


def doubtful(scenarios: Iterable[Scenario]) -> frozenset[str]:
    """Return the ids on which an alert is neither found nor false: consequences, and changes worth a look."""
    scenarios = list(scenarios)
    told = frozenset[str]().union(
        *(one.effects | (one.ids if one.expected == "review" else set()) for one in scenarios)
    )
    return told - frozenset[str]().union(*(one.ids for one in scenarios if one.attack))

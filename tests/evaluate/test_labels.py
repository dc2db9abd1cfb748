from __future__ import annotations

import pytest

from plimsoll import errors
from plimsoll.evaluate import labels

WHOLE = {
    "id": "A01", "kind": "attack", "family": "stolen-token", "expected": "alert",
    "audit_ids": ["x", "y"], "derived_audit_ids": ["z"], "technique": "T1528", "results": [["/", 403]],
}  # fmt: skip


def test_a_row_can_be_a_whole_scenario() -> None:
    (one,) = labels.of_rows([WHOLE])
    assert one == labels.Scenario("A01", "stolen-token", "alert", frozenset("xy"), frozenset("z"))
    assert one.attack


def test_rows_can_be_single_requests_of_scenarios() -> None:
    rows = [
        {"auditID": "x", "label": "attack", "scenario": "A1"},
        {"n": 7, "label": "attack", "scen": "A1"},
        {"id": "b", "label": "benign", "scen": ""},
        {"id": "c", "label": "benign", "scen": "new runner"},
    ]
    attack, change = labels.of_rows(rows)
    assert (attack.name, attack.expected, attack.ids) == ("A1", "alert", {"x", "7"})
    assert (change.name, change.expected, change.ids) == ("new runner", "no-alert", {"c"})


def test_a_benign_change_is_not_expected_to_alarm_unless_the_label_says_so() -> None:
    rows = [
        WHOLE | {"id": "D1", "kind": "benign", "expected": None},
        WHOLE | {"id": "D2", "kind": "benign", "expected": "review"},
    ]
    assert [one.expected for one in labels.of_rows(rows)] == ["no-alert", "review"]


def test_only_attacks_that_made_a_request_can_be_found() -> None:
    rows = [WHOLE, WHOLE | {"id": "A02", "audit_ids": []}, WHOLE | {"id": "D01", "expected": "no-alert"}]
    assert [one.name for one in labels.attacks(labels.of_rows(rows))] == ["A01"]


def test_consequences_and_changes_worth_a_look_are_neither_found_nor_false() -> None:
    review = {"id": "D6", "kind": "benign", "expected": "review", "audit_ids": ["r", "x"]}
    assert labels.doubtful(labels.of_rows([WHOLE, review])) == {"z", "r"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([], "not an object"),
        ({"id": "A1"}, "neither `audit_ids`"),
        ({"audit_ids": ["x"]}, "has an `id`"),
        ({"id": "A1", "audit_ids": "x"}, "are lists"),
        ({"id": "A1", "audit_ids": ["x"], "expected": "perhaps"}, "`expected` is one of alert, no-alert, review"),
        ({"label": "attack", "scen": "A1"}, "a labelled request has an id"),
    ],
)
def test_a_row_that_is_no_label_is_an_error_with_its_place(row: object, says: str) -> None:
    with pytest.raises(errors.InputError, match=r"labels\.jsonl:2: no label") as caught:
        labels.of_rows([WHOLE, row], "labels.jsonl")
    assert says in str(caught.value)

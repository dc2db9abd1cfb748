from __future__ import annotations

import msgspec
import polars as pl
import pytest

from plimsoll import errors
from plimsoll.evaluate import columns, labels, sessions
from plimsoll.sources import k8s_audit

ROWS = {
    "t": [90.0, 30.5],
    "actor": ["system:serviceaccount:shop:web", "ann@corp"],
    "cred": ["JTI=1", "X509=ann"],
    "ip": ["10.244.1.7", "10.8.0.1"],
    "ua": ["curl/8", "kubectl/v1.34.1"],
    "verb": ["create", "get"],
    "res": ["deployments", "/readyz"],
    "sub": ["scale", ""],
    "ns": ["shop", ""],
    "name": ["web", ""],
    "code": [201, 200],
    "label": ["attack", "benign"],
    "scen": ["A1-scale", ""],
    "test": [True, False],
}


def test_rows_become_events_that_the_source_reads() -> None:
    rows = columns.numbered(pl.DataFrame(ROWS))
    lines = columns.events(rows).write_ndjson().encode().splitlines()
    parsed = k8s_audit.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (2, [])
    asked = sessions.requests(parsed.events)
    assert asked.select("subject", "action", "namespace").rows() == [
        ("user:ann@corp", "get /readyz", "(cluster)"),
        ("sa:shop/web", "create deployments.apps/scale", "shop"),
    ]


def test_what_is_no_resource_has_no_object_reference() -> None:
    (line, _) = columns.events(columns.numbered(pl.DataFrame(ROWS))).write_ndjson().splitlines()
    event = msgspec.json.decode(line)
    assert event["requestURI"] == "/readyz"
    assert event["objectRef"]["resource"] is None


def test_the_labels_name_the_events() -> None:
    rows = columns.numbered(pl.DataFrame(ROWS))
    assert labels.of_rows(columns.labelled(rows)) == [
        labels.Scenario("A1-scale", "A1-scale", "alert", frozenset(["row-1"]))
    ]


def test_a_table_of_something_else_is_an_error() -> None:
    with pytest.raises(errors.InputError, match=r"a\.parquet: columns of a recording are missing: t, code, test"):
        columns.numbered(pl.DataFrame({"x": [1]}), "a.parquet")


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("test", ["yes", "perhaps"], "another type"),
        ("t", ["soon", "later"], "another type"),
        ("t", [1.0, 1e300], "holds seconds"),
        ("t", [1.0, None], "holds seconds"),
        ("t", [1.0, float("nan")], "holds seconds"),
    ],
)
def test_a_column_of_something_else_is_an_error(column: str, values: list[object], says: str) -> None:
    with pytest.raises(errors.InputError, match=says):
        columns.numbered(pl.DataFrame(ROWS | {column: values}))


def test_rows_without_values_are_events_nobody_reads() -> None:
    empty = {name: [None, None] for name in ("actor", "res", "ip", "cred", "ua", "verb", "scen")}
    lines = columns.events(columns.numbered(pl.DataFrame(ROWS | empty))).write_ndjson().encode().splitlines()
    parsed = k8s_audit.parse(lines, 1)
    assert parsed.accepted + len(parsed.rejects) == 2

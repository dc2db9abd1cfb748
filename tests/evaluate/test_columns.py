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
    with pytest.raises(errors.InputError, match=r"a\.parquet: columns of a recording are missing: t, actor"):
        columns.numbered(pl.DataFrame({"x": [1]}), "a.parquet")

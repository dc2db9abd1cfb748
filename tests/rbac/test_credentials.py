"""Credentials that should not be: each kind is found, and what is as it should be is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plimsoll import frames, tables
from plimsoll.rbac import credentials
from tests import told
from tests.rbac import rights

NOTHING = frames.empty(tables.OBJECTS)


def seen(*rows: told.Row) -> credentials.Seen:
    taken = credentials.Credentials()
    for row in rows:
        taken.take(frames.of_rows(tables.AUDIT, [row]))
    return taken.told()


def found(*rows: told.Row, days: int = 30) -> list[tuple[str, str, str]]:
    return [(one.finding, one.subject, one.credential) for one in credentials.findings(seen(*rows), NOTHING, days=days)]


def person(what: str = "get pods", day: int = 0, **columns: Any) -> told.Row:
    who = {"user_username": "ann", "user_groups": ["dev"], "user_credential_id": "X509SHA256=aa", "user_pod_uid": None}
    return told.request(what, time=told.at(days=day), **who | columns)


def legacy(secret: str = "web-token-x", **columns: Any) -> told.Row:
    notes = {
        "authentication.k8s.io/legacy-token": "system:serviceaccount:shop:web",
        "authentication.k8s.io/legacy-token-manual-secret": secret,
    }
    none = {"user_credential_id": None, "user_pod_uid": None}
    return told.request("get pods", annotations=json.dumps(notes), **none | columns)


def secret(name: str = "web-token-x", **labels: str) -> rights.Object:
    meta = {
        "name": name,
        "namespace": "shop",
        "labels": labels,
        "annotations": {"kubernetes.io/service-account.name": "web"},
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/service-account-token"}


def test_pods_tokens_and_peoples_certificates_in_use_are_nothing_to_speak_of() -> None:
    assert found(told.request("get pods"), person()) == []


def test_whoever_is_of_system_masters_is_told_but_for_the_api_server_itself() -> None:
    rows = (
        person(user_groups=["system:masters"]),
        person(user_username="system:apiserver", user_groups=["system:masters"]),
    )
    assert found(*rows) == [("masters-credential", "user:ann", "X509SHA256=aa")]


def test_a_secrets_token_in_use_is_told_with_its_secret() -> None:
    assert found(legacy()) == [("secret-token-used", "sa:shop/web", "web-token-x")]


def test_servers_that_name_no_secret_tell_the_account() -> None:
    row = legacy() | {"annotations": '{"authentication.k8s.io/legacy-token": "system:serviceaccount:shop:web"}'}
    assert found(row) == [("secret-token-used", "sa:shop/web", "")]


def test_a_token_asked_for_by_a_person_is_told_with_its_use() -> None:
    minted = person(
        "create serviceaccounts/token", name="web", annotations_issued_credential_id="JTI=1", responseStatus_code=201
    )
    used = told.request("list secrets", user_credential_id="JTI=1", user_pod_uid=None)
    (one,) = credentials.findings(seen(minted, used, used), NOTHING)
    assert (one.finding, one.subject, one.requests) == ("token-minted-by-person", "sa:shop/web", 2)
    assert one.why == "asked for by user:ann; used 2 times since"


def test_a_workload_that_asks_for_tokens_is_told_more_softly_and_a_kubelet_not_at_all() -> None:
    asked = {"name": "web", "annotations_issued_credential_id": "JTI=1"}
    workload = told.request("create serviceaccounts/token", user_username="system:serviceaccount:vault:vault", **asked)
    kubelet = told.request("create serviceaccounts/token", user_username="system:node:n1", **asked)
    refused = person("create serviceaccounts/token", responseStatus_code=403, **asked)
    assert found(workload, kubelet, refused) == [("token-minted-by-workload", "sa:shop/web", "JTI=1")]
    own = workload | {"user_username": "system:serviceaccount:shop:vault"}
    assert [one.severity for row in (workload, own) for one in credentials.findings(seen(row), NOTHING)] == [
        "medium",
        "info",
    ]


def test_what_was_not_used_for_long_is_dormant() -> None:
    rows = [person(day=0), told.request("get pods"), told.request("get pods", time=told.at(days=31))]
    assert found(*rows) == [("dormant", "user:ann", "X509SHA256=aa")]
    assert found(*rows, days=60) == []


def test_a_refused_credential_was_not_used() -> None:
    rows = [person(day=0), person(day=31, responseStatus_code=401), told.request(time=told.at(days=31))]
    assert ("dormant", "user:ann", "X509SHA256=aa") in found(*rows)


def test_secrets_among_the_objects_that_nobody_uses_are_told(tmp_path: Path) -> None:
    held = rights.held(
        tmp_path, secret(), secret("old", **{"kubernetes.io/legacy-token-last-used": "2025-01-02"}), {**secret("x"), "type": "Opaque"}
    )  # fmt: skip
    found = credentials.findings(seen(legacy()), held)
    assert [(one.finding, one.credential) for one in found] == [
        ("secret-token-unused", "old"),
        ("secret-token-used", "web-token-x"),
    ]
    assert "last used 2025-01-02" in found[0].why


def test_an_account_that_pods_have_and_nobody_uses_is_told(tmp_path: Path) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "idle", "namespace": "shop"},
        "spec": {"serviceAccountName": "idle", "containers": []},
    }
    found = credentials.findings(seen(told.request()), rights.held(tmp_path, pod))
    assert [(one.finding, one.subject) for one in found] == [("account-unused", "sa:shop/idle")]


def test_addresses_are_counted_as_far_as_they_are_remembered() -> None:
    rows = [person(user_groups=["system:masters"], source_ip=f"10.0.{n // 250}.{n % 250}") for n in range(70)]
    (one,) = credentials.findings(seen(*rows), NOTHING)
    assert (one.addresses, one.requests) == (credentials.MOST_ADDRESSES, 70)


def test_the_order_of_batches_does_not_matter() -> None:
    rows = [person(), legacy(), told.request(), person(user_groups=["system:masters"])]
    assert found(*rows) == found(*rows[::-1])


def test_a_hostile_secret_or_annotation_is_none(tmp_path: Path) -> None:
    bad = secret() | {"metadata": {"name": "x", "annotations": {"kubernetes.io/service-account.name": 7}}}
    assert (
        credentials.findings(seen(legacy('"},"a":"\\')), rights.held(tmp_path, bad))[0].finding == "secret-token-used"
    )

"""A token used from where it does not belong is found at its first request, and a refused one teaches nothing."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll import facts, frames, tables
from plimsoll.detect import ledger
from tests import told

FREE = {"user_pod_uid": None, "user_pod_name": None}
LEARNED = told.learned("audit", [told.request(), told.request(**FREE, user_credential_id="JTI=free")])


def book(known: Any = LEARNED) -> ledger.Ledger:
    return ledger.Ledger(known.filter(known["verb"].is_in(facts.CREDENTIAL_VERBS)))


def findings(*rows: told.Row, of: ledger.Ledger | None = None) -> list[str]:
    """What the ledger says of each request, one after another."""
    acts = facts.acts("audit", told.events("audit", told.numbered(rows))).with_row_index("act")
    judged = ledger.judged(acts, book() if of is None else of).sort("first", "act")
    return ["; ".join(found) for found in judged["findings"]]


def test_a_token_bound_to_a_pod_is_found_elsewhere_at_its_first_request():
    assert findings(told.request(source_ip="10.244.1.8")) == [
        "the token is bound to pod web-7d9c5b8f6d-x2k4q, always at 10.244.1.7, and was used from 10.244.1.8"
    ]


def test_a_free_token_is_found_in_a_second_zone_at_its_first_request():
    (found,) = findings(told.request(**FREE, user_credential_id="JTI=free", source_ip="203.0.113.9"))
    assert (
        found == "the token was always used from private 10.244.0.0/16, and now from 203.0.113.9, external 203.0.0.0/8"
    )


@pytest.mark.parametrize("address", ["10.244.1.7", "10.244.9.9"])
def test_a_free_token_may_move_within_its_zone(address):
    assert findings(told.request(**FREE, user_credential_id="JTI=free", source_ip=address)) == [""]


@pytest.mark.parametrize(
    ("columns", "there"),
    [({}, "2001:db8::7"), (FREE | {"user_credential_id": "JTI=free"}, "2001:db8::7")],
)
def test_a_dual_stack_pod_has_an_address_of_each_family(columns, there):
    both = [told.request(**columns, source_ip=there, time=told.at(1)), told.request(**columns, time=told.at(2))]
    assert findings(*both) == ["", ""]


def test_a_second_address_of_the_second_family_is_found():
    rows = [told.request(source_ip=f"2001:db8::{n}", time=told.at(n)) for n in (7, 8)]
    first, second = findings(*rows)
    assert not first
    assert "2001:db8::8" in second


def test_the_first_use_of_a_token_says_where_it_belongs():
    unknown = book(frames.empty(tables.FACTS))
    rows = [told.request(user_pod_uid="uid-new", source_ip=f"10.244.1.{n}", time=told.at(n)) for n in (20, 21)]
    assert [bool(found) for found in findings(*rows, of=unknown)] == [False, True]


@pytest.mark.parametrize("columns", [{"responseStatus_code": 401}, {"annotations_decision": "forbid"}])
def test_a_refused_request_does_not_teach_the_ledger(columns):
    unknown = book(frames.empty(tables.FACTS))
    refused = told.request(user_pod_uid="uid-new", source_ip="203.0.113.9", **columns)
    rightful = told.request(user_pod_uid="uid-new", time=told.at(9))
    assert findings(refused, rightful, of=unknown) == ["", ""]


def test_a_refused_request_with_a_known_token_from_elsewhere_is_found_all_the_same():
    assert findings(told.request(source_ip="203.0.113.9", responseStatus_code=403)) != [""]


def test_a_thief_who_comes_again_is_found_again_and_the_owner_never():
    book_so_far = book()
    for second in range(3):
        assert findings(told.request(source_ip="203.0.113.9", time=told.at(2 * second)), of=book_so_far) != [""]
        assert findings(told.request(time=told.at(2 * second + 1)), of=book_so_far) == [""]


@pytest.mark.parametrize("columns", [{"user_credential_id": None, **FREE}, {"source_ip": None}, {"source_ip": ""}])
def test_what_is_no_token_or_comes_from_nowhere_has_no_place(columns):
    assert findings(told.request(**columns)) == [""]


def test_a_certificate_is_no_matter_of_the_ledger():
    by_certificate = told.request(**FREE, user_credential_id="X509SHA256=c0ffee")
    assert findings(by_certificate, told.request(**FREE, user_credential_id="X509SHA256=c0ffee", source_ip="1.2.3.4", time=told.at(1))) == ["", ""]  # fmt: skip


def test_a_new_pod_with_a_token_of_its_own_is_fine_wherever_it_runs():
    assert findings(told.request(user_pod_uid="uid-other", source_ip="10.244.7.3")) == [""]


def test_nodes_that_share_the_host_network_with_their_pods_are_told_apart_by_the_pod():
    rows = [told.request(user_pod_uid=uid, source_ip="10.20.1.20") for uid in ("uid-1", "uid-2")]
    assert findings(*rows) == ["", ""]

"""A token used from where it does not belong is found at its first request, and a refused one teaches nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
import pytest

from plimsoll import facts, frames, tables
from plimsoll.detect import changes, ledger
from tests import told

FREE = {"user_pod_uid": None, "user_pod_name": None}
LEARNED = told.learned("audit", [told.request(), told.request(**FREE, user_credential_id="JTI=free")])


def book(known: Any = LEARNED) -> ledger.Ledger:
    return ledger.Ledger(known.filter(known["verb"].is_in(facts.CREDENTIAL_VERBS)))


def findings(*rows: told.Row, of: ledger.Ledger | None = None) -> list[str]:
    """What the ledger says of each request, one after another."""
    acts = facts.acts("audit", told.events("audit", told.numbered(rows))).with_row_index("act")
    judged = ledger.judged(acts, book() if of is None else of, lambda _: True).sort("first", "act")
    return ["; ".join(found) for found in judged["findings"]]


def beside(*addresses: str) -> ledger.Ledger:
    """The same where other pods, and free tokens, come from these addresses."""
    others = [
        told.request(source_ip=one, **(how | {"user_credential_id": f"JTI={one}"}))
        for one in addresses
        for how in ({"user_pod_uid": f"uid-{one}"}, FREE)
    ]
    return book(pl.concat([LEARNED, told.learned("audit", others)]))


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
def test_a_dual_stack_pod_has_an_address_of_each_family_where_others_have(columns, there):
    both = [told.request(**columns, source_ip=there, time=told.at(1)), told.request(**columns, time=told.at(2))]
    assert [bool(found) for found in findings(*both)] == [True, False]
    assert findings(*both, of=beside(*(f"2001:db8::{n}" for n in (1, 2)))) == ["", ""]


def test_a_second_address_of_the_second_family_is_found():
    rows = [told.request(source_ip=f"2001:db8::{n}", time=told.at(n)) for n in (7, 8)]
    first, second = findings(*rows, of=beside("2001:db8::1", "2001:db8::2"))
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


@pytest.mark.parametrize(
    "columns",
    [{"user_credential_id": None, "user_username": "ann", **FREE}, {"source_ip": None}, {"source_ip": ""}],
)
def test_what_is_no_token_or_comes_from_nowhere_has_no_place(columns):
    assert findings(told.request(**columns)) == [""]


def test_a_persons_certificate_is_no_matter_of_the_ledger():
    person = FREE | {"user_username": "ann", "user_groups": [], "user_credential_id": "X509SHA256=c0ffee"}
    assert findings(told.request(**person), told.request(**person, source_ip="1.2.3.4", time=told.at(1))) == ["", ""]


def test_a_new_pod_with_a_token_of_its_own_is_fine_wherever_it_runs():
    assert findings(told.request(user_pod_uid="uid-other", source_ip="10.244.7.3")) == [""]


def test_nodes_that_share_the_host_network_with_their_pods_are_told_apart_by_the_pod():
    rows = [told.request(user_pod_uid=uid, source_ip="10.20.1.20") for uid in ("uid-1", "uid-2")]
    assert findings(*rows) == ["", ""]


# A pod, a node and an account whose token has no id may move, where the log tells why.


def moved(row: told.Row, *before: told.Row, known: Any = LEARNED) -> str:
    """What the ledger says of a request that comes after these others, which the log of changes holds."""
    log = changes.Changes()
    log.take(told.events("audit", list(before)))
    (found,) = findings(row, of=ledger.Ledger(known, log))
    return found


NODE = FREE | {
    "user_username": "system:node:n1", "user_groups": ["system:nodes"], "user_credential_id": "X509SHA256=n1",
    "source_ip": "10.20.1.21", "userAgent": "kubelet/v1.34.1",
}  # fmt: skip
STATUS = told.request("patch pods/status", name="web-7d9c5b8f6d-x2k4q", **NODE)


@pytest.mark.parametrize(
    ("address", "seconds", "fine"),
    [("10.244.1.8", 60, True), ("10.244.1.8", 600, False), ("10.244.2.8", 60, False), ("203.0.113.9", 60, False)],
)
def test_a_pod_that_began_anew_has_a_new_address_beside_the_old_one(address, seconds, fine):
    assert (moved(told.request(source_ip=address, time=told.at(seconds)), STATUS) == "") is fine


def test_a_pod_of_which_nothing_was_told_has_no_new_address():
    assert moved(told.request(source_ip="10.244.1.8", time=told.at(60)))


KNOWN_NODES = told.learned("audit", [told.request(**NODE), told.request(**(NODE | {"user_username": "system:node:n2", "source_ip": "10.20.1.22"}))])  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, ""),
        ({"source_ip": "10.244.1.7"}, "the credential of node:n1 was always used from 10.20.1.21, and now from 10.244.1.7"),
        ({"source_ip": "10.20.1.22"}, "the credential of node:n1 was always used from 10.20.1.21, and now from 10.20.1.22"),
        ({"userAgent": "curl/8.5.0"}, "the credential of node:n1 was shown by curl, which is no kubelet"),
        ({"userAgent": None}, "the credential of node:n1 was shown by a client without name, which is no kubelet"),
        ({"userAgent": "kubeadm/v1.34.1"}, ""),
    ],
)  # fmt: skip
def test_a_nodes_credential_is_shown_by_its_kubelet_from_the_node(columns, says):
    assert moved(told.request(**(NODE | columns)), known=KNOWN_NODES) == says


def test_a_client_that_several_nodes_have_is_theirs():
    agents = [told.request(**(NODE | {"user_username": f"system:node:n{n}", "userAgent": "node-agent/1.0"})) for n in (2, 3)]  # fmt: skip
    shown = told.request(**NODE | {"userAgent": "node-agent/1.0"})
    assert moved(shown, known=told.learned("audit", agents)) == ""


@pytest.mark.parametrize(("address", "fine"), [("10.20.1.99", True), ("10.20.1.22", False)])
def test_a_node_that_registers_anew_may_have_another_address_but_not_anothers(address, fine):
    again = told.request("create nodes", None, "n1", **(NODE | {"source_ip": address, "responseStatus_code": 409}))
    row = told.request(**(NODE | {"source_ip": address, "time": told.at(9)}))
    assert (moved(row, again, known=KNOWN_NODES) == "") is fine
    assert moved(row, known=KNOWN_NODES)


def test_a_token_bound_to_a_pod_of_one_node_does_not_come_from_another_node():
    row = told.request(user_pod_uid="uid-new", user_node_name="n1", source_ip="10.20.1.22")
    assert "on n1, and was used from node n2" in moved(row, known=KNOWN_NODES)
    assert moved(row | {"source_ip": "10.20.1.21"}, known=KNOWN_NODES) == ""


def test_an_address_of_many_is_a_translators_and_says_nothing():
    pods = [told.request(user_pod_uid=f"uid-{n}", source_ip=f"192.0.2.{n % 2}") for n in range(2 * ledger.SHARED)]
    known = told.learned("audit", pods)
    assert moved(told.request(user_pod_uid="uid-0", source_ip="192.0.2.1"), known=known) == ""
    assert moved(told.request(user_pod_uid="uid-0", source_ip="192.0.2.7"), known=known)


LEGACY = FREE | {"user_credential_id": None}
LOCKED = told.learned("audit", [told.request(**LEGACY)])


@pytest.mark.parametrize(
    ("address", "fine"), [("10.244.1.99", True), ("10.244.2.7", False), ("203.0.113.9", False), ("2001:db8::1", False)]
)
def test_a_token_without_id_stays_in_its_net(address, fine):
    assert (moved(told.request(**LEGACY, source_ip=address), known=LOCKED) == "") is fine


def test_where_pods_of_its_namespace_moved_it_stays_in_its_zone():
    placed = told.request("create pods/binding", name="web-7d9c5b8f6d-h7p9z", responseStatus_code=201)
    assert moved(told.request(**LEGACY, source_ip="10.244.2.7"), placed, known=LOCKED) == ""
    assert moved(told.request(**LEGACY, source_ip="203.0.113.9"), placed, known=LOCKED)


def test_what_it_knew_is_what_it_knows_after_a_restart():
    before, after = book(), ledger.Ledger(frames.empty(tables.FACTS))
    findings(told.request(user_pod_uid="uid-new", source_ip="10.244.1.20"), of=before)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.memory()), type=ledger.Memory))
    assert findings(told.request(user_pod_uid="uid-new", source_ip="10.244.1.21"), of=after) != [""]
    assert findings(told.request(), of=after) == [""]

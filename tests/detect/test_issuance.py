"""A token that nobody issued was forged, once the log is complete; a token of a powerful account is taken by whom it always was."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll import facts, frames, tables
from plimsoll.detect import issuance, ledger
from tests import told

NONE = frames.empty(tables.FACTS)
FREE = {"user_pod_uid": None, "user_pod_name": None}


def watched(minutes: int = 90, tokens: int = 60, issued: int = 60) -> ledger.Ledger:
    """A ledger that watched a log for so long, in the second half of which so many tokens were used, most of them issued."""
    book = ledger.Ledger(NONE)
    rows = [
        told.request(
            "create serviceaccounts/token",
            user_username="system:node:n1",
            annotations_issued_credential_id=f"JTI={n}" if n < issued else None,
            time=told.at(60 * n * minutes / tokens),
        )
        for n in range(tokens)
    ]
    for row in rows:
        book.take(told.events("audit", [row]))
    for n in range(tokens):
        found(book, token(str(n), minutes))
    return book


def token(name: str, minute: float, **columns: Any) -> told.Row:
    row = {"user_credential_id": f"JTI={name}", "user_pod_uid": f"uid-{name}", "time": told.at(60 * minute)}
    return told.request(**(row | columns))


def found(book: ledger.Ledger, row: told.Row, *, powerful: bool = True) -> list[str]:
    acts = facts.acts("audit", told.events("audit", [row])).with_row_index("act")
    return ledger.judged(acts, book, lambda _: powerful)["findings"].to_list()[0]


def test_a_token_that_nobody_issued_is_found_at_its_first_use_only():
    book = watched()
    (said,) = found(book, token("forged", 91))
    assert said.startswith("token JTI=forged was issued by nobody: 60 others since 2026-03-02 09:00 were")
    assert found(book, token("forged", 92)) == []


@pytest.mark.parametrize(
    ("minutes", "tokens", "issued"),
    [(60, 60, 60), (90, 40, 40), (90, 60, 59), (90, 60, 0)],
    ids=["young", "few tokens", "a log is missing", "token requests are not logged"],
)
def test_where_the_log_is_not_complete_the_ledger_is_silent(minutes, tokens, issued):
    assert found(watched(minutes, tokens, issued), token("forged", minutes + 1)) == []


def test_after_a_silence_of_the_log_the_watch_begins_anew():
    book = watched()
    book.take(told.events("audit", [told.request(time=told.at(60 * 120))]))
    assert found(book, token("forged", 121)) == []


def test_a_token_known_from_learning_needs_no_issuer():
    known = told.learned("audit", [token("old", 0, **FREE)])
    book = ledger.Ledger(known)
    book.issued.restore(watched().memory().issued)
    assert found(book, token("old", 91, **FREE)) == []


def test_more_ids_than_there_is_room_for_cost_the_older_half(monkeypatch):
    monkeypatch.setattr(issuance, "MOST", 100)
    assert len(watched(tokens=300, issued=300).memory().issued.issued) <= 100


MINTED = {"what": "create serviceaccounts/token", "namespace": "kube-system", "name": "job-controller", "responseStatus_code": 201}  # fmt: skip
ANN = FREE | {"user_username": "ann", "user_groups": ["dev"], "user_credential_id": "X509SHA256=ann"}


@pytest.mark.parametrize(
    ("columns", "powerful", "found_out"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"responseStatus_code": 403}, True, False),
        ({"user_username": "system:node:n1", "user_groups": ["system:nodes"], "userAgent": "kubelet"}, True, False),
        ({"user_username": "system:kube-controller-manager"}, True, False),
        ({"user_username": "system:serviceaccount:vault:vault"}, True, True),
    ],
)
def test_a_token_of_a_powerful_account_taken_by_hand_is_found(columns, powerful, found_out):
    row = told.request(**(MINTED | ANN | columns))
    assert bool(found(ledger.Ledger(NONE), row, powerful=powerful)) is found_out


def test_who_takes_an_accounts_tokens_out_of_habit_may():
    known = told.learned("audit", [told.request(**(MINTED | ANN))])
    assert found(ledger.Ledger(known), told.request(**(MINTED | ANN))) == []
    assert found(ledger.Ledger(known), told.request(**(MINTED | ANN | {"name": "token-cleaner"})))

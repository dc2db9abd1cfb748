from __future__ import annotations

import pytest

from plimsoll.context.people import People

KNOWN = People(names={"712020:ab": "oidc:ann@acme.example"}, domains=("acme.example",), prefix="oidc:")


def test_an_id_or_an_address_names_somebody_in_the_cluster() -> None:
    assert KNOWN.known("712020:AB", None) == "oidc:ann@acme.example"
    assert KNOWN.known("", "Ann@Acme.example") == "oidc:ann@acme.example"


@pytest.mark.parametrize(
    "address",
    ["ann@evil.example", "ann@acme.example@evil.example", "@acme.example", "ann", "ann@sub.acme.example", 7, None],
)
def test_whoever_cannot_be_named_is_nobody(address: object) -> None:
    assert KNOWN.known(address) is None


def test_an_address_with_two_at_signs_is_nobodys() -> None:
    assert KNOWN.known("evil@x@acme.example") is None


def test_of_several_those_that_are_known_are_named() -> None:
    assert KNOWN.all_known("ann@acme.example", "x@evil.example") == ("oidc:ann@acme.example",)

import pytest

from plimsoll.paths.edges.rbac_secrets import edges
from tests.paths.clusters import account, may, rule, thing
from tests.paths.shown import targets

SECRETS = (thing("Secret", "one", "a"), thing("Secret", "two", "a"), thing("Secret", "one", "b"))


@pytest.mark.parametrize("verb", ["get", "list", "watch", "*"])
def test_to_get_list_or_watch_is_to_read(verb: str) -> None:
    assert targets(edges, "SECRET_READ", *may(rule(verb, "secrets"), namespace="a"), *SECRETS) == {
        "Secret:a/one",
        "Secret:a/two",
    }


@pytest.mark.parametrize(
    "rights",
    [rule("delete deletecollection create", "secrets"), rule("get", "secrets/*"), rule("get", "secrets", "apps")],
)
def test_nothing_else_is(rights: dict[str, object]) -> None:
    assert targets(edges, "SECRET_READ", *may(rights), *SECRETS) == set()


def test_names_limit_reading() -> None:
    assert targets(edges, "SECRET_READ", *may(rule("get", "secrets", names="one")), *SECRETS) == {
        "Secret:a/one",
        "Secret:b/one",
    }


def test_secrets_that_are_not_told_are_a_wildcard() -> None:
    assert targets(edges, "SECRET_READ", *may(rule("get", "secrets"), namespace="a")) == {"Secret:a/*"}


@pytest.mark.parametrize(
    "reads", [rule("get", "secrets"), rule("create", "pods"), rule("get", "secrets", names="fresh")]
)
def test_a_token_is_minted_where_a_secret_can_be_made_and_read(reads: dict[str, object]) -> None:
    told = (*may(rule("create", "secrets"), reads, namespace="a"), account("boss"))
    assert targets(edges, "TOKEN_MINT_SECRET", *told) == {"SA:a/boss", "SA:a/x"}


def test_both_rights_must_share_a_namespace() -> None:
    told = (*may(rule("create", "secrets"), namespace="a", name="w"), *may(rule("get", "secrets"), namespace="b"))
    assert targets(edges, "TOKEN_MINT_SECRET", *told, account("boss")) == set()


def test_a_secret_that_is_there_cannot_be_made_anew() -> None:
    told = may(rule("create", "secrets"), rule("get", "secrets", names="one"), namespace="a")
    assert targets(edges, "TOKEN_MINT_SECRET", *told, *SECRETS) == set()

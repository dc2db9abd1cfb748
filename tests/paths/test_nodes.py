from plimsoll.paths import nodes


def test_a_set_shows_as_its_wildcard() -> None:
    one = nodes.set_of("exec", "Container:a/*/*")
    assert nodes.is_set(one)
    assert nodes.shown(one) == "Container:a/*/*"


def test_a_user_that_is_a_service_account_has_its_id() -> None:
    assert nodes.user("system:serviceaccount:a:x") == nodes.account("a", "x")
    assert nodes.user("system:serviceaccount:broken") == "User:system:serviceaccount:broken"


def test_kinds_are_told_by_the_id() -> None:
    assert [nodes.kind(one) for one in ("Role/r@a", "Sink:compute", "Anyone")] == ["Role", "Sink", "Anyone"]

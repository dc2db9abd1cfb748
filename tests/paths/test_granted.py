from plimsoll.paths import granted, sets
from plimsoll.paths.granted import Holder
from plimsoll.paths.rights import Grant
from plimsoll.rbac.grants import Rule
from tests.paths.clusters import may, model, rule


def grant(name: str, namespace: str = "", *names: str) -> Grant:
    return Grant(Rule(("get",), ("",), ("secrets",), names), namespace, f"Role/{name}", (name,), name)


def test_rights_hold_together_in_one_place() -> None:
    joints = list(granted.together([grant("w", "a")], [grant("r1", "b"), grant("r2"), grant("r3", "a")]))
    assert [(one.namespace, one.objects) for one in joints] == [("a", ("w", "r2")), ("a", ("w", "r3"))]


def test_a_right_that_nobody_holds_gives_nothing() -> None:
    assert list(granted.together([grant("w")], [])) == []


def test_very_many_choices_are_told_in_some() -> None:
    many = [grant(f"g{number}") for number in range(40)]
    assert len(list(granted.together(many, many, many))) == 64


def test_one_object_that_gives_two_rights_is_told_once() -> None:
    (one,) = granted.together([grant("g")], [grant("g")])
    assert (one.objects, one.why) == (("g",), "g")


def test_sets_are_given_where_nothing_is_named_and_things_where_they_are() -> None:
    holder = Holder("SA:a/x", model().powers("SA:a/x"))
    held = [grant("all", "a"), grant("one", "", "tls")]
    found = granted.on_named(
        "SECRET_READ", holder, held, sets.secrets, lambda place, name: [f"{place}:{name}"], "to read"
    )
    assert [(one.target, one.why) for one in found] == [
        (sets.secrets("a"), "all allows to read in a"),
        (":tls", "one allows to read named tls everywhere"),
    ]


def test_a_holder_is_asked_for_several_resources_at_once() -> None:
    told = model(*may(rule("create", "pods/exec")))
    assert len(Holder("SA:a/x", told.powers("SA:a/x")).may(("create",), "", "pods/exec", "pods/attach")) == 1

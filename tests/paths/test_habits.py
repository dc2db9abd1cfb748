import polars as pl
import pytest

from plimsoll import frames, tables
from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.edge import Edge
from plimsoll.paths.habits import Habits, Use, unused
from tests.paths.clusters import account, bind, may, model, pod, rule, thing


def facts(*rows: tuple[str, str, str, str], days: int = 3) -> pl.DataFrame:
    told = [
        {"subject": subject, "peer": "p", "verb": verb, "given": given, "object": thing, "day": day, "count": 2}
        for subject, verb, given, thing in rows
        for day in range(days)
    ]
    return frames.of_rows(tables.FACTS, told)


SEEN = facts(("sa:a/x", "within", "get configmaps", "a"), ("a/Pod/p:c", "connect", "", "a/Pod/q:80/tcp"))


def step(kind: str, source: str = "SA:a/x", target: str = "Secret:a/s", *objects: str) -> Edge:
    return Edge(kind, source, target, "", objects)


def test_a_right_that_was_never_used_is_told_with_the_days_that_were_watched() -> None:
    assert Habits(SEEN).of(step("SECRET_READ"), model()) == Use(0, 3)


def test_a_right_that_was_used_is_told_with_how_often() -> None:
    seen = facts(("sa:a/x", "within", "list secrets", "a"))
    assert Habits(seen).of(step("SECRET_READ"), model()) == Use(6, 3)
    assert Habits(seen).of(step("SECRET_READ", target="Secret:b/s"), model()) == Use(0, 3)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("POD_EXEC", "create pods/exec"),
        ("POD_CREATE_NODE", "create jobs.batch"),
        ("WORKLOAD_PATCH", "patch deployments.apps"),
        ("ROLE_BIND", "create clusterrolebindings.rbac.authorization.k8s.io"),
    ],
)
def test_each_kind_of_step_asks_the_api_for_something(kind: str, asked: str) -> None:
    seen = Habits(facts(("sa:a/x", "within", asked, "")))
    found = seen.of(step(kind), model())
    assert found is not None
    assert found.times


def test_steps_that_no_profile_sees_are_not_judged() -> None:
    seen = Habits(SEEN)
    assert seen.of(step("TOKEN_MOUNT"), model()) is None
    assert seen.of(step("SECRET_READ", "Group:dev"), model()) is None
    assert Habits(facts(days=0)).of(step("SECRET_READ"), model()) is None


def test_a_connection_is_a_habit_of_the_workload() -> None:
    service = thing("Service", "s", "a", spec={"selector": {"app": "q"}, "ports": [{"port": 80}]})
    told = model(pod("p"), pod("q"), service)
    assert Habits(SEEN).of(step("NET_REACH", "Container:a/p/c", "Endpoint:a/s"), told) == Use(6, 3)
    assert Habits(SEEN).of(step("NET_REACH", "Container:a/q/c", "Endpoint:a/s"), told) == Use(0, 3)


def test_an_object_is_free_where_none_of_its_steps_is_used() -> None:
    steps = [
        step("SECRET_READ", "SA:a/x", "Secret:a/s", "Role/a/r"),
        step("POD_EXEC", "SA:a/y", "Container:a/p/c", "Role/a/used"),
    ]
    seen = Habits(facts(("sa:a/y", "within", "create pods/exec", "a")))
    assert unused(steps, seen, model()) == {"Role/a/r"}


def test_what_nobody_uses_is_sooner_closed() -> None:
    token = thing(
        "Secret",
        "t",
        "a",
        metadata={"annotations": {"kubernetes.io/service-account.name": "boss"}},
        type="kubernetes.io/service-account-token",
    )
    told = (
        *may(rule("list", "secrets"), rule("get", "configmaps"), namespace="a"),
        *(
            pod("p", serviceAccountName="x"),
            account("boss"),
            token,
            bind("boss", "ClusterRole/cluster-admin", "SA:a/boss"),
        ),
    )
    question = Question(("Container:a/p/c",), ("Sink:cluster-admin",))
    found = Answer(model(*told), question, habits=Habits(SEEN))
    assert found.cuts[0].objects in {("Role/a/r",), ("RoleBinding/a/r",)}
    assert found.unused >= {"Role/a/r", "RoleBinding/a/r"}

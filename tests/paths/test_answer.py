import pytest

from plimsoll.paths import answer
from plimsoll.paths.answer import Answer, Question
from tests.paths.clusters import account, bind, cluster, may, model, node, pod, rule, thing

BOSS = bind("b", "ClusterRole/cluster-admin", "SA:a/x")


def public(name: str = "s", app: str = "p"):
    return thing("Service", name, "a", spec={"type": "LoadBalancer", "selector": {"app": app}, "ports": [{"port": 80}]})


def ask(*bodies, starts: tuple[str, ...] = (), targets: tuple[str, ...] = ()) -> Answer:
    return Answer(model(*bodies), Question(starts, targets))


def test_a_way_from_the_internet_to_administrator_is_found_and_closed() -> None:
    told = ask(pod("p", serviceAccountName="x"), public(), BOSS, starts=("Internet",), targets=("Sink:cluster-admin",))
    assert told.routes[0].nodes == (
        "Internet",
        "Endpoint:a/s",
        "Container:a/p/c",
        "SA:a/x",
        "ClusterRole/cluster-admin",
        "Sink:cluster-admin",
    )
    assert (told.cuts[0].objects, told.cuts[0].removes) == (("ClusterRoleBinding/b",), len(told.routes))


def test_two_bindings_of_the_same_role_must_both_go() -> None:
    told = ask(
        pod("p", serviceAccountName="x"),
        account("x"),
        BOSS,
        bind("c", "ClusterRole/cluster-admin", "SA:a/x"),
        starts=("SA:a/x",),
        targets=("Sink:cluster-admin",),
    )
    assert set(told.cuts[0].objects) == {"ClusterRoleBinding/b", "ClusterRoleBinding/c"}


def test_no_way_is_no_path_and_no_cut() -> None:
    told = ask(pod("p", serviceAccountName="x"), starts=("Internet",), targets=("Sink:cluster-admin",))
    assert (told.routes, told.cuts, told.steps) == ([], [], [])


def test_without_a_question_the_usual_starts_and_goals_are_meant() -> None:
    told = ask(
        pod("p", serviceAccountName="x"),
        public(),
        BOSS,
        bind("d", "ClusterRole/view", "User:eve", "User:system:kube-scheduler"),
    )
    assert {"Internet", "Container:a/p/c", "User:eve"} <= set(told.starts)
    assert "User:system:kube-scheduler" not in told.starts
    assert "SA:a/x" not in told.starts
    assert {one.nodes[0] for one in told.routes} >= {"Internet", "Container:a/p/c"}


def test_lesser_goals_are_looked_for_on_ways_of_their_own() -> None:
    told = ask(pod("p", serviceAccountName="x", nodeName="n1"), BOSS)
    for one in told.routes:
        assert "Sink:cluster-admin" not in one.nodes[:-1]


def test_wildcards_name_starts_and_targets() -> None:
    told = ask(
        pod("p", hostPID=True, container={"securityContext": {"privileged": True}}),
        node("n1"),
        starts=("Container:*",),
        targets=("Node:*",),
    )
    assert {one.nodes[-1] for one in told.routes} == {"Node:n1"}


def test_each_start_that_has_a_way_is_told() -> None:
    pods = [pod(f"p{number}", serviceAccountName="x") for number in range(9)]
    told = ask(*pods, BOSS, starts=("Container:*",), targets=("Sink:cluster-admin",))
    assert len({one.nodes[0] for one in told.routes}) == 9


def test_a_replica_is_found_by_its_own_name() -> None:
    pods = [pod(f"web-{number}", serviceAccountName="x") for number in (1, 2)]
    for one in pods:
        one["metadata"] |= {
            "labels": {},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": True}],
        }
    told = ask(*pods, BOSS, starts=("Container:a/web-2/c",), targets=("Sink:cluster-admin",))
    assert told.routes[0].nodes[0] == "Container:a/web-2/c"


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_more_replicas_change_nothing_that_can_be_reached(copies: int) -> None:
    pods = [pod(f"web-{number}", serviceAccountName="x", nodeName=f"n{number}") for number in range(copies)]
    for one in pods:
        one["metadata"] |= {
            "labels": {"app": "web"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": True}],
        }
    told = ask(*pods, public(app="web"), BOSS)
    found = {(one.nodes[0], one.nodes[-1]) for one in told.routes}
    assert ("Internet", "Sink:cluster-admin") in found
    assert ("Container:a/web-0/c", "Sink:cluster-admin") in found


def test_secrets_that_nothing_names_are_a_target_by_their_wildcard() -> None:
    told = ask(BOSS, pod("p", serviceAccountName="x"), starts=("SA:a/x",), targets=("Secret:*",))
    assert told.routes


def test_starts_that_are_targets_have_ways_to_others() -> None:
    told = ask(pod("p", serviceAccountName="x"), pod("q"), BOSS, starts=("Container:*",), targets=("Container:*",))
    assert ("Container:a/p/c", "Container:a/q/c") in {(one.nodes[0], one.nodes[-1]) for one in told.routes}


def test_risk_falls_with_the_length_of_the_way() -> None:
    told = ask(pod("p", serviceAccountName="x"), public(), BOSS, targets=("Sink:cluster-admin",))
    risks = [told.risk(one) for one in told.routes]
    assert risks == sorted(risks, reverse=True)
    assert all(0 <= one <= 10 for one in risks)


def test_things_tell_what_stands_behind_a_container() -> None:
    told = model(pod("p", nodeName="n1"))
    assert list(answer.things(["Container:a/p/c", "Internet"], told)) == [
        {"id": "Container:a/p/c", "kind": "Container", "workload": "Workload:a/Pod/p", "pods": 1, "nodes": ["n1"]},
        {"id": "Internet", "kind": "Internet"},
    ]


def test_an_empty_cluster_has_no_paths() -> None:
    assert Answer(model(), Question()).routes == []
    assert cluster().objects == []


def test_a_cut_is_tried_and_what_closes_nothing_is_not_chosen() -> None:
    told = ask(pod("p", serviceAccountName="x"), account("x"), public(), BOSS, targets=("Sink:cluster-admin",))
    assert told._useless(("ServiceAccount/a/x",), ["Internet"]) == {"ServiceAccount/a/x"}
    assert told._useless(told.cuts[0].objects, ["Internet"]) == set()


def test_one_change_where_two_services_lead_to_two_pods_of_one_account() -> None:
    pods = [pod(name, serviceAccountName="x") for name in "pq"]
    told = ask(*pods, public("s", "p"), public("t", "q"), BOSS, starts=("Internet",), targets=("Sink:cluster-admin",))
    assert told.cuts[0].objects == ("ClusterRoleBinding/b",)


def test_a_container_that_has_what_it_was_given_is_told_only_when_asked() -> None:
    given = pod("p", container={"envFrom": [{"secretRef": {"name": "s"}}]}, automountServiceAccountToken=False)
    assert ask(given).routes == []
    assert ask(given, targets=("Secret:a/s",)).routes
    assert {one.nodes[-1] for one in ask(given, public()).routes} == {"Cloud:node", "Secret:a/s"}


def test_nobody_breaks_into_a_container_that_has_ended() -> None:
    told = pod("p", initContainers=[{"name": "i", "securityContext": {"privileged": True}}])
    assert "Container:a/p/i" not in ask(told).starts
    assert ask(told, starts=("Container:a/p/i",), targets=("Node:*",)).routes


def test_to_read_every_secret_is_more_than_to_read_one() -> None:
    told = ask(
        pod("p", serviceAccountName="x", container={"envFrom": [{"secretRef": {"name": "s"}}]}),
        public(),
        thing("Secret", "s", "a"),
        thing("Secret", "t", "b"),
        *may(rule("list", "secrets")),
    )
    ends = [one.nodes[-1] for one in told.routes if one.nodes[0] == "Internet"]
    assert ends.index("Secret:*/*") < ends.index("Secret:a/s")
    assert "Secret:b/t" not in ends


def test_what_is_not_told_need_not_be_closed() -> None:
    told = ask(
        pod("p"),
        pod("q"),
        public("s", "p"),
        thing("Service", "t", "a", spec={"selector": {"app": "q"}, "ports": [{"port": 80}]}),
    )
    assert {one.nodes[0] for one in told.routes} == {"Internet"}
    assert told.cuts[0].objects in {("Service/a/s",), ("Pod/a/p",)}

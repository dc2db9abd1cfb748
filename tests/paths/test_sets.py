from plimsoll.paths import sets
from tests.paths.clusters import bind, deployment, model, node, pod, thing


def members(*bodies) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in sets.members(model(*bodies)):
        found.setdefault(one.source, set()).add(one.target)
    return found


def test_the_set_of_all_leads_to_the_sets_of_namespaces_and_these_to_members() -> None:
    told = members(pod("p"), pod("q", "b"))
    assert told[sets.containers()] == {sets.containers("a"), sets.containers("b")}
    assert told[sets.containers("a")] == {"Container:a/p/c"}
    assert told[sets.accounts("a")] == {"SA:a/default"}


def test_workloads_are_told_by_kind() -> None:
    told = members(deployment("d"), pod("p"))
    assert told[sets.workloads("Deployment")] == {sets.workloads("Deployment", "a")}
    assert told[sets.workloads("Deployment", "a")] == {"Workload:a/Deployment/d"}


def test_people_are_users_and_groups_and_a_certificate_names_all_but_masters() -> None:
    told = members(bind("b", "ClusterRole/view", "User:eve", "Group:ops", "Group:system:masters"))
    assert told[sets.users()] == {"User:eve"}
    assert told[sets.groups()] == {"Group:ops", "Group:system:masters"}
    assert told[sets.groups_but_masters()] == {"Group:ops"}


def test_secrets_services_and_nodes_are_sets() -> None:
    told = members(thing("Secret", "s", "a"), thing("Service", "e", "a", spec={}), node("n1"))
    assert told[sets.secrets("a")] == {"Secret:a/s"}
    assert told[sets.endpoints()] == {sets.endpoints("a")}
    assert told[sets.node_users()] == {"User:system:node:n1"}

"""What a cluster's objects say of the subjects of cases: lineage and single steps of attacks, and of what they are silent."""

from __future__ import annotations

import pytest

from plimsoll import flow_incidents
from plimsoll.paths import between
from plimsoll.posture.objects import Object
from plimsoll.triage import incidents
from plimsoll.triage.memory import Case
from tests.triage.told import MINUTE, START

WEB, DB, SA, NODE = "shop/Deployment/web", "shop/StatefulSet/db", "sa:shop/web", "host:n1"


def case(id_, workload, minute=0, *pods, **more):
    time = START + minute * MINUTE
    return Case(id_, "signature", "t", workload, "", "low", time, time, entities=list(pods), **more)


def thing(kind, name, namespace="shop", api="v1", **more):
    metadata = {"name": name, "namespace": namespace} | more.pop("metadata", {})
    return Object({"apiVersion": api, "kind": kind, "metadata": metadata, **more})


def pod(name, account="default", owner=(), *, mounted=True, privileged=False, node="n1", **labels):
    owners = [{"apiVersion": "v1", "kind": owner[0], "name": owner[1], "uid": "u", "controller": True}] if owner else []
    container = {"name": "app", "image": "a@sha256:b", "securityContext": {"privileged": privileged}}
    spec = {"serviceAccountName": account, "nodeName": node, "containers": [container]}
    metadata = {"labels": labels, "ownerReferences": owners}
    return thing("Pod", name, metadata=metadata, spec=spec | {"automountServiceAccountToken": mounted})


def role(account, resource, *verbs):
    rule = {"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}
    api, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    ref = {"apiGroup": group, "kind": "Role", "name": account}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": "shop"}
    return [
        thing("Role", account, api=api, rules=[rule]),
        thing("RoleBinding", account, api=api, roleRef=ref, subjects=[subject]),
    ]


WEBS = pod("web-5d8f7c6b4-x2k4q", "web", ("ReplicaSet", "web-5d8f7c6b4"), **{"pod-template-hash": "5d8f7c6b4"})
DBS = pod("db-0", "db", ("StatefulSet", "db"), mounted=False, node="n2", app="db")
NODES = [thing("Node", "n1", ""), thing("Node", "n2", "")]
SERVICE = thing("Service", "db", spec={"selector": {"app": "db"}, "ports": [{"port": 80}]})
SHUT = thing("NetworkPolicy", "shut", api="networking.k8s.io/v1", spec={"podSelector": {}, "policyTypes": ["Egress"]})


def why(objects, *cases):
    found = incidents.incidents(cases, flow_incidents.links(objects, cases))
    assert len({one.cases for one in found.values()}) in (1, len(cases))
    return found[cases[0].id].why


def test_an_account_joins_the_pod_that_runs_as_it():
    objects = [pod("web-5d8f7c6b4-x2k4q", "web", mounted=False)]
    for minutes in ((0, 9), (9, 0)):
        told = why(objects, case("a", WEB, minutes[0]), case("b", SA, minutes[1]))
        assert "runs as ServiceAccount shop/web" in told[0]


def test_pods_of_one_owner_are_joined_whatever_they_are_called():
    driver = pod("spark-pi-driver")
    executors = [pod(name, owner=("Pod", "spark-pi-driver")) for name in ("exec-one", "exec-two")]
    cases = case("a", "shop/Pod/spark-pi-driver"), case("b", "shop/Pod/exec-one"), case("c", "shop/Pod/exec-two")
    assert all("lineage: both are of Pod shop/spark-pi-driver" in one for one in why([driver, *executors], *cases))


def test_an_escape_joins_the_node_after_the_container_and_is_named():
    objects = [pod("web-5d8f7c6b4-x2k4q", privileged=True, node="n1"), *NODES]
    [told] = why(objects, case("a", WEB), case("b", NODE, 9))
    assert "privileged container (T1611) gains root on node n1" in told
    assert why([pod("web-5d8f7c6b4-x2k4q", node="n1"), *NODES], case("a", WEB), case("b", NODE, 9)) == ()


def test_a_token_joins_its_account_and_the_account_what_it_may_do():
    objects = [WEBS, DBS, SHUT, *role("web", "pods/exec", "create")]
    told = why(objects, case("a", WEB), case("b", SA, 9), case("c", DB, 20))
    assert any("the pod's own token (T1528" in one and one.startswith("b after a") for one in told)
    assert any("runs commands in containers (T1609)" in one and one.startswith("c after b") for one in told)
    assert why([WEBS, DBS, SHUT], case("b", SA), case("c", DB, 9)) == ()


def test_a_call_joins_what_is_behind_a_service_where_policies_let_it():
    cases = case("a", WEB), case("b", DB, 9)
    assert "gains a call to Service shop/db" in why([WEBS, DBS, SERVICE], *cases)[0]
    assert why([WEBS, DBS, SERVICE, SHUT], *cases) == ()
    assert why([WEBS, DBS], *cases) == ()


def test_a_step_the_other_way_round_joins_nothing():
    assert why([WEBS, DBS, SERVICE], case("a", DB), case("b", WEB, 9)) == ()


def test_cases_far_apart_are_not_joined():
    assert why([WEBS, DBS, SERVICE], case("a", WEB), case("b", DB, 90)) == ()


def test_an_account_that_everything_runs_as_joins_nothing():
    many = [pod(f"app{'abcdefgh'[number % 8]}{number}", app=str(number)) for number in range(between.HUB + 1)]
    cases = case("a", f"shop/Pod/{many[0].name}", 0, f"shop/{many[0].name}"), case("b", "sa:shop/default")
    assert why(many[:-1], *cases)
    assert why(many, *cases) == ()


def test_answered_cases_are_not_asked_about():
    assert flow_incidents.links([WEBS, DBS, SERVICE], [case("a", WEB), case("b", DB, state="judged")]) == []


@pytest.mark.parametrize("name", ["sa:", "sa:x", "user:", "actor:", "node:", "host:", "", "/", "//", ":", "a/b/c/d"])
def test_subjects_of_any_shape_are_no_error(name):
    assert flow_incidents.links([WEBS], [case("a", name), case("b", WEB)]) == []


def test_names_in_objects_do_not_flood_the_reasons():
    container = {"name": "x" * 5_000, "image": "a", "securityContext": {"privileged": True}}
    body = {"nodeName": "n1", "containers": [container]}
    told = why([thing("Pod", "web-5d8f7c6b4-x2k4q", spec=body), *NODES], case("a", WEB), case("b", NODE, 9))
    assert all(len(one) < 500 for one in told)

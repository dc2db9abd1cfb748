import pytest

from plimsoll.paths.edges.rbac_config import edges
from tests.paths.clusters import may, model, pod, rule, thing
from tests.paths.shown import targets

AWS = thing("ConfigMap", "aws-auth", "kube-system", data={})


@pytest.mark.parametrize(
    ("names", "namespace", "expected"),
    [
        ("aws-auth", "kube-system", True),
        ("", "kube-system", True),
        ("coredns", "kube-system", False),
        ("aws-auth", "a", False),
    ],
)
def test_who_writes_the_map_of_aws_identities_is_administrator(names: str, namespace: str, expected: bool) -> None:
    told = (*may(rule("update", "configmaps", names=names), namespace=namespace), AWS)
    assert (targets(edges, "AWS_AUTH_WRITE", *told) == {"Sink:cluster-admin"}) is expected


def test_without_such_a_map_it_is_conditional() -> None:
    found = [one for one in edges(model(*may(rule("create update", "configmaps")))) if one.kind == "AWS_AUTH_WRITE"]
    assert targets(edges, "AWS_AUTH_WRITE", *may(rule("update", "configmaps"))) == set()
    assert {one.conditional for one in found if one.source == "SA:a/x"} == {True}


def test_names_of_the_cluster_are_changed_in_its_config_map() -> None:
    assert targets(edges, "COREDNS_WRITE", *may(rule("patch", "configmaps"), namespace="kube-system")) == {"Sink:mitm"}
    assert targets(edges, "COREDNS_WRITE", *may(rule("patch", "configmaps"), namespace="a")) == set()


@pytest.mark.parametrize(
    ("verbs", "resource", "group"),
    [
        ("create", "services", ""),
        ("patch", "services/status", ""),
        ("update", "endpoints", ""),
        ("create", "endpointslices", "discovery.k8s.io"),
    ],
)
def test_addresses_of_others_can_be_taken(verbs: str, resource: str, group: str) -> None:
    assert targets(edges, "SERVICE_MITM", *may(rule(verbs, resource, group), namespace="a")) == {"Sink:mitm"}


def test_an_api_group_is_not_answered_for_by_rights_of_a_namespace() -> None:
    rights = rule("create", "apiservices", "apiregistration.k8s.io")
    assert targets(edges, "SERVICE_MITM", *may(rights, namespace="a")) == set()
    assert targets(edges, "SERVICE_MITM", *may(rights)) == {"Sink:mitm"}


@pytest.mark.parametrize(("command", "certain"), [(["sh", "/scripts/run.sh"], True), (["app"], False)])
def test_a_script_in_a_config_map_is_code(command: list[str], certain: bool) -> None:
    container = {"command": command, "volumeMounts": [{"name": "v", "mountPath": "/scripts"}]}
    told = pod("p", container=container, volumes=[{"name": "v", "configMap": {"name": "scripts"}}])
    found = [
        one
        for one in edges(model(told, *may(rule("update", "configmaps", names="scripts"), namespace="a")))
        if one.kind == "CONFIGMAP_CODE"
    ]
    assert [(one.target, one.conditional) for one in found if one.source == "SA:a/x"] == [
        ("Container:a/p/c", not certain)
    ]


def test_a_config_map_that_cannot_change_is_none() -> None:
    told = pod(
        "p",
        container={"volumeMounts": [{"name": "v", "mountPath": "/s"}]},
        volumes=[{"name": "v", "projected": {"sources": [{"configMap": {"name": "m"}}]}}],
    )
    fixed = thing("ConfigMap", "m", "a", immutable=True)
    rights = may(rule("update", "configmaps"), namespace="a")
    assert targets(edges, "CONFIGMAP_CODE", told, fixed, *rights) == set()
    assert targets(edges, "CONFIGMAP_CODE", told, *rights) == {"Container:a/p/c"}

import pytest

from plimsoll.paths.edges import cloud
from tests.paths import clusters
from tests.paths.clusters import account, pod, thing
from tests.paths.familiar import kinds, steps

IMDS = ("IMDS", "Container:a/p/c", "Cloud:node")


def policy(*exceptions):
    block = {"cidr": "0.0.0.0/0", "except": list(exceptions)}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": block}]}]}
    return thing("NetworkPolicy", "e", "a", "networking.k8s.io/v1", spec=spec)


def annotated(**annotations):
    told = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
    return account("x") | {"metadata": {"name": "x", "namespace": "a", "annotations": told}}


def test_the_metadata_service_answers_whom_no_policy_keeps_from_it():
    assert IMDS in steps(cloud.edges, pod("p"))
    assert IMDS not in steps(cloud.edges, pod("p"), policy("169.254.169.254/32"))
    assert IMDS not in steps(cloud.edges, pod("p"), policy("169.254.0.0/16"))
    assert IMDS in steps(cloud.edges, pod("p"), policy("10.0.0.0/8"))


def test_policies_do_not_hold_the_nodes_network():
    assert IMDS in steps(cloud.edges, pod("p", hostNetwork=True), policy("169.254.169.254/32"))


def test_nodes_that_are_in_no_cloud_have_no_metadata():
    local = clusters.node("n1") | {"spec": {"providerID": "kind://docker/kind/n1"}}
    assert "IMDS" not in kinds(cloud.edges, local, pod("p"))


@pytest.mark.parametrize(
    ("annotations", "labels", "found"),
    [
        ({"eks_amazonaws_com__role-arn": "arn:aws:iam::1:role/r"}, {}, True),
        ({"iam_gke_io__gcp-service-account": "x@p.iam.gserviceaccount.com"}, {}, True),
        ({"azure_workload_identity__client-id": "id"}, {}, False),
        ({"azure_workload_identity__client-id": "id"}, {"azure.workload.identity/use": "true"}, True),
        ({"example_com__role": "r"}, {}, False),
        ({"eks_amazonaws_com__role-arn": ""}, {}, False),
    ],
)
def test_an_account_has_a_cloud_identity_by_its_annotation(annotations, labels, found):
    told = pod("p", serviceAccountName="x", automountServiceAccountToken=False, metadata={"labels": labels})
    drawn = steps(cloud.edges, annotated(**annotations), told)
    assert (("CLOUD_WORKLOAD_ID", "SA:a/x", "Cloud:a/x") in drawn) is found
    assert (("CLOUD_WORKLOAD_ID", "Container:a/p/c", "Cloud:a/x") in drawn) is found


def mapping(text):
    return thing("ConfigMap", "aws-auth", "kube-system", data={"mapRoles": text})


def test_a_mapped_role_comes_back_as_its_groups():
    told = "- rolearn: arn:aws:iam::1:role/teams/r\n  username: ops\n  groups: [system:masters]\n"
    known = annotated(**{"eks_amazonaws_com__role-arn": "arn:aws:iam::1:role/r"})
    assert ("CLOUD_RETURN", "Cloud:a/x", "Group:system:masters") in steps(cloud.edges, known, mapping(told))
    assert ("CLOUD_RETURN", "Cloud:arn:aws:iam::1:role/teams/r", "User:ops") in steps(cloud.edges, mapping(told))


def test_the_nodes_role_comes_back_as_nodes():
    told = "- rolearn: arn:aws:iam::1:role/n\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:nodes]\n"
    found = steps(cloud.edges, mapping(told), clusters.node("n1"))
    assert ("CLOUD_RETURN", "Cloud:node", "Group:system:nodes") in found
    assert ("CLOUD_RETURN", "Cloud:node", "User:system:node:n1") in found
    eks = clusters.node("n1", **{"eks.amazonaws.com/nodegroup": "g"})
    assert ("CLOUD_RETURN", "Cloud:node", "User:system:node:n1") in steps(cloud.edges, eks)


@pytest.mark.parametrize("told", ["- [", "- &a [*a]", "x" * 300_000, "7", "- rolearn: 7\n", "{}"])
def test_a_broken_mapping_maps_nothing(told):
    assert "CLOUD_RETURN" not in kinds(cloud.edges, mapping(told))


def test_what_the_cloud_allows_is_told_nowhere():
    assert {"CLOUD_NODE_WRITE", "CLOUD_STATE_STORE"} <= kinds(cloud.edges, pod("p"), conditional=True)

from plimsoll.paths.edges import node
from tests.paths import clusters
from tests.paths.clusters import pod
from tests.paths.familiar import edges, steps


def test_a_node_gives_its_pods_their_tokens_and_their_secrets():
    here = pod("p", nodeName="n1", serviceAccountName="x", imagePullSecrets=[{"name": "s"}])
    found = steps(node.edges, here, pod("q", nodeName="n2", serviceAccountName="y"))
    assert ("NODE_CONTROLS_POD", "Node:n1", "Container:a/p/c") in found
    assert ("NODE_TOKEN_THEFT", "Node:n1", "SA:a/x") in found
    assert ("NODE_SECRETS", "Node:n1", "Secret:a/s") in found
    assert ("NODE_SECRETS", "User:system:node:n1", "Secret:a/s") in found
    assert ("NODE_TOKEN_THEFT", "Node:n1", "SA:a/y") not in found


def test_a_token_that_is_not_mounted_is_not_on_the_node():
    told = pod("p", nodeName="n1", automountServiceAccountToken=False)
    assert not any(kind == "NODE_TOKEN_THEFT" for kind, _, _ in steps(node.edges, told))


def test_a_node_is_itself_to_the_api_and_to_the_cloud():
    found = steps(node.edges, clusters.node("n1"))
    assert ("NODE_IDENTITY", "Node:n1", "User:system:node:n1") in found
    assert ("NODE_CLOUD_IAM", "Node:n1", "Cloud:node") in found


def test_without_nodes_what_runs_is_on_any():
    assert ("NODE_TOKEN_THEFT", "Node:*", "SA:a/default") in steps(node.edges, pod("p"))


def test_a_node_of_the_control_plane_is_the_cluster():
    control = clusters.node("cp", **{"node-role.kubernetes.io/control-plane": ""})
    found = [one for one in edges(node.edges, control, clusters.node("n1")) if one.kind == "CONTROL_PLANE_TAKEOVER"]
    assert [(one.source, one.target, one.objects) for one in found] == [("Node:cp", "Sink:cluster-admin", ("Node/cp",))]


def test_keys_to_other_nodes_are_nowhere_told():
    found = steps(node.edges, clusters.node("n1"), clusters.node("n2"), conditional=True)
    assert ("HOST_SSH", "Node:n1", "Node:n2") in found

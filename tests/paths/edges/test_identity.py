from plimsoll.paths.edges import identity
from tests.paths.clusters import pod, thing
from tests.paths.familiar import steps

OWNER = {"annotations": {"kubernetes.io/service-account.name": "boss"}}


def token(name="t", namespace="a", kind="kubernetes.io/service-account-token", metadata=OWNER):
    return thing("Secret", name, namespace, metadata=metadata, type=kind)


def test_a_container_has_the_token_of_its_account():
    assert ("TOKEN_MOUNT", "Container:a/p/c", "SA:a/x") in steps(identity.edges, pod("p", serviceAccountName="x"))


def test_an_optional_secret_that_is_missing_gives_nothing():
    optional = pod("p", container={"envFrom": [{"secretRef": {"name": "s", "optional": True}}]})
    needed = pod("p", container={"envFrom": [{"secretRef": {"name": "s"}}]})
    edge = ("SECRET_MOUNT", "Container:a/p/c", "Secret:a/s")
    assert edge not in steps(identity.edges, optional)
    assert edge in steps(identity.edges, optional, thing("Secret", "s", "a"))
    assert edge in steps(identity.edges, needed)


def test_a_drivers_own_secret_may_be_handed_on():
    volume = {"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "s"}}}
    told = pod("p", container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=[volume])
    edge = ("SECRET_MOUNT", "Container:a/p/c", "Secret:a/s")
    assert edge in steps(identity.edges, told, conditional=True)
    assert edge not in steps(identity.edges, told)


def test_a_token_secret_is_its_account_and_no_other_secret_is():
    assert ("SECRET_TO_IDENTITY", "Secret:a/t", "SA:a/boss") in steps(identity.edges, token())
    assert steps(identity.edges, token(kind="Opaque")) == set()
    assert steps(identity.edges, token(metadata={})) == set()


def test_a_bootstrap_token_is_a_group_in_the_systems_namespace_only():
    kind = "bootstrap.kubernetes.io/token"
    edge = ("SECRET_TO_IDENTITY", "Secret:kube-system/t", "Group:system:bootstrappers")
    assert edge in steps(identity.edges, token(namespace="kube-system", kind=kind, metadata={}))
    assert steps(identity.edges, token(kind=kind, metadata={})) == set()


def test_an_ssh_key_may_open_nodes():
    assert ("HOST_SSH", "Secret:a/t", "Node:*") in steps(
        identity.edges, token(kind="kubernetes.io/ssh-auth"), conditional=True
    )

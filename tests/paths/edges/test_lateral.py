import pytest

from plimsoll.paths.edges import lateral
from tests.paths.clusters import pod
from tests.paths.familiar import kinds, steps


def pair(first=None, second=None, **spec):
    told = pod("p", container=first or {}, **spec)
    told["spec"]["containers"].append({"name": "d", **(second or {})})
    return told


def user(uid):
    return {"securityContext": {"runAsUser": uid}}


FORTH, BACK = (
    ("SHARE_PS_NAMESPACE", "Container:a/p/c", "Container:a/p/d"),
    ("SHARE_PS_NAMESPACE", "Container:a/p/d", "Container:a/p/c"),
)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ({}, {}, {FORTH, BACK}),
        (user(5), user(5), {FORTH, BACK}),
        (user(5), user(6), set()),
        (user(5), {}, {BACK}),
        ({"securityContext": {"capabilities": {"drop": ["ALL"]}}}, user(6), set()),
    ],
)
def test_shared_processes_open_to_the_same_user_and_to_who_may_become_any(first, second, found):
    assert steps(lateral.edges, pair(first, second, shareProcessNamespace=True)) == found
    assert steps(lateral.edges, pair(first, second)) == set()


def test_root_without_capabilities_does_not_enter_root_with_more():
    bare = {"securityContext": {"capabilities": {"drop": ["ALL"]}}}
    strong = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
    assert steps(lateral.edges, pair(bare, strong, shareProcessNamespace=True)) == {BACK}
    assert steps(lateral.edges, pair(bare, strong, shareProcessNamespace=True), conditional=True) == {FORTH}
    assert steps(lateral.edges, pair(bare, bare, shareProcessNamespace=True)) == {FORTH, BACK}


def test_a_container_that_has_ended_shares_nothing():
    told = pod("p", shareProcessNamespace=True, initContainers=[{"name": "i"}])
    assert steps(lateral.edges, told) == set()


def test_users_that_images_choose_may_be_the_same():
    unknown = {"securityContext": {"runAsNonRoot": True}}
    assert steps(lateral.edges, pair(unknown, unknown, shareProcessNamespace=True)) == set()
    assert steps(lateral.edges, pair(unknown, unknown, shareProcessNamespace=True), conditional=True) == {FORTH, BACK}


def test_a_shared_volume_is_a_maybe_from_who_writes_it():
    def mount(read_only):
        return {"volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": read_only}]}

    told = pair(mount(False), mount(True), volumes=[{"name": "v", "emptyDir": {}}])
    forth = ("SHARED_VOLUME", "Container:a/p/c", "Container:a/p/d")
    assert steps(lateral.edges, told) == set()
    assert steps(lateral.edges, told, conditional=True) == {forth}


def test_a_claim_is_shared_by_pods_too():
    def asking(name, read_only):
        mount = {"name": "v", "mountPath": "/v", "readOnly": read_only}
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
        return pod(name, container={"volumeMounts": [mount]}, volumes=[volume])

    found = steps(lateral.edges, asking("p", False), asking("q", True), conditional=True)
    assert ("SHARED_VOLUME", "Container:a/p/c", "Container:a/q/c") in found
    assert not any(source == "Container:a/q/c" for _, source, _ in found)


def test_the_nodes_network_carries_credentials_of_its_pods():
    sniffer = pod(
        "p", hostNetwork=True, nodeName="n", container={"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}
    )
    found = steps(lateral.edges, sniffer, pod("q", "b", nodeName="n", serviceAccountName="api"), pod("r", nodeName="m"))
    assert ("CE_NET_MITM", "Container:a/p/c", "Cloud:b/api") in found
    assert not any(target == "Cloud:a/default" for _, _, target in found)


def test_nobody_listens_in_with_what_every_container_has():
    assert "CE_NET_MITM" not in kinds(lateral.edges, pod("p"), pod("q"), conditional=True)
    assert "CE_NET_MITM" not in kinds(lateral.edges, pod("p", hostNetwork=True), pod("q"))


def test_the_nodes_processes_are_a_maybe_and_its_network_is_only_reached():
    assert kinds(lateral.edges, pod("p", hostPID=True), pod("q")) == set()
    assert "CE_HOSTPID_PROC" in kinds(lateral.edges, pod("p", hostPID=True), pod("q"), conditional=True)
    assert ("HOSTNET", "Container:a/p/c", "Node:*") in steps(lateral.edges, pod("p", hostNetwork=True))

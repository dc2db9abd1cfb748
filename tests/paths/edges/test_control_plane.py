import pytest

from plimsoll.paths.edges import control_plane
from tests.paths.clusters import account, bind, node, pod, role, rule, thing
from tests.paths.familiar import kinds, steps

KUBELET = "authentication:\n  anonymous:\n    enabled: {anonymous}\nauthorization:\n  mode: {mode}\n"
OUTSIDE = node("n1") | {"status": {"addresses": [{"type": "ExternalIP", "address": "203.0.113.1"}]}}


def kubelets(anonymous="true", mode="AlwaysAllow", text=None):
    told = text or KUBELET.format(anonymous=anonymous, mode=mode)
    return thing("ConfigMap", "kubelet-config", "kube-system", data={"kubelet": told})


def part(name, *flags, image="registry.k8s.io/x:v1.34.0", **spec):
    labels = {"component": name, "tier": "control-plane"}
    container = {"name": name, "image": image, "command": [name, *flags]}
    return thing(
        "Pod",
        f"{name}-n1",
        "kube-system",
        metadata={"labels": labels},
        spec={"nodeName": "n1", "containers": [container], **spec},
    )


@pytest.mark.parametrize(
    ("who", "open_"),
    [
        ("User:system:anonymous", True),
        ("Group:system:unauthenticated", True),
        ("Group:system:authenticated", False),
        ("Group:ops", False),
    ],
)
def test_a_binding_for_nobody_lets_everybody_in(who, open_):
    told = (role("r", rule("list", "secrets"), namespace=""), bind("b", "ClusterRole/r", who))
    found = ("ENTRY_ANON_RBAC", "Internet", "Anyone") in steps(control_plane.edges, *told)
    assert found is open_


def test_default_bindings_are_none():
    told = bind("system:public-info-viewer", "ClusterRole/system:public-info-viewer", "Group:system:unauthenticated")
    assert kinds(control_plane.edges, told) == set()


def test_on_gke_everybody_with_an_account_is_authenticated():
    told = (role("r", rule("list", "secrets"), namespace=""), bind("b", "ClusterRole/r", "Group:system:authenticated"))
    gke = node("n", **{"cloud.google.com/gke-nodepool": "p"})
    edge = ("ENTRY_ANON_RBAC", "Internet", "Group:system:authenticated")
    assert edge in steps(control_plane.edges, *told, gke)
    assert edge not in steps(control_plane.edges, *told, node("n"))
    assert edge not in steps(control_plane.edges, *told)
    assert edge in steps(control_plane.edges, *told, conditional=True)


def test_a_kubelet_that_asks_nobody_gives_the_containers_of_its_node():
    found = steps(control_plane.edges, kubelets(), OUTSIDE, pod("p", nodeName="n1"), pod("q", nodeName="n2"))
    assert ("ENTRY_KUBELET_ANON", "Internet", "Container:a/p/c") in found
    assert ("ENTRY_KUBELET_ANON", "Internet", "Container:a/q/c") not in found
    assert ("ENTRY_KUBELET_ANON", "Container:a/q/c", "Container:a/p/c") in found


@pytest.mark.parametrize(
    ("told", "outside", "inside"),
    [
        (kubelets(), True, True),
        (kubelets(anonymous="false"), False, True),
        (kubelets(mode="Webhook"), False, False),
        (kubelets(text="- ["), False, False),
        (kubelets(text="&a [*a]"), False, False),
    ],
)
def test_anonymous_and_authenticated_callers_are_told_apart(told, outside, inside):
    found = steps(control_plane.edges, told, OUTSIDE, account("x"), pod("p", nodeName="n1"))
    assert (("ENTRY_KUBELET_ANON", "Internet", "Container:a/p/c") in found) is outside
    assert (("ENTRY_KUBELET_ANON", "SA:a/x", "Container:a/p/c") in found) is inside


@pytest.mark.parametrize(
    ("flags", "open_"),
    [
        (["--listen-client-urls=http://0.0.0.0:2379"], True),
        (["--listen-client-urls=https://0.0.0.0:2379"], True),
        (["--listen-client-urls=https://0.0.0.0:2379", "--client-cert-auth=true"], False),
        (["--listen-client-urls=https://0.0.0.0:2379,http://10.0.0.1:2379", "--client-cert-auth=true"], True),
        (["--listen-client-urls=http://127.0.0.1:2379"], False),
        ([], False),
    ],
)
def test_etcd_asks_for_certificates_or_is_the_cluster(flags, open_):
    edge = ("ENTRY_ETCD", "Internet", "Sink:cluster-admin")
    assert (edge in steps(control_plane.edges, OUTSIDE, part("etcd", *flags))) is open_


def test_an_open_etcd_inside_is_open_to_pods():
    told = part("etcd", "--listen-client-urls=http://0.0.0.0:2379")
    found = steps(control_plane.edges, node("n1"), told, pod("p"))
    assert ("ENTRY_ETCD", "Container:a/p/c", "Sink:cluster-admin") in found
    assert not any(source == "Internet" for _, source, _ in found)


@pytest.mark.parametrize(
    ("flags", "image", "open_"),
    [
        (["--authorization-mode=AlwaysAllow"], "kube-apiserver:v1.34.0", True),
        (["--authorization-mode=AlwaysAllow", "--anonymous-auth=false"], "kube-apiserver:v1.34.0", False),
        (["--authorization-mode=Node,RBAC"], "kube-apiserver:v1.34.0", False),
        ([], "kube-apiserver:v1.34.0", False),
        (["--insecure-bind-address=0.0.0.0"], "kube-apiserver:v1.18.2", True),
        (["--insecure-bind-address=0.0.0.0", "--insecure-port=0"], "kube-apiserver:v1.18.2", False),
        (["--insecure-bind-address=0.0.0.0"], "kube-apiserver:v1.34.0", False),
    ],
)
def test_the_api_may_ask_nobody(flags, image, open_):
    told = part("kube-apiserver", *flags, image=f"registry.k8s.io/{image}")
    assert ("ENTRY_API_NOAUTH" in kinds(control_plane.edges, OUTSIDE, told)) is open_


def test_credentials_at_large_are_a_maybe():
    owner = {"annotations": {"kubernetes.io/service-account.name": "x"}}
    token = thing("Secret", "t", "a", metadata=owner, type="kubernetes.io/service-account-token")
    told = (account("x"), token, bind("b", "ClusterRole/view", "User:alice"))
    assert kinds(control_plane.edges, *told) == set()
    found = steps(control_plane.edges, *told, conditional=True)
    assert found == {("ENTRY_IDENTITY", "Internet", "SA:a/x"), ("ENTRY_IDENTITY", "Internet", "User:alice")}


def test_a_binding_that_poses_as_the_systems_stays_visible():
    wide = role("r", rule("*", "*", "*"), namespace="")
    told = (account("x"), wide, bind("system:controller:x", "ClusterRole/r", "SA:a/x"))
    assert ("PERSIST_IDENTITY", "Internet", "SA:a/x") in steps(control_plane.edges, *told, conditional=True)
    assert (
        kinds(control_plane.edges, account("x"), wide, bind("b", "ClusterRole/r", "SA:a/x"), conditional=True) == set()
    )

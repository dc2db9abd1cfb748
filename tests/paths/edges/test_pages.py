import pytest

from plimsoll.paths.edges import pages
from tests.paths.clusters import pod, thing
from tests.paths.familiar import kinds, steps

SERVICE = thing("Service", "s", "a", spec={"selector": {"app": "p"}, "ports": [{"port": 80}]})


def page(image, *args, name="p", **spec):
    return pod(
        name,
        serviceAccountName="x",
        container={"image": image, "args": list(args), **spec.pop("container", {})},
        **spec,
    )


@pytest.mark.parametrize(
    ("image", "args", "certain"),
    [
        ("docker.io/kubernetesui/dashboard:v2.7.0", ["--enable-skip-login"], True),
        ("docker.io/kubernetesui/dashboard:v2.7.0", [], False),
        ("k8s.gcr.io/kubernetes-dashboard-amd64:v1.6.3", [], True),
        ("k8s.gcr.io/kubernetes-dashboard-amd64:v1.8.3", [], False),
        ("quay.io/argoproj/argocli:v3.0.10", ["server", "--auth-mode=server"], True),
        ("quay.io/argoproj/argocli:v3.5.0", ["server", "--auth-mode=client"], False),
        ("quay.io/argoproj/argocli:v2.12.0", ["server"], True),
        ("gcr.io/kubeflow-images-public/centraldashboard:v1.0.0", [], True),
        ("docker.io/eipwork/kuboard:v3", [], True),
        ("quay.io/argoproj/argocd:v2.11.0", ["argocd-server"], False),
        ("nginx:1.27", [], False),
    ],
)
def test_a_page_acts_as_its_account_where_it_asks_for_no_login(image, args, certain):
    edge = ("ENTRY_ADMIN_UI", "Endpoint:a/s", "SA:a/x")
    assert (edge in steps(pages.edges, page(image, *args), SERVICE)) is certain


def test_a_login_that_nobody_tells_of_is_a_maybe():
    edge = ("ENTRY_ADMIN_UI", "Endpoint:a/s", "SA:a/x")
    assert edge in steps(pages.edges, page("kubernetesui/dashboard:v2.7.0"), SERVICE, conditional=True)


def test_a_page_with_a_terminal_gives_the_container():
    edge = ("ENTRY_ADMIN_UI", "Endpoint:a/s", "Container:a/p/c")
    assert edge in steps(pages.edges, page("docker.io/weaveworks/scope:1.9.1"), SERVICE)


def test_a_page_without_a_token_acts_as_nobody():
    told = page("centraldashboard:v1", automountServiceAccountToken=False)
    assert kinds(pages.edges, told, SERVICE) == set()


def test_a_port_that_obeys_anybody_acts_as_what_carries_it_out():
    controller = pod("argocd-application-controller", container={"image": "quay.io/argoproj/argocd:v2.11.0", "args": ["argocd-application-controller"]}, serviceAccountName="boss")  # fmt: skip
    cache = page("redis:7", name="argocd-redis", metadata={"labels": {"app": "p"}})
    locked = page("redis:7", "--requirepass", "x", name="argocd-redis", metadata={"labels": {"app": "p"}})
    other = page("redis:7", name="cache", metadata={"labels": {"app": "p"}})
    edge = ("CTRL_API_NOAUTH", "Endpoint:a/s", "SA:a/boss")
    assert edge in steps(pages.edges, cache, controller, SERVICE)
    assert edge not in steps(pages.edges, locked, controller, SERVICE)
    assert edge not in steps(pages.edges, other, controller, SERVICE)


@pytest.mark.parametrize(
    ("args", "env", "privileged", "found"),
    [
        (["--host=tcp://0.0.0.0:2375"], [], True, True),
        ([], [{"name": "DOCKER_TLS_CERTDIR", "value": ""}], True, True),
        ([], [{"name": "DOCKER_TLS_CERTDIR", "value": "/certs"}], True, False),
        (["--host=tcp://0.0.0.0:2375"], [], False, False),
    ],
)
def test_an_engine_inside_takes_commands_without_certificates(args, env, privileged, found):
    told = page("docker:24-dind", *args, container={"env": env, "securityContext": {"privileged": privileged}})
    assert ("ENTRY_RUNTIME_API" in kinds(pages.edges, told, SERVICE)) is found


def test_what_fetches_addresses_may_fetch_those_inside():
    told = page("ghcr.io/browserless/chrome:latest")
    assert ("ENDPOINT_SSRF", "Endpoint:a/s", "Cloud:node") in steps(pages.edges, told, SERVICE, conditional=True)

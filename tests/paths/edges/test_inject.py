import pytest

from plimsoll.paths.edges import inject
from tests.paths.clusters import account, may, pod, rule, thing
from tests.paths.familiar import steps

WRITES = (account("x"), *may(rule("create", "ingresses", "networking.k8s.io"), namespace="a"))
EDGE = ("INGRESS_INJECT", "SA:a/x", "SA:ingress/nginx")


def controller(tag, **spec):
    image = f"registry.k8s.io/ingress-nginx/controller:{tag}"
    return pod("nginx", "ingress", container={"image": image}, serviceAccountName="nginx", **spec)


@pytest.mark.parametrize(
    ("tag", "open_"), [("v1.1.0", True), ("v1.11.3", True), ("v1.12.0", True), ("v1.14.3", False), ("latest", False)]
)
def test_an_old_controller_runs_what_an_ingress_hides(tag, open_):
    assert (EDGE in steps(inject.edges, *WRITES, controller(tag))) is open_


def test_a_controller_that_allows_snippets_does_too():
    told = thing("ConfigMap", "c", "ingress", data={"allow-snippet-annotations": "true"})
    assert EDGE in steps(inject.edges, *WRITES, controller("v1.14.3"), told)


def test_it_takes_the_right_to_write_and_a_token_to_steal():
    reads = (account("x"), *may(rule("get", "ingresses", "networking.k8s.io")))
    assert EDGE not in steps(inject.edges, *reads, controller("v1.1.0"))
    assert EDGE not in steps(inject.edges, *WRITES, controller("v1.1.0", automountServiceAccountToken=False))

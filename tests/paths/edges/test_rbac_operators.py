from plimsoll.paths.edges.rbac_operators import edges
from tests.paths.clusters import account, bind, may, namespace, pod, rule
from tests.paths.shown import edges as shown
from tests.paths.shown import targets

FLUX = (
    account("kustomize-controller", "flux-system"),
    bind("f", "ClusterRole/cluster-admin", "SA:flux-system/kustomize-controller"),
)
WRITE = rule("create", "kustomizations", "kustomize.toolkit.fluxcd.io")


def test_who_writes_what_a_controller_applies_has_its_rights() -> None:
    assert targets(edges, "OPERATOR_CR", *may(WRITE, namespace="a"), *FLUX) == {"SA:flux-system/kustomize-controller"}


def test_without_the_controller_there_is_no_step() -> None:
    assert targets(edges, "OPERATOR_CR", *may(WRITE, namespace="a")) == set()


def test_a_controller_told_to_act_as_somebody_else_is_no_deputy() -> None:
    runs = pod(
        "k",
        "flux-system",
        serviceAccountName="kustomize-controller",
        container={"args": ["--default-service-account=apply"]},
    )
    assert targets(edges, "OPERATOR_CR", *may(WRITE, namespace="a"), *FLUX, runs) == set()


def test_resources_outside_the_controllers_namespace_may_not_count() -> None:
    argo = account("argocd-application-controller", "argocd")
    rights = rule("create", "applications", "argoproj.io")
    assert targets(edges, "OPERATOR_CR", *may(rights, namespace="a"), argo) == set()
    assert targets(edges, "OPERATOR_CR", *may(rights, namespace="argocd"), argo) == {
        "SA:argocd/argocd-application-controller"
    }


def test_a_controller_that_makes_pods_makes_them_in_the_resources_namespace() -> None:
    controller = pod(
        "wc", "argo", serviceAccountName="wc", container={"image": "quay.io/argoproj/workflow-controller:v3"}
    )
    told = (
        *may(rule("create", "workflows", "argoproj.io"), namespace="a"),
        *may(rule("create", "pods"), who="SA:argo/wc", name="wc"),
        *(controller, account("boss"), account("other", "b"), namespace("a"), namespace("b")),
    )
    found = shown(edges, *told)
    assert ("OPERATOR_CR", "SA:a/x", "SA:argo/wc") in found
    assert ("POD_CREATE_SA", "SA:argo/wc", "SA:a/boss") in found
    assert ("POD_CREATE_NODE", "SA:argo/wc", "Node:*") in found
    assert ("POD_CREATE_SA", "SA:argo/wc", "SA:b/other") not in found

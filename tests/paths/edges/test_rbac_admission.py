import pytest

from plimsoll.paths.edges.rbac_admission import edges
from tests.paths.clusters import may, namespace, rule, thing
from tests.paths.shown import targets

GROUP = "admissionregistration.k8s.io"
LABEL = {"pod-security.kubernetes.io__enforce": "restricted"}
ADMIN = {"Sink:cluster-admin"}


@pytest.mark.parametrize("names", ["", "own"])
@pytest.mark.parametrize("verb", ["update", "patch"])
def test_a_mutating_webhook_of_ones_own_is_everything_whatever_its_name(verb: str, names: str) -> None:
    told = may(rule(verb, "mutatingwebhookconfigurations", GROUP, names))
    assert targets(edges, "WEBHOOK_WRITE", *told) == ADMIN


def test_a_validating_webhook_is_only_taken_away() -> None:
    told = may(rule("update", "validatingwebhookconfigurations", GROUP))
    assert targets(edges, "WEBHOOK_WRITE", *told) == set()
    assert targets(edges, "ADMISSION_DISABLE", *told) == {"Namespace:*"}


def test_a_mutating_policy_needs_its_binding() -> None:
    policy, binding = (rule("create", f"mutatingadmissionpolic{end}", GROUP) for end in ("ies", "ybindings"))
    assert targets(edges, "WEBHOOK_WRITE", *may(policy, binding)) == ADMIN
    assert targets(edges, "WEBHOOK_WRITE", *may(policy)) == set()
    bound = thing("MutatingAdmissionPolicyBinding", "b", api=f"{GROUP}/v1")
    assert targets(edges, "WEBHOOK_WRITE", *may(rule("update", "mutatingadmissionpolicies", GROUP)), bound) == ADMIN


def test_rights_of_a_namespace_write_no_webhook() -> None:
    assert targets(edges, "WEBHOOK_WRITE", *may(rule("*", "*", "*"), namespace="a")) == set()


def test_the_label_of_a_named_namespace_can_be_taken_off() -> None:
    told = (*may(rule("patch", "namespaces", names="a")), namespace("a", **LABEL), namespace("b", **LABEL))
    assert targets(edges, "ADMISSION_DISABLE", *told) == {"Namespace:a"}
    assert targets(edges, "ADMISSION_DISABLE", *may(rule("patch", "namespaces")), namespace("a")) == set()


def test_a_namespace_is_of_use_to_one_who_creates_pods_everywhere() -> None:
    assert targets(edges, "NAMESPACE_CREATE", *may(rule("create", "namespaces pods"))) == {"Namespace:*"}
    inside = (*may(rule("create", "namespaces"), name="n"), *may(rule("create", "pods"), namespace="a"))
    assert targets(edges, "NAMESPACE_CREATE", *inside) == set()


def test_conversion_and_constraints_are_told() -> None:
    told = may(rule("update", "customresourcedefinitions", "apiextensions.k8s.io"))
    assert targets(edges, "CRD_CONVERSION", *told) == {"Sink:custom-resources"}
    wide = may(rule("use", "securitycontextconstraints", "security.openshift.io", "privileged"), namespace="a")
    assert targets(edges, "SCC_PSP_USE", *wide) == {"Namespace:a"}
    narrow = may(rule("use", "securitycontextconstraints", "security.openshift.io", "restricted-v2"))
    assert targets(edges, "SCC_PSP_USE", *narrow) == set()

import pytest

from plimsoll.paths import admission
from tests.paths.clusters import model, namespace, thing

SORTS = ("privileged", "hostPath", "hostPID", "capabilities")
GATEKEEPER = ("K8sPSPPrivilegedContainer", "K8sPSPHostFilesystem", "K8sPSPHostNamespace", "K8sPSPCapabilities")


def admits(*bodies, name: str = "a") -> bool:
    return admission.admits(model(namespace("a"), namespace("b"), *bodies), name)


def kyverno(action: str = "Enforce", level: str = "baseline", match=None, **spec):
    rule = {
        "match": match or {"any": [{"resources": {"kinds": ["Pod"]}}]},
        "validate": {"podSecurity": {"level": level}},
    }
    told = {"validationFailureAction": action, "rules": [rule], **spec}
    return thing("ClusterPolicy", "k", api="kyverno.io/v1", spec=told)


def test_without_a_label_or_an_engine_an_escaping_pod_is_let_in() -> None:
    assert admits()
    assert admits(name="unknown")


@pytest.mark.parametrize(("level", "expected"), [("baseline", False), ("restricted", False), ("privileged", True)])
def test_the_label_that_is_enforced_counts(level: str, expected: bool) -> None:
    assert admission.admits(model(namespace("a", **{"pod-security.kubernetes.io__enforce": level})), "a") is expected


def test_kyverno_counts_while_it_enforces_and_fails_closed() -> None:
    assert not admits(kyverno())
    assert admits(kyverno("Audit"))
    assert admits(kyverno(failurePolicy="Ignore"))
    assert admits(kyverno(match={"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["b"]}}]}))
    assert admits(kyverno(match={"any": [{"resources": {"kinds": ["Service"]}}]}))


def gatekeeper(kind: str, **spec):
    return thing(kind, "g", api="constraints.gatekeeper.sh/v1beta1", spec=spec)


def test_every_sort_of_escape_must_be_refused() -> None:
    assert not admits(*(gatekeeper(kind) for kind in GATEKEEPER))
    assert admits(*(gatekeeper(kind) for kind in GATEKEEPER[1:]))


@pytest.mark.parametrize(
    "spec",
    [
        {"enforcementAction": "dryrun"},
        {"match": {"excludedNamespaces": ["a"]}},
        {"match": {"namespaces": ["b"]}},
        {"match": {"namespaceSelector": {"matchLabels": {"x": "y"}}}},
    ],
)
def test_a_constraint_counts_where_it_holds(spec: dict[str, object]) -> None:
    assert admits(*(gatekeeper(kind, **spec) for kind in GATEKEEPER))


def policy(failure: str = "Fail", actions: tuple[str, ...] = ("Deny",), **place):
    rules = [{"resources": ["pods"], "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"]}]
    spec = {
        "failurePolicy": failure,
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": " ".join(SORTS)}],
    }
    binding = {"policyName": "v", "validationActions": list(actions), "matchResources": place}
    group = "admissionregistration.k8s.io/v1"
    return (
        thing("ValidatingAdmissionPolicy", "v", api=group, spec=spec),
        thing("ValidatingAdmissionPolicyBinding", "v", api=group, spec=binding),
    )


def test_a_policy_of_the_api_server_counts_where_it_is_bound_to_deny() -> None:
    assert not admits(*policy())
    assert admits(*policy(actions=("Warn", "Audit")))
    assert admits(*policy("Ignore"))
    assert admits(policy()[0])
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "b"}}
    assert admits(*policy(namespaceSelector=selector))
    assert not admits(*policy(namespaceSelector=selector), name="b")


def test_what_keeps_it_out_is_told() -> None:
    assert "refuse it" in admission.why_not(model(namespace("a"), *policy()), "a")
    assert admission.admitting(model(namespace("a"), *policy()), "") == []

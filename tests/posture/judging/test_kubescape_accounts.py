from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

TOKEN = "spec.automountServiceAccountToken"


def account(more="", name="default", place="shop"):
    return f"{{kind: ServiceAccount, metadata: {{name: {name}, namespace: {place}}}{more}}}"


FORGOES = ", automountServiceAccountToken: false"


@pytest.mark.parametrize(
    ("body", "others", "found"),
    [
        (pod(), [], True),
        (pod(), [account()], True),
        (pod(), [account(FORGOES)], False),
        (pod(), [account(FORGOES, place="other")], True),
        (pod("automountServiceAccountToken: true"), [account(FORGOES)], True),
        (pod("automountServiceAccountToken: false"), [account()], False),
    ],
)
def test_the_pod_decides_about_its_token_then_its_account(body, others, found):
    assert fields("kubescape_accounts.token", body, *others) == ([TOKEN] if found else [])


def test_a_token_matters_more_where_a_binding_gives_it_rights():
    subject = "{kind: ServiceAccount, name: default, namespace: shop}"
    binding = f"{{kind: RoleBinding, metadata: {{namespace: shop}}, subjects: [{subject}], roleRef: {{name: r}}}}"
    assert fields("kubescape_accounts.token_with_rights", pod(), binding) == [TOKEN]
    assert fields("kubescape_accounts.token_with_rights", pod()) == []
    assert fields("kubescape_accounts.token_with_rights", pod("automountServiceAccountToken: false"), binding) == []


def test_the_default_account_should_keep_its_token():
    assert fields("kubescape_accounts.default_with_token", account()) == ["automountServiceAccountToken"]
    assert fields("kubescape_accounts.default_with_token", account(FORGOES)) == []
    assert fields("kubescape_accounts.default_with_token", account(name="web")) == []


@pytest.mark.parametrize(
    ("name", "labels", "found"),
    [("default", "{}", 1), ("default", "{kubernetes.io/bootstrapping: rbac-defaults}", 0), ("web", "{}", 0)],
)
def test_the_default_account_should_have_no_rights(name, labels, found):
    subject = f"{{kind: ServiceAccount, name: {name}, namespace: shop}}"
    binding = (
        f"{{kind: ClusterRoleBinding, metadata: {{labels: {labels}}}, subjects: [{{kind: User, name: u}}, {subject}]}}"
    )
    assert len(fields("kubescape_accounts.default_with_rights", binding)) == found


@pytest.mark.parametrize(
    ("test", "key"),
    [
        ("cloud_identity", "eks.amazonaws.com/role-arn"),
        ("cloud_identity", "iam.gke.io/gcp-service-account"),
        ("azure_identity", "azure.workload.identity/client-id"),
    ],
)
def test_an_account_stands_for_an_identity_of_a_cloud(test, key):
    body = f"{{kind: ServiceAccount, metadata: {{name: a, annotations: {{{key}: x}}}}}}"
    assert fields(f"kubescape_accounts.{test}", body) == [f"metadata.annotations[{key}]"]
    assert fields(f"kubescape_accounts.{test}", account()) == []


def test_the_dashboards_account_is_for_the_dashboard():
    runs = "serviceAccountName: kubernetes-dashboard"
    assert fields("kubescape_accounts.account_of_dashboard", pod(runs)) == ["spec.serviceAccountName"]
    assert fields("kubescape_accounts.account_of_dashboard", pod(runs, name="kubernetes-dashboard-1")) == []
    assert fields("kubescape_accounts.account_of_dashboard", pod()) == []


def test_a_namespace_wants_an_account_of_its_own():
    space = "{kind: Namespace, metadata: {name: shop}}"
    assert fields("kubescape_accounts.namespace_without_account", space, account()) == [""]
    assert fields("kubescape_accounts.namespace_without_account", space, account(name="web")) == []


def test_an_account_that_is_named_should_be_there():
    named = pod("serviceAccountName: web")
    assert fields("kubescape_accounts.missing_account", named) == ["spec.serviceAccountName"]
    assert fields("kubescape_accounts.missing_account", named, account(name="web", place="other")) != []
    assert fields("kubescape_accounts.missing_account", named, account(name="web")) == []
    assert fields("kubescape_accounts.missing_account", pod("serviceAccountName: default")) == []


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("serviceAccount: a", 1),
        ("serviceAccount: a, serviceAccountName: b", 1),
        ("serviceAccount: a, serviceAccountName: a", 0),
        ("serviceAccountName: a", 0),
    ],
)
def test_the_old_field_alone_is_no_longer_meant(told, found):
    assert len(fields("kubescape_accounts.old_field", pod(told))) == found

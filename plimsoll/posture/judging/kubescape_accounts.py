"""Service accounts: whose token a pod holds, and what cloud it opens."""

from __future__ import annotations

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.bindings import bound, bound_by
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found
from plimsoll.posture.judging.whole import named, namespace, once
from plimsoll.posture.objects import Cluster, Object, text

_CLOUDS = {
    "eks.amazonaws.com/role-arn": "the role of AWS",
    "iam.gke.io/gcp-service-account": "the service account of Google Cloud",
}
_AZURE = "azure.workload.identity/client-id"
_DEFAULT_LABEL = "kubernetes.io/bootstrapping"
BOOTSTRAPPED = "rbac-defaults"
_DASHBOARD = "kubernetes-dashboard"


def account_of(one: Object, cluster: Cluster) -> Object | None:
    """Return the ServiceAccount of a workload, where it is among the objects."""
    return named(cluster, "ServiceAccount", namespace(one), one.pod.service_account) if one.pod else None


def holds_token(one: Object, cluster: Cluster) -> bool:
    """Say whether a workload's pods hold the token of their ServiceAccount.

    >>> pod = Object({"kind": "Pod", "spec": {"automountServiceAccountToken": False}})
    >>> holds_token(pod, Cluster([pod]))
    False
    """
    if one.pod is None:
        return False
    told = one.pod.spec.get("automountServiceAccountToken")
    if told is None:
        account = account_of(one, cluster)
        told = account.body.get("automountServiceAccountToken") if account else None
    return told is not False


@test(*MAKERS)
def token(one: Object, cluster: Cluster) -> Found:
    """The token of the ServiceAccount is mounted."""
    if one.pod and holds_token(one, cluster):
        yield Violation(
            f"{one.pod.field}.automountServiceAccountToken", f"the token of {one.pod.service_account} is mounted"
        )


@test(*MAKERS)
def token_with_rights(one: Object, cluster: Cluster) -> Found:
    """The token of a ServiceAccount with rights is mounted."""
    if one.pod and holds_token(one, cluster):
        found = bound(cluster, "ServiceAccount", namespace(one), one.pod.service_account)
        if found:
            said = f"{one.pod.service_account} has rights by {found[0].binding.kind} {found[0].binding.name}"
            yield Violation(f"{one.pod.field}.automountServiceAccountToken", said)


@test("ServiceAccount")
def default_with_token(one: Object, _: Cluster) -> Found:
    """The default ServiceAccount gives its token to every pod that names no other."""
    if one.name == "default" and one.body.get("automountServiceAccountToken") is not False:
        yield Violation("automountServiceAccountToken", "pods that name no ServiceAccount get its token")


@test("RoleBinding", "ClusterRoleBinding")
def default_with_rights(one: Object, cluster: Cluster) -> Found:
    """A default ServiceAccount was given rights."""
    if one.labels.get(_DEFAULT_LABEL) != BOOTSTRAPPED:
        for grant in bound_by(one, cluster):
            if grant.subject[0] == "ServiceAccount" and grant.subject[2] == "default":
                yield Violation(grant.field, f"the default ServiceAccount of {grant.subject[1]} is bound")


@test("ServiceAccount")
def cloud_identity(one: Object, _: Cluster) -> Found:
    """A ServiceAccount stands for an identity of AWS or Google Cloud."""
    for key, what in _CLOUDS.items():
        if identity := text(one.annotations.get(key)):
            yield Violation(f"metadata.annotations[{key}]", f"it is {what}, {identity}")


@test("ServiceAccount")
def azure_identity(one: Object, _: Cluster) -> Found:
    """A ServiceAccount stands for an identity of Azure."""
    if identity := text(one.annotations.get(_AZURE)):
        yield Violation(f"metadata.annotations[{_AZURE}]", f"it is the identity of Azure {identity}")


@test(*MAKERS)
def account_of_dashboard(one: Object, _: Cluster) -> Found:
    """A workload that is not the dashboard runs with its ServiceAccount."""
    pod = one.pod
    if pod and pod.service_account == _DASHBOARD and not _is_dashboard(one):
        yield Violation(f"{pod.field}.serviceAccountName", "it runs with the ServiceAccount of the dashboard")


def _is_dashboard(one: Object) -> bool:
    images = [text(container.body.get("image")) for container in one.pod.containers] if one.pod else []
    return one.name.startswith(_DASHBOARD) or any("kubernetesui/" in image for image in images)


@once
def _with_accounts(cluster: Cluster) -> frozenset[str]:
    return frozenset(namespace(one) for one in cluster.of("ServiceAccount") if one.name != "default")


@test("Namespace")
def namespace_without_account(one: Object, cluster: Cluster) -> Found:
    """A namespace has no ServiceAccount but default."""
    if one.name not in _with_accounts(cluster):
        yield Violation("", f"namespace {one.name} has no ServiceAccount of its own")


@test(*MAKERS, "ReplicationController")
def missing_account(one: Object, cluster: Cluster) -> Found:
    """A workload names a ServiceAccount that is not there."""
    pod = one.pod
    if pod and pod.service_account != "default" and account_of(one, cluster) is None:
        field = "serviceAccountName" if pod.spec.get("serviceAccountName") else "serviceAccount"
        yield Violation(f"{pod.field}.{field}", f"there is no ServiceAccount {pod.service_account} in {namespace(one)}")


@test(*MAKERS, "ReplicationController")
def old_field(one: Object, _: Cluster) -> Found:
    """The ServiceAccount is named by the field of old alone, or by both in different ways."""
    pod = one.pod
    old = text(pod.spec.get("serviceAccount")) if pod else ""
    if pod and old and old != pod.spec.get("serviceAccountName"):
        yield Violation(f"{pod.field}.serviceAccount", f"serviceAccount is {old}, serviceAccountName is not")

"""Who may do what leads further in a cluster: each risky right, and the subjects that a binding gives it to.

A ServiceAccount that is among the objects is told of itself; everybody else is told of in the binding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.bindings import BINDINGS, Bound, bound, bound_by
from plimsoll.posture.judging.kubescape_accounts import BOOTSTRAPPED, holds_token
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found
from plimsoll.posture.judging.rights import Right, Rule, given, gives, right, rules
from plimsoll.posture.judging.whole import named, namespace
from plimsoll.posture.objects import Cluster, Object

_RBAC = "rbac.authorization.k8s.io"
_CSR = "certificates.k8s.io"
_HOOKS = "admissionregistration.k8s.io"
_CONTROLLERS = "deployments daemonsets statefulsets replicasets"
_ANONYMOUS = frozenset(("system:anonymous", "system:unauthenticated"))
_AUTHENTICATED = "system:authenticated"
_FOR_EVERYBODY = frozenset(("system:basic-user", "system:discovery", "system:public-info-viewer"))
"""What Kubernetes gives everybody who signed in."""
_DASHBOARD = "kubernetes-dashboard"
_LABEL = "kubernetes.io/bootstrapping"
_SIGNERS = frozenset(("kubernetes.io/*", "kubernetes.io/kube-apiserver-client"))

Where = Callable[[str], bool]
"""Whether it matters in a namespace; the empty one is all of them."""


def _anywhere(_: str) -> bool:
    return True


def _everywhere(where: str) -> bool:
    return not where


def _privileged(where: str) -> bool:
    return not where or where in kubescape_defaults.PRIVILEGED_NAMESPACES


def _ordinary(where: str) -> bool:
    return bool(where) and where not in kubescape_defaults.PRIVILEGED_NAMESPACES


class _Risk(NamedTuple):
    """A right that leads further."""

    said: str
    rights: tuple[Right, ...]
    where: Where = _anywhere


_WRITES_CONTROLLERS = (
    right("update patch", _CONTROLLERS, "apps extensions"),
    right("update patch", "jobs cronjobs", "batch"),
    right("update patch", "replicationcontrollers"),
    right("create", _CONTROLLERS, "apps extensions", whole=True),
    right("create", "jobs cronjobs", "batch", whole=True),
    right("create", "replicationcontrollers", whole=True),
)
RISKS = {
    "run_commands": _Risk("may run commands in pods", (right("create", "pods/exec"),)),
    "forward_ports": _Risk("may forward ports of pods", (right("create", "pods/portforward"),)),
    "read_secrets": _Risk("may read secrets", (right("get list watch", "secrets"),)),
    "everything": _Risk("may do everything with everything", (right("*", "*"),)),
    "create_pods": _Risk("may create pods", (right("create", "pods"),)),
    "create_volumes": _Risk("may create volumes of any folder", (right("create", "persistentvolumes"),)),
    "create_volumes_v1": _Risk("may create volumes of any folder", (right("create", "persistentvolumes", whole=True),)),
    "node_proxy": _Risk("may speak to kubelets", (right("get create connect", "nodes/proxy"),)),
    "node_proxy_v1": _Risk("may speak to kubelets", (right("get create", "nodes/proxy", whole=True),)),
    "approve_certificates": _Risk(
        "may approve certificates", (right("update patch", "certificatesigningrequests/approval", _CSR),)
    ),
    "bind": _Risk("may bind any role", (right("bind", "roles clusterroles", _RBAC),)),
    "bind_v1": _Risk("may bind any role", (right("bind", "roles clusterroles", _RBAC, whole=True),)),
    "escalate": _Risk("may give roles rights it lacks", (right("escalate", "roles clusterroles", _RBAC),)),
    "escalate_v1": _Risk(
        "may give roles rights it lacks", (right("escalate", "roles clusterroles", _RBAC, whole=True),)
    ),
    "impersonate": _Risk(
        "may act as others", (right("impersonate", "users groups serviceaccounts uids", "core authentication.k8s.io"),)
    ),
    "impersonate_v1": _Risk(
        "may act as others",
        (right("impersonate", "users groups serviceaccounts uids", "core authentication.k8s.io", whole=True),),
    ),
    "create_tokens": _Risk("may make tokens of ServiceAccounts", (right("create", "serviceaccounts/token"),)),
    "create_tokens_v1": _Risk(
        "may make tokens of ServiceAccounts", (right("create", "serviceaccounts/token", whole=True),)
    ),
    "change_webhooks": _Risk(
        "may change admission webhooks",
        (
            right(
                "create update patch delete",
                "validatingwebhookconfigurations mutatingwebhookconfigurations",
                _HOOKS,
            ),
        ),
    ),
    "delete_events": _Risk("may delete events", (right("delete deletecollection", "events", "core events.k8s.io"),)),
    "delete_much": _Risk(
        "may delete what the cluster runs",
        (
            right(
                "delete deletecollection",
                f"secrets pods services {_CONTROLLERS} jobs cronjobs",
                "core apps extensions batch",
            ),
        ),
    ),
    "change_dns": _Risk("may change the configuration of CoreDNS", (right("update patch", "configmaps"),)),
    "assign_accounts": _Risk(
        "may start pods with any ServiceAccount",
        (right("create", "pods", whole=True), *_WRITES_CONTROLLERS),
        _privileged,
    ),
    "debug_pods": _Risk("may put containers into running pods", (right("update patch", "pods/ephemeralcontainers"),)),
    "issue_tokens": _Risk(
        "may write secrets, and so issue tokens", (right("create update patch", "secrets", whole=True),), _privileged
    ),
    "change_node_status": _Risk("may relabel nodes", (right("update patch", "nodes/status"),), _everywhere),
    "change_pod_status": _Risk("may relabel pods", (right("update patch", "pods/status"),)),
    "change_service_status": _Risk("may redirect Services", (right("update patch", "services/status"),)),
    "change_privileged_pods": _Risk(
        "may change pods of the cluster's own", (right("update patch", "pods", whole=True),), _privileged
    ),
    "enter_ordinary_pods": _Risk(
        "may run code in pods", (right("update patch", "pods"), right("create", "pods/exec")), _ordinary
    ),
    "reach_ordinary_tokens": _Risk(
        "may get tokens of ServiceAccounts",
        (
            right("get update patch", "secrets"),
            right("list create", "secrets", whole=True),
            right("create", "serviceaccounts/token"),
        ),
        _ordinary,
    ),
}
"""By the name of their test."""


def _holder(grant: Bound, cluster: Cluster) -> Object | None:
    kind, place, name = grant.subject
    return named(cluster, kind, place, name) if kind == "ServiceAccount" else None


def is_of_kubernetes(grant: Bound) -> bool:
    """Say whether a binding is one that Kubernetes itself makes for its own parts."""
    return grant.binding.labels.get(_LABEL) == BOOTSTRAPPED and grant.subject[2].startswith("system:")


def grants(one: Object, cluster: Cluster) -> Iterator[tuple[str, Bound]]:
    """Yield the bindings that are told of in an object, with the field: a ServiceAccount's own, or a binding's others."""
    if one.kind == "ServiceAccount":
        yield from (("", grant) for grant in bound(cluster, one.kind, namespace(one), one.name))
    else:
        for grant in bound_by(one, cluster):
            if _holder(grant, cluster) is None and not is_of_kubernetes(grant):
                yield grant.field, grant


def who(grant: Bound) -> str:
    """Return a subject and how it came to its role, in words."""
    kind, place, name = grant.subject
    subject = f"{kind} {place}/{name}" if place else f"{kind} {name}"
    return f"{subject[:200]}, by {grant.binding.kind} {grant.binding.name[:100]} and {grant.role_name[:100]},"


def _judge(risk: _Risk, one: Object, cluster: Cluster) -> Found:
    for field, grant in grants(one, cluster):
        if grant.role is not None and risk.where(grant.where):
            rule = next(given(grant.role, risk.rights), None)
            if rule is not None:
                yield Violation(field, f"{who(grant)} {risk.said} (rule {rule + 1})")


def _register(name: str, risk: _Risk) -> None:
    @test(*BINDINGS, "ServiceAccount", name=name)
    def judged(one: Object, cluster: Cluster) -> Found:
        yield from _judge(risk, one, cluster)


for _name, _risk in RISKS.items():
    _register(_name, _risk)


# Rights that are a risk together


class _Part(NamedTuple):
    """What a subject needs one of."""

    rights: tuple[Right, ...]
    where: Where


_STEAL = (
    _Part(
        (
            right("update patch", "pods"),
            right("delete deletecollection", "pods", whole=True),
            right("create", "pods/eviction", whole=True),
        ),
        _privileged,
    ),
    _Part((right("update patch", "nodes nodes/status"),), _everywhere),
)
_APPROVE = (
    _Part((right("create", "certificatesigningrequests", _CSR),), _everywhere),
    _Part((right("get list watch", "certificatesigningrequests", _CSR),), _everywhere),
    _Part((right("update patch", "certificatesigningrequests/approval", _CSR),), _everywhere),
    _Part((right("approve", "signers", _CSR),), _everywhere),
)


def _has(part: _Part, held: Sequence[Bound]) -> Bound | None:
    return next((grant for grant in held if part.where(grant.where) and _gives_part(grant, part)), None)


def _gives_part(grant: Bound, part: _Part) -> bool:
    held = rules(grant.role) if grant.role is not None else ()
    return any(gives(rule, one) and _is_signer(rule, one) for rule in held for one in part.rights)


def _is_signer(rule: Rule, wanted: Right) -> bool:
    """Say whether a rule about signers, if it is one, means the signer of clients."""
    return "signers" not in wanted.resources or not rule.names or not rule.names.isdisjoint(_SIGNERS)


def _together(parts: tuple[_Part, ...], said: str, one: Object, cluster: Cluster) -> Found:
    told = set()
    for field, grant in grants(one, cluster):
        if grant.subject not in told:
            told.add(grant.subject)
            found = [_has(part, bound(cluster, *grant.subject)) for part in parts]
            first = found[0]
            if all(found) and first and (one.kind == "ServiceAccount" or first.binding is one):
                yield Violation(field, f"{who(grant)} {said}")


@test(*BINDINGS, "ServiceAccount")
def steal_pods(one: Object, cluster: Cluster) -> Found:
    """A subject may drive pods of the cluster's own to a node of its choice."""
    yield from _together(_STEAL, "may drive pods to a node it holds", one, cluster)


@test(*BINDINGS, "ServiceAccount")
def make_certificates(one: Object, cluster: Cluster) -> Found:
    """A subject may make certificates of any user."""
    yield from _together(_APPROVE, "may make certificates of any user", one, cluster)


# Subjects and roles by name


@test(*BINDINGS)
def anonymous(one: Object, cluster: Cluster) -> Found:
    """Those who did not sign in are given rights."""
    for grant in bound_by(one, cluster):
        if grant.subject[2] in _ANONYMOUS:
            yield Violation(grant.field, f"{grant.subject[2]} is given {grant.role_name[:100]}")


@test(*BINDINGS)
def authenticated(one: Object, cluster: Cluster) -> Found:
    """Everybody who signed in is given more than Kubernetes gives."""
    for grant in bound_by(one, cluster):
        if grant.subject[2] == _AUTHENTICATED and grant.role_name not in _FOR_EVERYBODY:
            yield Violation(grant.field, f"{_AUTHENTICATED} is given {grant.role_name[:100]}")


@test("ClusterRoleBinding")
def cluster_admin(one: Object, cluster: Cluster) -> Found:
    """A subject is given cluster-admin."""
    for grant in bound_by(one, cluster):
        if grant.role_name == "cluster-admin" and not is_of_kubernetes(grant):
            yield Violation(grant.field, f"{who(grant)} may do everything")


@test(*BINDINGS)
def dashboard(one: Object, cluster: Cluster) -> Found:
    """Another than the dashboard is given the dashboard's rights."""
    for grant in bound_by(one, cluster):
        if grant.role_name == _DASHBOARD and grant.subject[2] != _DASHBOARD:
            yield Violation(grant.field, f"{grant.subject[2][:100]} is given the rights of the dashboard")


@test(*BINDINGS, "ServiceAccount")
def any_rights(one: Object, cluster: Cluster) -> Found:
    """A ServiceAccount has rights."""
    for field, grant in grants(one, cluster):
        if grant.subject[0] == "ServiceAccount" and grant.role is not None and rules(grant.role):
            yield Violation(field, f"{who(grant)} has rights")


@test("Role")
def role_to_review(one: Object, _: Cluster) -> Found:
    """Who is given a role is to be looked at where users come from a cloud."""
    yield Violation("", f"role {one.name} has {len(rules(one))} rules")


# Workloads by the rights of their token

_TAKEOVER = (
    right("get list watch", "secrets"),
    right("create update patch", "pods"),
    right("create update patch", _CONTROLLERS, "apps extensions"),
    right("create update patch", "jobs cronjobs", "batch"),
)


def _workload_with(wanted: tuple[Right, ...], said: str, one: Object, cluster: Cluster) -> Found:
    if one.pod is None or not holds_token(one, cluster):
        return
    for grant in bound(cluster, "ServiceAccount", namespace(one), one.pod.service_account):
        if grant.role is not None and next(given(grant.role, wanted), None) is not None:
            yield Violation(f"{one.pod.field}.serviceAccountName", f"its token, {who(grant)} {said}")


@test(*MAKERS)
def workload_takeover(one: Object, cluster: Cluster) -> Found:
    """The token of a workload leads to others' secrets or pods."""
    yield from _workload_with(_TAKEOVER, "may read secrets or start pods", one, cluster)


@test(*MAKERS)
def workload_admin(one: Object, cluster: Cluster) -> Found:
    """The token of a workload may do everything."""
    yield from _workload_with(RISKS["everything"].rights, "may do everything", one, cluster)

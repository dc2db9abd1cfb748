"""What Polaris checks: each on the smallest object that fails it, and on one that does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from plimsoll.posture.check import TESTS
from plimsoll.posture.judging import polaris
from plimsoll.posture.objects import Cluster, Object

HARDENED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app.kubernetes.io/instance": "web"}},
    "spec": {
        "replicas": 2,
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "automountServiceAccountToken": False,
                "priorityClassName": "usual",
                "topologySpreadConstraints": [{"maxSkew": 1}],
                "containers": [
                    {
                        "name": "app",
                        "image": "registry.example/web:1.2",
                        "imagePullPolicy": "Always",
                        "livenessProbe": {"exec": {}},
                        "readinessProbe": {"exec": {}},
                        "env": [
                            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web", "key": "password"}}}
                        ],
                        "resources": {
                            "limits": {"cpu": "1", "memory": "1Gi"},
                            "requests": {"cpu": "1", "memory": "1Gi"},
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "runAsNonRoot": True,
                            "capabilities": {"drop": ["all"]},
                        },
                    }
                ],
            },
        },
    },
}
POLICY: dict[str, Any] = {
    "kind": "NetworkPolicy",
    "metadata": {"name": "web"},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}], "egress": [{}]},
}
BUDGET: dict[str, Any] = {
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
}
SCALER: dict[str, Any] = {
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 4},
}
ROLE: dict[str, Any] = {
    "kind": "ClusterRole",
    "metadata": {"name": "reader"},
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
}
BINDING: dict[str, Any] = {
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "readers"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
}
FINE = (HARDENED, POLICY, BUDGET, SCALER, ROLE, BINDING)
POD = "spec.template.spec"
APP = f"{POD}.containers.0"
ENTERS = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}]
ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]

WORSE: list[tuple[str, dict[str, Any], str, object]] = [
    ("automount", HARDENED, f"{POD}.automountServiceAccountToken", None),
    ("host_network", HARDENED, f"{POD}.hostNetwork", True),
    ("host_pid", HARDENED, f"{POD}.hostPID", True),
    ("host_ipc", HARDENED, f"{POD}.hostIPC", True),
    ("host_path", HARDENED, f"{POD}.volumes", [{"name": "etc", "hostPath": {"path": "/etc"}}]),
    ("host_port", HARDENED, f"{APP}.ports", [{"containerPort": 80, "hostPort": 80}]),
    ("host_process", HARDENED, f"{POD}.securityContext", {"windowsOptions": {"hostProcess": True}}),
    ("proc_mount", HARDENED, f"{APP}.securityContext.procMount", "Unmasked"),
    ("priority_class", HARDENED, f"{POD}.priorityClassName", None),
    ("topology_spread", HARDENED, f"{POD}.topologySpreadConstraints", []),
    ("escalation", HARDENED, f"{APP}.securityContext.allowPrivilegeEscalation", True),
    ("writable_root", HARDENED, f"{APP}.securityContext.readOnlyRootFilesystem", None),
    ("privileged", HARDENED, f"{APP}.securityContext.privileged", True),
    ("root_allowed", HARDENED, f"{APP}.securityContext.runAsNonRoot", False),
    ("capabilities_kept", HARDENED, f"{APP}.securityContext.capabilities", {"drop": ["NET_RAW"]}),
    ("capabilities_added", HARDENED, f"{APP}.securityContext.capabilities.add", ["sys_admin"]),
    ("hardening", HARDENED, f"{APP}.securityContext.capabilities", {"drop": []}),
    ("cpu_requests", HARDENED, f"{APP}.resources.requests.cpu", None),
    ("cpu_limits", HARDENED, f"{APP}.resources.limits.cpu", None),
    ("memory_requests", HARDENED, f"{APP}.resources.requests.memory", None),
    ("memory_limits", HARDENED, f"{APP}.resources.limits.memory", None),
    ("liveness_probe", HARDENED, f"{APP}.livenessProbe", None),
    ("readiness_probe", HARDENED, f"{APP}.readinessProbe", None),
    ("pull_policy", HARDENED, f"{APP}.imagePullPolicy", "IfNotPresent"),
    ("image_tag", HARDENED, f"{APP}.image", "registry.example/web:latest"),
    ("image_tag", HARDENED, f"{APP}.image", "web"),
    ("sensitive_environment", HARDENED, f"{APP}.env", [{"name": "DB_PASSWORD", "value": "x"}]),
    ("sensitive_environment", HARDENED, f"{APP}.env", [{"name": "KEY", "value": "-----BEGIN RSA PRIVATE KEY-----"}]),
    ("instance_label", HARDENED, "metadata.name", "other"),
    ("one_replica", HARDENED, "spec.replicas", 1),
    ("no_budget", BUDGET, "spec.selector", {"matchLabels": {"app": "other"}}),
    ("no_policy", POLICY, "spec.egress", []),
    ("no_disruption", BUDGET, "spec.maxUnavailable", 0),
    ("scales_to_one", SCALER, "spec.minReplicas", 1),
    ("scales_to_the_same", SCALER, "spec.maxReplicas", 2),
    ("budget_above_scaling", BUDGET, "spec.minAvailable", 3),
    ("budget_above_scaling", BUDGET, "spec.minAvailable", "150%"),
    ("cluster_role_enters_pods", ROLE, "rules", ENTERS),
    ("cluster_role_binding_enters_pods", ROLE, "rules", ENTERS),
    ("cluster_role_binding_leads_nowhere", BINDING, "roleRef.name", "nowhere"),
    ("cluster_role_binding_enters_pods", BINDING, "roleRef.name", "edit"),
    ("cluster_role_binding_gives_everything", ROLE, "rules", ALL),
    ("cluster_role_binding_gives_everything", BINDING, "roleRef.name", "cluster-admin"),
]


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The body with another value at a path; None takes it out."""
    found = copy.deepcopy(body)
    *outer, last = path.split(".")
    inside: Any = found
    for key in outer:
        inside = inside[int(key)] if key.isdigit() else inside.setdefault(key, {})
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return found


def failed(*bodies: dict[str, Any]) -> set[str]:
    """The tests of this module that hold somewhere among these objects."""
    cluster = Cluster(Object(body) for body in bodies)
    return {
        name.partition(".")[2]
        for name, (run, kinds) in TESTS.items()
        if name.startswith("polaris.")
        for one in cluster.objects
        if one.kind in kinds and list(run(one, cluster))
    }


def test_what_is_hardened_and_redundant_passes() -> None:
    assert polaris
    assert failed(*FINE) == set()


@pytest.mark.parametrize(("name", "body", "path", "value"), WORSE)
def test_one_change_for_the_worse_is_found(name: str, body: dict[str, Any], path: str, value: object) -> None:
    assert name in failed(*(changed(one, path, value) if one is body else one for one in FINE))


@pytest.mark.parametrize(
    ("kind", "role_kind", "rules", "name"),
    [
        ("RoleBinding", "ClusterRole", ENTERS, "role_binding_to_cluster_role_enters_pods"),
        ("RoleBinding", "Role", ENTERS, "role_binding_to_role_enters_pods"),
        ("RoleBinding", "ClusterRole", ALL, "role_binding_to_cluster_role_gives_everything"),
        ("RoleBinding", "Role", ALL, "role_binding_to_role_gives_everything"),
    ],
)
def test_a_binding_in_a_namespace_gives_what_its_role_does(
    kind: str, role_kind: str, rules: list[dict[str, Any]], name: str
) -> None:
    role = {"kind": role_kind, "metadata": {"name": "reader"}, "rules": rules}
    binding = {"kind": kind, "metadata": {"name": "b"}, "roleRef": {"kind": role_kind, "name": "reader"}}
    assert name in failed(role, binding)
    assert name not in failed(role | {"rules": ROLE["rules"]}, binding)


def test_what_kubernetes_itself_ships_is_not_told() -> None:
    shipped = changed(BINDING, "metadata.name", "system:node") | {
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}
    }
    admin = {"kind": "ClusterRole", "metadata": {"name": "cluster-admin"}, "rules": ALL}
    assert failed(shipped, admin) == set()


def test_a_role_of_another_namespace_is_another_role() -> None:
    role = {"kind": "Role", "metadata": {"name": "r", "namespace": "a"}, "rules": ROLE["rules"]}
    binding = {
        "kind": "RoleBinding",
        "metadata": {"name": "b", "namespace": "b"},
        "roleRef": {"kind": "Role", "name": "r"},
    }
    assert failed(role, binding) == {"role_binding_to_role_leads_nowhere"}


def test_what_only_says_where_a_secret_is_is_told_apart() -> None:
    named = changed(HARDENED, f"{APP}.env", [{"name": "ML_SECRET_NAME", "value": "memberlist"}])
    assert failed(named) & {"sensitive_name", "sensitive_environment"} == {"sensitive_name"}


def test_a_role_that_kubernetes_makes_need_not_be_among_the_objects() -> None:
    ref = {"kind": "Role", "name": "extension-apiserver-authentication-reader"}
    assert (
        failed({"kind": "RoleBinding", "metadata": {"name": "b", "namespace": "kube-system"}, "roleRef": ref}) == set()
    )


def test_a_configmap_with_a_secret_is_found() -> None:
    bad = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"db.password": "x"}}
    assert failed(bad) == {"sensitive_configmap"}
    assert failed(bad | {"data": {"color": "x", 1: 2}}) == set()


def test_an_ingress_without_tls_is_found() -> None:
    assert failed({"kind": "Ingress", "metadata": {"name": "i"}, "spec": {}}) == {"ingress_without_tls"}
    assert failed({"kind": "Ingress", "metadata": {"name": "i"}, "spec": {"tls": [{}]}}) == set()

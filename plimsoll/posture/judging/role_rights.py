"""What a role would give whoever is bound to it, as Trivy and Checkov report roles rather than subjects."""

from __future__ import annotations

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_pods import Found
from plimsoll.posture.judging.rights import Right, given, right
from plimsoll.posture.objects import Cluster, Object

_BOOTSTRAPPED = "kubernetes.io/bootstrapping"
_RBAC = "rbac.authorization.k8s.io"
_ALL = right("*", "*")
RIGHTS: dict[str, tuple[str, tuple[Right, ...]]] = {
    "secrets": (
        "may read or change secrets",
        (right("get list watch create update patch delete deletecollection impersonate", "secrets"),),
    ),
    "everything": ("may do everything", (_ALL,)),
    "impersonation": (
        "may act as others",
        (right("impersonate", "users groups serviceaccounts", "core authentication.k8s.io"),),
    ),
    "node_proxy": ("may speak to kubelets", (right("get create", "nodes/proxy"),)),
    "commands": ("may run commands in pods", (right("create update patch", "pods/exec"),)),
    "config_maps": ("may change ConfigMaps", (right("create update patch delete deletecollection", "configmaps"),)),
    "roles": (
        "may change roles and bindings",
        (right("create update patch delete", "roles clusterroles rolebindings clusterrolebindings", _RBAC),),
    ),
    "webhooks": (
        "may change admission webhooks",
        (
            right(
                "create update patch",
                "validatingwebhookconfigurations mutatingwebhookconfigurations",
                "admissionregistration.k8s.io",
            ),
        ),
    ),
    "approval": (
        "may approve certificates",
        (right("update patch", "certificatesigningrequests/approval", "certificates.k8s.io"),),
    ),
    "binding": ("may bind any role", (right("bind", "roles clusterroles", _RBAC),)),
    "escalation": ("may give roles rights it lacks", (right("escalate", "roles clusterroles", _RBAC),)),
}
"""By the name of their test: in words, and what gives it."""


def _register(name: str, said: str, wanted: tuple[Right, ...]) -> None:
    @test("Role", "ClusterRole", name=name)
    def judged(one: Object, _: Cluster) -> Found:
        if _BOOTSTRAPPED not in one.labels:
            for number in given(one, wanted):
                yield Violation(f"rules[{number}]", f"it {said}")


for _name, (_said, _wanted) in RIGHTS.items():
    _register(_name, _said, _wanted)

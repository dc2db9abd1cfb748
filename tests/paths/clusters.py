"""Small clusters for the tests of paths, told in few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plimsoll.paths.model import Model
from plimsoll.posture.objects import Cluster, Object

RBAC = "rbac.authorization.k8s.io"
Body = dict[str, Any]


def cluster(*bodies: Body) -> Cluster:
    return Cluster(Object(body) for body in bodies)


def model(*bodies: Body) -> Model:
    return Model(cluster(*bodies))


def thing(kind: str, name: str, namespace: str = "", api: str = "v1", **body: Any) -> Body:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **body.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def pod(name: str, namespace: str = "a", **spec: Any) -> Body:
    container = {"name": "c", "image": "registry.example/app@sha256:0", **spec.pop("container", {})}
    metadata = spec.pop("metadata", {"labels": {"app": name}})
    return thing("Pod", name, namespace, metadata=metadata, spec={"containers": [container], **spec})


def deployment(name: str, namespace: str = "a", replicas: int = 1, **spec: Any) -> Body:
    made = pod(name, namespace, **spec)
    template = {"metadata": {"labels": {"app": name}}, "spec": made["spec"]}
    return thing("Deployment", name, namespace, "apps/v1", spec={"replicas": replicas, "template": template})


def namespace(name: str, **labels: str) -> Body:
    return thing(
        "Namespace", name, metadata={"labels": {key.replace("__", "/"): value for key, value in labels.items()}}
    )


def account(name: str, namespace: str = "a") -> Body:
    return thing("ServiceAccount", name, namespace)


def node(name: str, taints: Sequence[Body] = (), **labels: str) -> Body:
    return thing("Node", name, metadata={"labels": labels}, spec={"taints": list(taints)})


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> Body:
    told: Body = {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": [group]}
    return told | ({"resourceNames": names.split()} if names else {})


def role(name: str, *rules: Body, namespace: str = "a") -> Body:
    kind = "Role" if namespace else "ClusterRole"
    return thing(kind, name, namespace, f"{RBAC}/v1", rules=list(rules))


def cluster_role(name: str, *rules: Body, labels: Body | None = None) -> Body:
    return thing("ClusterRole", name, "", f"{RBAC}/v1", metadata={"labels": labels or {}}, rules=list(rules))


def subject(who: str) -> Body:
    kind, _, name = who.partition(":")
    if kind != "SA":
        return {"kind": kind, "name": name, "apiGroup": RBAC}
    namespace, _, account = name.partition("/")
    return {"kind": "ServiceAccount", "namespace": namespace, "name": account}


def bind(name: str, role: str, *who: str, namespace: str = "") -> Body:
    """A binding of `ClusterRole/edit` or `Role/r`, everywhere or in a namespace."""
    kind, _, told = role.partition("/")
    reference = {"apiGroup": RBAC, "kind": kind, "name": told}
    binding = "RoleBinding" if namespace else "ClusterRoleBinding"
    return thing(binding, name, namespace, f"{RBAC}/v1", roleRef=reference, subjects=[subject(one) for one in who])


def may(*rules: Body, who: str = "SA:a/x", namespace: str = "", name: str = "r") -> tuple[Body, Body]:
    """A role with these rules and its binding to somebody, everywhere or in a namespace."""
    kind = "Role" if namespace else "ClusterRole"
    return role(name, *rules, namespace=namespace), bind(name, f"{kind}/{name}", who, namespace=namespace)

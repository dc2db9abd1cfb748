"""The ids of what an attacker can hold: `Container:ns/pod/container`, `SA:ns/name`, `Sink:cluster-admin` and others.

A set (`set_of`) stands between those who gain all of something and its members, so that a hundred identities that may
exec into a thousand containers are 1,100 edges. Sets are folded away before anything is shown.
"""

from __future__ import annotations

INTERNET = "Internet"
ANYONE = "Anyone"
"""Who reaches the API server without credentials."""
ANY_NODE = "Node:*"
CLOUD_NODE = "Cloud:node"
CLUSTER_ADMIN = "Sink:cluster-admin"
_SET, _UNDER = "~", "\t"


def container(namespace: str, pod: str, name: str) -> str:
    """Return the id of a container; `pod` is the workload's name where there is only a template.

    >>> container("shop", "web-0", "app")
    'Container:shop/web-0/app'
    """
    return f"Container:{namespace}/{pod}/{name}"


def node(name: str) -> str:
    """Return the id of a node."""
    return f"Node:{name}"


def endpoint(namespace: str, service: str) -> str:
    """Return the id of a Service as something that can be called."""
    return f"Endpoint:{namespace}/{service}"


def account(namespace: str, name: str) -> str:
    """Return the id of a ServiceAccount."""
    return f"SA:{namespace}/{name}"


def user(name: str) -> str:
    """Return the id of a user; that of a ServiceAccount where the name is one's.

    >>> user("alice"), user("system:serviceaccount:ci:deployer")
    ('User:alice', 'SA:ci/deployer')
    """
    namespace, colon, told = name.removeprefix("system:serviceaccount:").partition(":")
    return account(namespace, told) if colon and name.startswith("system:serviceaccount:") else f"User:{name}"


def group(name: str) -> str:
    """Return the id of a group."""
    return f"Group:{name}"


def secret(namespace: str, name: str) -> str:
    """Return the id of a Secret."""
    return f"Secret:{namespace}/{name}"


def namespace(name: str) -> str:
    """Return the id of a namespace."""
    return f"Namespace:{name}"


def workload(namespace: str, kind: str, name: str) -> str:
    """Return the id of a workload: what makes pods."""
    return f"Workload:{namespace}/{kind}/{name}"


def role(kind: str, name: str, namespace: str = "") -> str:
    """Return the id of a role as it is bound: in a namespace, or (ClusterRoles only) everywhere.

    >>> role("ClusterRole", "edit", "shop"), role("ClusterRole", "edit")
    ('ClusterRole/edit@shop', 'ClusterRole/edit')
    """
    return f"{kind}/{name}@{namespace}" if namespace else f"{kind}/{name}"


def cloud(namespace: str, account: str) -> str:
    """Return the id of the cloud identity of a ServiceAccount."""
    return f"Cloud:{namespace}/{account}"


def registry(host: str) -> str:
    """Return the id of where images come from."""
    return f"Registry:{host}"


def sink(name: str) -> str:
    """Return the id of something that matters: `Sink:compute`."""
    return f"Sink:{name}"


def ref(kind: str, name: str, namespace: str = "") -> str:
    """Return the name of an object as a fix calls it.

    >>> ref("Service", "web", "shop"), ref("ClusterRole", "binder")
    ('Service/shop/web', 'ClusterRole/binder')
    """
    return f"{kind}/{namespace}/{name}" if namespace else f"{kind}/{name}"


def set_of(what: str, shown: str) -> str:
    """Return the id of a set: what its members have in common, and the wildcard that stands for them.

    >>> set_of("exec", "Container:shop/*/*")
    '~exec Container:shop/*/*'
    """
    return f"{_SET}{what} {shown}"


def within(node: str, place: str) -> str:
    """Return the id of something held under some circumstance only, shown as the thing itself.

    >>> shown(within("SA:argo/controller", "shop"))
    'SA:argo/controller'
    """
    return f"{node}{_UNDER}{place}"


def is_set(node: str) -> bool:
    """Say whether an id is that of a set."""
    return node.startswith(_SET)


def shown(node: str) -> str:
    """Return what is shown for a node: the wildcard where it is a set.

    >>> shown("~exec Container:shop/*/*"), shown("Internet")
    ('Container:shop/*/*', 'Internet')
    """
    return node.partition(" ")[2] if is_set(node) else node.partition(_UNDER)[0]


def kind(node: str) -> str:
    """Return what kind of thing an id names.

    >>> kind("SA:ci/deployer"), kind("ClusterRole/edit@shop"), kind("Internet")
    ('SA', 'ClusterRole', 'Internet')
    """
    return node.partition(":")[0].partition("/")[0]

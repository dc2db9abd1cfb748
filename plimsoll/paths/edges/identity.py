"""From containers to the credentials in them, and from Secrets to whom they make their holder."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.paths import nodes, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Container, Object, mapped, text

ACCOUNT = "kubernetes.io/service-account.name"
_TOKEN, _BOOTSTRAP, _SSH = (
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
    "kubernetes.io/ssh-auth",
)
_BOOTSTRAPPERS = "system:bootstrappers"


def edges(model: Model) -> Iterator[Edge]:
    """Yield what lies in containers, and what Secrets are."""
    for workload in model.workloads:
        for name, container in workload.containers:
            yield from _token(model, workload, name, container)
            yield from _secrets(model, workload, name, container)
    for (namespace, name), one in model.secrets.items():
        if one is not None:
            yield from _is(namespace, name, one)


def _token(model: Model, workload: Workload, name: str, container: Container) -> Iterator[Edge]:
    told = tokens.of_container(model, workload, container)
    if told:
        why = f"{workload.end} runs as ServiceAccount {workload.pod.service_account}, and {told} in {container.name}"
        yield Edge("TOKEN_MOUNT", name, workload.account, why, (workload.ref,))


def _secrets(model: Model, workload: Workload, name: str, container: Container) -> Iterator[Edge]:
    for one in () if tokens.is_static(workload) else tokens.secrets(model, workload, container):
        if one.optional and model.secrets.get((workload.namespace, one.name)) is None:
            continue
        why = f"{workload.end}, container {container.name}: {one.why}"
        target = nodes.secret(workload.namespace, one.name)
        yield Edge("SECRET_MOUNT", name, target, why, (workload.ref,), one.conditional)


def _is(namespace: str, name: str, one: Object) -> Iterator[Edge]:
    source, ref = nodes.secret(namespace, name), (nodes.ref("Secret", name, namespace),)
    kind = text(one.body.get("type"))
    account = text(one.annotations.get(ACCOUNT))
    if kind == _TOKEN and account:
        why = f"Secret {namespace}/{name} is a token of ServiceAccount {account} that never ends"
        yield Edge("SECRET_TO_IDENTITY", source, nodes.account(namespace, account), why, ref)
    if kind == _BOOTSTRAP and namespace == "kube-system":
        for group in _groups(one):
            why = f"Secret {namespace}/{name} is a bootstrap token of the group {group}"
            yield Edge("SECRET_TO_IDENTITY", source, nodes.group(group), why, ref)
    if kind == _SSH:
        why = f"Secret {namespace}/{name} is an SSH key; nodes may know it"
        yield Edge("HOST_SSH", source, nodes.ANY_NODE, why, ref, conditional=True)


def _groups(one: Object) -> list[str]:
    told = text(mapped(one.body.get("stringData")).get("auth-extra-groups"))
    return [_BOOTSTRAPPERS, *filter(None, (part.strip() for part in told.split(",")[:20]))]

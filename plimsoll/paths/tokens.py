"""Which credentials lie in a container: the token of its ServiceAccount, Secrets that it mounts or has as environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from plimsoll.paths.model import Model
from plimsoll.paths.node_files import cleaned
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Body, Container, at, listed, mapped, text

PLACE = "/run/secrets/kubernetes.io/serviceaccount"
_OF_THE_API = frozenset(
    (
        *("", "api", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "https://kubernetes.default"),
        *("https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local"),
        *(
            "kubernetes.default.svc.cluster.local",
            "https://kubernetes",
            "https://kubernetes.default.svc.cluster.local/",
        ),
    )
)
"""Audiences that the API server takes for itself."""


def of_container(model: Model, workload: Workload, container: Container) -> str:
    """Return by what a container has a token that the API server takes; nothing where it has none."""
    if is_static(workload):
        return ""
    projected = [name for name, audience in _projected(workload, container) if audience in _OF_THE_API]
    if projected:
        return f"volume {projected[0]} holds a token"
    if _is_covered(container) or not is_automatic(model, workload):
        return ""
    told = workload.pod.spec.get("automountServiceAccountToken") is True
    return f"automountServiceAccountToken is {'true' if told else 'not turned off'}"


def of_pod(model: Model, workload: Workload) -> str:
    """Return by what any container of a pod has such a token."""
    return next(filter(None, (of_container(model, workload, one) for one in workload.pod.containers)), "")


def is_static(workload: Workload) -> bool:
    """Say whether it is a kubelet's own pod, which has no ServiceAccount and may refer to no Secret."""
    told = workload.pod.annotations
    return "kubernetes.io/config.mirror" in told or told.get("kubernetes.io/config.source") in ("file", "http")


def is_automatic(model: Model, workload: Workload) -> bool:
    """Say whether a token is mounted unasked: the pod's word counts before its ServiceAccount's, which is yes."""
    own = workload.pod.spec.get("automountServiceAccountToken")
    if isinstance(own, bool):
        return own
    account = model.accounts.get((workload.namespace, workload.pod.service_account))
    return account is None or account.body.get("automountServiceAccountToken") is not False


def _is_covered(container: Container) -> bool:
    """Say whether something else is mounted where the token would be."""
    places = (text(at(one, "mountPath")) for one in listed(container.body.get("volumeMounts")))
    return any(cleaned(place) == PLACE for place in places if place)


def _projected(workload: Workload, container: Container) -> Iterator[tuple[str, str]]:
    """Yield the volumes with tokens that a container mounts, and whom each token is for."""
    for name, volume in mounted(workload, container):
        for source in listed(at(volume, "projected", "sources")):
            token = at(source, "serviceAccountToken")
            if isinstance(token, dict):
                yield name, text(token.get("audience"))


def mounted(workload: Workload, container: Container) -> Iterator[tuple[str, Body]]:
    """Yield the volumes that a container mounts."""
    held = {text(at(one, "name")) for one in listed(container.body.get("volumeMounts"))}
    for volume in map(mapped, listed(workload.pod.spec.get("volumes"))):
        if text(volume.get("name")) in held:
            yield text(volume.get("name")), volume


class Reference(NamedTuple):
    """A Secret that a container has."""

    name: str
    why: str
    optional: bool
    conditional: bool = False


def secrets(model: Model, workload: Workload, container: Container) -> Iterator[Reference]:
    """Yield the Secrets that a container can read: mounted, projected, in its environment, filled by a driver."""
    for name, volume in mounted(workload, container):
        yield from _of_volume(model, workload, name, volume)
    for one in map(mapped, listed(container.body.get("env"))):
        key = mapped(at(one, "valueFrom", "secretKeyRef"))
        yield from _named(key, "name", f"variable {text(one.get('name'))[:80]} is from it")
    for one in map(mapped, listed(container.body.get("envFrom"))):
        yield from _named(mapped(one.get("secretRef")), "name", "its environment is from it (envFrom)")


def _of_volume(model: Model, workload: Workload, name: str, volume: Body) -> Iterator[Reference]:
    yield from _named(mapped(volume.get("secret")), "secretName", f"volume {name} mounts it")
    for source in listed(at(volume, "projected", "sources")):
        yield from _named(mapped(at(source, "secret")), "name", f"volume {name} projects it")
    driver = mapped(volume.get("csi"))
    for one in _named(mapped(driver.get("nodePublishSecretRef")), "name", f"volume {name}'s driver uses it"):
        yield one._replace(conditional=True)
    provider = text(at(driver, "volumeAttributes", "secretProviderClass"))
    found = model.cluster.get("SecretProviderClass", workload.namespace, provider) if provider else None
    for made in listed(found.spec.get("secretObjects")) if found else ():
        yield from _named(mapped(made), "secretName", f"volume {name} (SecretProviderClass {provider}) fills it")


def _named(told: Mapping[str, object], key: str, why: str) -> Iterator[Reference]:
    name = text(told.get(key))
    if name:
        yield Reference(name, why, told.get("optional") is True)

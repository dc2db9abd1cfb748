"""What a pod mounts: folders and sockets of its node, configuration, secrets, claims."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found, containers
from plimsoll.posture.judging.whole import named, namespace, once
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_SOCKETS = frozenset(
    f"{top}/{name}"
    for top in ("/run", "/var/run")
    for name in ("docker", "docker.sock", "containerd/containerd.sock", "crio/crio.sock")
)
_CREDENTIALS = {
    "aws": frozenset(("/.aws", "/.aws/config", "/.aws/credentials")),
    "azure": frozenset(("/etc", "/etc/kubernetes", "/etc/kubernetes/azure.json", "/.azure", "/.azure/config")),
    "gce": frozenset(
        (
            "/.config",
            "/.config/gcloud",
            "/.config/gcloud/application_default_credentials.json",
            "/gcloud",
            "/gcloud/application_default_credentials.json",
        )
    ),
}
"""Where the nodes of a cloud keep credentials of it."""
_CLAIM = "persistentVolumeClaim"
_TOLD = 3


def volumes(one: Object, kind: str) -> Iterator[tuple[str, Body]]:
    """Yield the volumes of a kind, with their field."""
    for number, volume in enumerate(listed(one.pod.spec.get("volumes")) if one.pod else ()):
        if one.pod and isinstance(volume, dict) and isinstance(volume.get(kind), dict):
            yield f"{one.pod.field}.volumes[{number}]", volume


def mounts(one: Object) -> Iterator[tuple[str, Body]]:
    """Yield the places where containers mount volumes, with their field."""
    for container in containers(one):
        for number, mount in enumerate(listed(container.body.get("volumeMounts"))):
            yield f"{container.field}.volumeMounts[{number}]", mapped(mount)


def _mounted(one: Object, kind: str) -> Iterator[tuple[str, Body, Body]]:
    """Yield each mount of a volume of a kind: its field, the mount, what the volume is of."""
    held = {text(volume.get("name")): mapped(volume[kind]) for _, volume in volumes(one, kind)}
    if held:
        for field, mount in mounts(one):
            source = held.get(text(mount.get("name")))
            if source is not None:
                yield field, mount, source


# The node


@test(*MAKERS)
def host_path(one: Object, _: Cluster) -> Found:
    """A folder of the node is mounted."""
    for field, _mount, source in _mounted(one, "hostPath"):
        yield Violation(field, f"{text(source.get('path'))} of the node is mounted")


@test(*MAKERS)
def writable_host_path(one: Object, _: Cluster) -> Found:
    """A folder of the node is mounted to be written to."""
    for field, mount, source in _mounted(one, "hostPath"):
        if mount.get("readOnly") is not True:
            yield Violation(field, f"{text(source.get('path'))} of the node is mounted to be written to")


@test(*MAKERS)
def runtime_socket(one: Object, _: Cluster) -> Found:
    """A volume is the socket of the container runtime."""
    for field, volume in volumes(one, "hostPath"):
        path = text(at(volume, "hostPath", "path"))
        if path.rstrip("/") in _SOCKETS:
            yield Violation(field, f"the volume is {path}")


@once
def _clouds(cluster: Cluster) -> frozenset[str]:
    """Return where the cluster's nodes are, as their provider ids tell."""
    return frozenset(text(node.spec.get("providerID")).partition(":")[0] for node in cluster.of("Node"))


@test(*MAKERS)
def cloud_credentials(one: Object, cluster: Cluster) -> Found:
    """A folder is mounted where nodes of this cloud keep its credentials."""
    for field, volume in volumes(one, "hostPath"):
        path = text(at(volume, "hostPath", "path"))
        if any(path.rstrip("/") in _CREDENTIALS.get(cloud, ()) for cloud in _clouds(cluster)):
            yield Violation(field, f"nodes keep credentials of their cloud in {path}")


# Objects of the cluster


def _of_the_cluster(one: Object, cluster: Cluster, kind: str, name: str, of: str) -> Found:
    told = dict.fromkeys(text(source.get(name)) for _field, _mount, source in _mounted(one, kind))
    held = [found for found in told if named(cluster, of, namespace(one), found) is not None]
    if one.pod and held:
        more = f" and {len(held) - _TOLD} more" if len(held) > _TOLD else ""
        yield Violation(f"{one.pod.field}.volumes", f"{of} {', '.join(held[:_TOLD])}{more}")


@test(*MAKERS)
def secret(one: Object, cluster: Cluster) -> Found:
    """A Secret of the cluster is mounted."""
    yield from _of_the_cluster(one, cluster, "secret", "secretName", "Secret")


@test(*MAKERS)
def config_map(one: Object, cluster: Cluster) -> Found:
    """A ConfigMap of the cluster is mounted."""
    yield from _of_the_cluster(one, cluster, "configMap", "name", "ConfigMap")


@test(*MAKERS)
def claim(one: Object, cluster: Cluster) -> Found:
    """A PersistentVolumeClaim of the cluster is mounted."""
    yield from _of_the_cluster(one, cluster, _CLAIM, "claimName", "PersistentVolumeClaim")


@test(*MAKERS)
def no_external_secrets(one: Object, _: Cluster) -> Found:
    """No volume comes from a store of secrets outside the cluster."""
    if one.pod and not any(
        at(volume, "csi", "volumeAttributes", "secretProviderClass") for _, volume in volumes(one, "csi")
    ):
        yield Violation(f"{one.pod.field}.volumes", "no secret comes from a store outside the cluster")


@test("PersistentVolume")
def unencrypted(one: Object, cluster: Cluster) -> Found:
    """A volume is of a class that says nothing of encryption."""
    name = text(one.spec.get("storageClassName"))
    found = cluster.get("StorageClass", "", name) if name else None
    if found is not None and not _is_encrypted(mapped(found.body.get("parameters"))):
        yield Violation("spec.storageClassName", f"class {name} does not encrypt with a key of yours")


def _is_encrypted(parameters: Body) -> bool:
    """Say whether parameters of a storage class ask for encryption, or name a key of Azure's or Google's."""
    if str(parameters.get("encrypted")).lower() == "true":
        return True
    return any("diskencryptionset" in key.lower() or "cryptoKeys/" in text(value) for key, value in parameters.items())

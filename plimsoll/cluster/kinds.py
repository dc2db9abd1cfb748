"""What an object says besides its name, by its kind: addresses, containers, its node, the pods it makes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from plimsoll.cluster import manifests, owners

_LONGEST_ADDRESS = 64
_FINISHED = ("Succeeded", "Failed")
_CAPITALS = {"ip": "IP", "ips": "IPs", "id": "ID"}

CLUSTER_WIDE = frozenset(
    {
        *("APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding"),
        *(
            "ClusterTrustBundle",
            "ComponentStatus",
            "CustomResourceDefinition",
            "DeviceClass",
            "FlowSchema",
            "IPAddress",
        ),
        *("GatewayClass", "IngressClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
        *(
            "MutatingWebhookConfiguration",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PodSecurityPolicy",
            "PriorityClass",
        ),
        *(
            "PriorityLevelConfiguration",
            "ResourceSlice",
            "RuntimeClass",
            "SelfSubjectAccessReview",
            "SelfSubjectReview",
        ),
        *("SelfSubjectRulesReview", "ServiceCIDR", "StorageClass", "StorageVersion", "StorageVersionMigration"),
        *("SubjectAccessReview", "TokenReview", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        *("ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass"),
        *("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
    }
)
"""Kinds of Kubernetes' own groups that are in no namespace; the others are in `default` where none is told."""


def _field(name: str) -> str:
    """Return a field's name in Kubernetes' spelling.

    >>> _field("pod_ips"), _field("service_account_name")
    ('podIPs', 'serviceAccountName')
    """
    first, *rest = name.split("_")
    return first + "".join(_CAPITALS.get(word, word.capitalize()) for word in rest)


class Told(msgspec.Struct, frozen=True, rename=_field):
    """A part of an object; fields that are not named here are not read."""


class Address(Told, frozen=True):
    """An address of a pod, a node, a load balancer or an endpoint."""

    ip: str | None = None
    address: str | None = None


class Slice(Told, frozen=True):
    """Addresses of an EndpointSlice (texts) or of Endpoints (objects)."""

    addresses: list[str | Address] | None = None


class LastState(Told, frozen=True):
    """How a container ended the last time."""

    terminated: Container | None = None


class Container(Told, frozen=True):
    """A container's status."""

    name: str = ""
    container_id: str | None = None
    last_state: LastState | None = None


class LoadBalancer(Told, frozen=True):
    """What a cloud gave a Service."""

    ingress: list[Address] | None = None


class Spec(Told, frozen=True):
    """The specs of a Pod and a Service, as far as they matter here."""

    node_name: str | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    cluster_ips: list[str] | None = None
    external_ips: list[str] | None = None


class Status(Told, frozen=True):
    """The statuses of a Pod, a Node and a Service."""

    phase: str | None = None
    pod_ip: str | None = None
    pod_ips: list[Address] | None = None
    addresses: list[Address] | None = None
    load_balancer: LoadBalancer | None = None
    container_statuses: list[Container] | None = None
    init_container_statuses: list[Container] | None = None
    ephemeral_container_statuses: list[Container] | None = None


class Body(Told, frozen=True):
    """The inside of an object that has addresses or containers."""

    spec: Spec | None = None
    status: Status | None = None
    endpoints: list[Slice] | None = None
    subsets: list[Slice] | None = None


class Inside(Told, frozen=True):
    """A pod's spec, or one that holds a template of it."""

    template: msgspec.Raw = msgspec.Raw()
    job_template: msgspec.Raw = msgspec.Raw()
    containers: list[msgspec.Raw] | None = None
    service_account_name: str | None = None
    service_account: str | None = None


class Template(Told, frozen=True):
    """What has such a spec."""

    spec: Inside | None = None


class Inner(NamedTuple):
    """What an object says besides its name."""

    ips: Sequence[str] = ()
    container_ids: Sequence[str] = ()
    """As id=name."""
    node: str | None = None
    service_account: str | None = None
    runs: bool = False
    """It is a pod or makes pods."""


_body = msgspec.json.Decoder(Body).decode
_template = msgspec.json.Decoder(Template).decode


def inner(kind: str, api: str, text: bytes | msgspec.Raw) -> Inner:
    """Return what an object of this kind says; raise one of manifests.BROKEN where it cannot be of the kind.

    >>> inner("Pod", "v1", b'{"spec": {"nodeName": "n1"}, "status": {"podIP": "10.0.0.1"}}').ips
    ['10.0.0.1']
    """
    match kind, api:
        case "Pod", ("v1" | ""):
            return _pod(_body(text))
        case (("Node" | "Service" | "Endpoints"), ("v1" | "")) | ("EndpointSlice", _):
            return Inner(ips=_addresses(_body(text)))
    account = _template_account(text)
    return Inner(service_account=account, runs=account is not None or kind in owners.WORKLOADS)


def namespace(told: str, kind: str, api: str, *, runs: bool) -> str:
    """Return where an object is, empty for the whole cluster.

    >>> namespace("", "Pod", "v1", runs=True), namespace("shop", "Node", "v1", runs=False)
    ('default', '')
    """
    group = api.rpartition("/")[0]
    builtin = "." not in group or group.endswith(".k8s.io")
    if kind in CLUSTER_WIDE and builtin:
        return ""
    return told or ("default" if builtin or runs else "")


def _pod(body: Body) -> Inner:
    spec, status = body.spec or Spec(), body.status or Status()
    statuses = (status.container_statuses, status.init_container_statuses, status.ephemeral_container_statuses)
    return Inner(
        [] if status.phase in _FINISHED else _addresses(body),  # a finished pod's address is another's
        _unique(pair for of_kind in statuses for one in of_kind or [] for pair in _ids(one)),
        spec.node_name or None,
        spec.service_account_name or spec.service_account or "default",
        runs=True,
    )


def _ids(container: Container) -> Iterator[str]:
    """Yield id=name of a container, and of the one that ran before it was restarted."""
    before = container.last_state.terminated if container.last_state else None
    for told in (container.container_id, before.container_id if before else None):
        identifier = (told or "").rpartition("://")[2]
        if identifier:
            yield f"{identifier}={container.name}"


def _addresses(body: Body) -> list[str]:
    spec, status = body.spec or Spec(), body.status or Status()
    ingress = status.load_balancer.ingress if status.load_balancer else None
    structs = [*(status.pod_ips or []), *(status.addresses or []), *(ingress or [])]
    slices = [*(body.endpoints or []), *(body.subsets or [])]
    held: list[str | Address] = [address for one in slices for address in one.addresses or []]
    texts = [status.pod_ip, spec.cluster_ip, *(spec.cluster_ips or []), *(spec.external_ips or [])]
    texts += [one if isinstance(one, str) else one.ip or one.address for one in [*structs, *held]]
    return _unique(address(text) for text in texts if text)


def address(text: str) -> str:
    """Return an address as all write it, empty where it is none.

    >>> address("2001:DB8::0:1"), address("::ffff:10.0.0.1"), address("None"), address("node-1")
    ('2001:db8::1', '10.0.0.1', '', '')
    """
    if len(text) > _LONGEST_ADDRESS:
        return ""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _template_account(text: bytes | msgspec.Raw) -> str | None:
    """Return the service account of an object's pod template, None where it has no template."""
    try:
        inside = _template(text).spec
        for _ in range(2):  # a CronJob's is in the template of its Jobs
            if inside is None or inside.containers is not None:
                break
            outer = inside.template if memoryview(inside.template) else inside.job_template
            inside = _template(outer).spec if memoryview(outer) else None
    except manifests.BROKEN:
        return None  # a custom object whose spec is its own
    if inside is None or inside.containers is None:
        return None
    return inside.service_account_name or inside.service_account or "default"

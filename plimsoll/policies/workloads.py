"""The workloads of a cluster as ends of connections: what runs, with which labels, named ports and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.policies import addresses, intervals, network, policy
from plimsoll.policies.documents import Part
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.policy import NamedPort, Workload

_HIGHEST = 8
TEMPLATED = (
    *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"),
    *("DeploymentConfig", "Rollout", "VirtualMachine", "VirtualMachineInstance"),
)
HostNetwork = Literal["pods", "nodes"]
"""Whether policies treat pods in their nodes' network as other pods, or as their nodes; the API leaves it to plugins."""


NETWORKS = "k8s.v1.cni.cncf.io/networks"
"""The annotation that asks for further networks."""


class ContainerPort(Part, frozen=True):
    """A port of a container."""

    container_port: int | None = None
    protocol: str | None = None
    name: str | None = None


class Container(Part, frozen=True):
    """A container."""

    ports: list[ContainerPort] | None = None


class Multus(Part, frozen=True):
    """A network that a virtual machine is attached to."""

    network_name: str = ""


class VirtualNetwork(Part, frozen=True):
    """A network of a virtual machine."""

    multus: Multus | None = None


class CloudInit(Part, frozen=True):
    """What a virtual machine is told at its first start."""

    network_data: str = ""


class Volume(Part, frozen=True):
    """A volume of a virtual machine."""

    cloud_init_no_cloud: CloudInit | None = None
    cloud_init_config_drive: CloudInit | None = None


class Metadata(Part, frozen=True):
    """What a template says of its pods."""

    labels: dict[str, str | int | float | bool | None] | None = None
    annotations: dict[str, Any] | None = None

    def texts(self) -> dict[str, str]:
        """Return the labels as the API server would have them: texts.

        >>> Metadata({"tier": 1, "app": "web"}).texts()
        {'tier': '1', 'app': 'web'}
        """
        return {key: _shown(value) for key, value in (self.labels or {}).items()}


class Spec(Part, frozen=True):
    """A pod's spec, or what holds its template."""

    template: Template | None = None
    job_template: Template | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    host_network: bool | None = None
    service_account_name: str | None = None
    networks: list[VirtualNetwork] | None = None
    volumes: list[Volume] | None = None


class Template(Part, frozen=True):
    """A pod, a template of one, or what holds the template."""

    metadata: Metadata | None = None
    spec: Spec | None = None


class Running(NamedTuple):
    """A workload and what its pods ask for beyond the cluster's own network."""

    end: Workload
    annotations: Mapping[str, str]
    inner_addresses: Intervals = ()
    """Those that a virtual machine gives its further interfaces itself."""


_decode = msgspec.json.Decoder(Template).decode
_Key = tuple[str, str, str]


def read(objects: pl.DataFrame, host_network: HostNetwork = "nodes") -> list[Workload]:
    """Return the workloads of a frame of tables.OBJECTS in order; one whose pods differ in labels is several."""
    return [one.end for one in running(objects, host_network)]


def running(objects: pl.DataFrame, host_network: HostNetwork = "nodes") -> list[Running]:
    """Return the workloads with their pods' annotations; where there are pods, their templates say nothing more.

    A pod that is finished counts: what it belongs to may run again.
    """
    rows = network.present(objects).filter(pl.col("kind").is_in([*TEMPLATED, "Pod"]))
    rows = rows.with_columns(pl.col("namespace").replace("", "default"))  # of custom kinds nobody tells it
    held = {(row["namespace"], row["kind"], row["name"]): row for row in rows.iter_rows(named=True)}
    found = [one for row in held.values() for one in _running(row, held)]
    with_pods = {_place(one.end) for is_pod, one in found if is_pod}
    kept = [one for is_pod, one in found if is_pod or _place(one.end) not in with_pods]
    if host_network == "pods":
        kept = [one._replace(end=one.end._replace(on_host=False)) for one in kept]
    return _merged(kept)


def _place(end: Workload) -> _Key:
    return end.namespace, end.kind, end.name


def _running(row: Mapping[str, Any], held: Mapping[_Key, Mapping[str, Any]]) -> Iterator[tuple[bool, Running]]:
    """Yield what this object runs, and whether it is a pod; a template that is another's yields nothing."""
    is_pod = row["kind"] == "Pod"
    if not is_pod and row["owner_name"] and (row["namespace"], row["owner_kind"], row["owner_name"]) in held:
        return
    pod = pod_of(row["kind"], row["object"])
    if pod is None:
        return
    kind, name = _owner(row, held)
    yield is_pod, _of(pod, Workload(row["namespace"], kind, name), row["ips"] if is_pod else [])


def pod_of(kind: str, text: str | bytes) -> Template | None:
    """Return the pod that an object is, or the template of those it makes; None where it holds no pod of Kubernetes.

    >>> pod_of("Job", '{"spec": {"template": {"spec": {"hostNetwork": true}}}}').spec.host_network
    True
    """
    try:
        told = _decode(text)
    except errors.BROKEN:
        return None
    return told if kind == "Pod" else _template(told)


def _template(told: Template) -> Template | None:
    """Return the template of an object's pods."""
    inside = told.spec
    if inside is not None and inside.job_template is not None:
        inside = inside.job_template.spec
    return told if inside is None or inside.template is None else inside.template


def _owner(row: Mapping[str, Any], held: Mapping[_Key, Mapping[str, Any]]) -> tuple[str, str]:
    """Return what an object belongs to as far up as the objects tell, never guessed from a name."""
    kind, name = row["kind"], row["name"]
    for _ in range(_HIGHEST):
        if not row["owner_name"] or row["owner_kind"] == "Node":
            break
        kind, name = row["owner_kind"] or kind, row["owner_name"]
        above = held.get((row["namespace"], kind, name))
        if above is None:
            break
        row = above
    return kind, name


def _of(pod: Template, end: Workload, ips: Sequence[str]) -> Running:
    meta, spec = pod.metadata or Metadata(), pod.spec or Spec()
    told = meta.texts()
    numbers = [number for number in map(addresses.address, ips) if number is not None]
    return Running(
        end._replace(
            labels=policy.labels(told),
            ports=named_ports(spec),
            addresses=intervals.union([(number, number) for number in numbers]),
            on_host=bool(spec.host_network),
        ),
        {key: value for key, value in (meta.annotations or {}).items() if isinstance(value, str)} | _attached(spec),
        _inner_addresses(spec),
    )


def _attached(spec: Spec) -> dict[str, str]:
    """Return what a virtual machine is attached to as a pod's annotation would tell it."""
    names = [one.multus.network_name for one in spec.networks or [] if one.multus and one.multus.network_name]
    return {NETWORKS: ",".join(names)} if names else {}


def _inner_addresses(spec: Spec) -> Intervals:
    seeds = (seed for one in spec.volumes or [] for seed in (one.cloud_init_no_cloud, one.cloud_init_config_drive))
    texts = (address for seed in seeds if seed for address in told_addresses(seed.network_data))
    numbers = (addresses.address(text) for text in texts)
    return intervals.union([(number, number) for number in numbers if number is not None])


def told_addresses(network_data: str) -> Iterator[str]:
    r"""Yield the addresses that cloud-init's network configuration (version 2) gives interfaces.

    >>> list(told_addresses("ethernets:\n  eth1:\n    addresses:\n    - 10.0.0.1/24\n    gateway4: 10.0.0.254"))
    ['10.0.0.1']
    """
    within = False
    for line in network_data.splitlines():
        words = line.replace("[", " ").replace("]", " ").replace(",", " ").replace('"', " ").split()
        within = words[:1] == ["addresses:"] or (within and words[:1] == ["-"])
        if within:
            yield from (word.partition("/")[0] for word in words[1:])


def named_ports(spec: Spec) -> tuple[NamedPort, ...]:
    """Return the ports that a pod's containers tell."""
    containers = [*(spec.containers or []), *(spec.init_containers or [])]
    told = (port for container in containers for port in container.ports or [])
    named = {
        NamedPort(port.name or "", port.protocol or "TCP", port.container_port)
        for port in told
        if port.container_port is not None
    }
    return tuple(sorted(named))


def _shown(value: str | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def _merged(found: Iterable[Running]) -> list[Running]:
    """Return the workloads in order, those that only differ in their pods' addresses as one."""
    same: dict[tuple[Workload, str, Intervals], list[Workload]] = {}
    for one in found:
        told = one.annotations.get(NETWORKS, "")
        same.setdefault((one.end._replace(addresses=()), told, one.inner_addresses), []).append(one.end)
    return [
        Running(end._replace(addresses=intervals.union(*(one.addresses for one in ends))), {NETWORKS: told}, inner)
        for (end, told, inner), ends in sorted(same.items())
    ]

"""The workloads of a cluster as ends of connections: what runs, with which labels, named ports and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll.policies import addresses, intervals, network, policy
from plimsoll.policies.documents import Part
from plimsoll.policies.policy import NamedPort, Workload

_HIGHEST = 8
_FINISHED = ("Succeeded", "Failed")
TEMPLATED = (
    *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"),
    *("DeploymentConfig", "Rollout", "VirtualMachine", "VirtualMachineInstance"),
)


class ContainerPort(Part, frozen=True):
    """A port of a container."""

    container_port: int | None = None
    protocol: str | None = None
    name: str | None = None


class Container(Part, frozen=True):
    """A container."""

    ports: list[ContainerPort] | None = None


class Metadata(Part, frozen=True):
    """What a template says of its pods."""

    labels: dict[str, str | int | float | bool | None] | None = None
    annotations: dict[str, Any] | None = None


class Spec(Part, frozen=True):
    """A pod's spec, or what holds its template."""

    template: Template | None = None
    job_template: Template | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    host_network: bool | None = None


class Status(Part, frozen=True):
    """What became of a pod."""

    phase: str | None = None


class Template(Part, frozen=True):
    """A pod, a template of one, or what holds the template."""

    metadata: Metadata | None = None
    spec: Spec | None = None
    status: Status | None = None


class Running(NamedTuple):
    """A workload and what its pods ask for beyond the cluster's own network."""

    end: Workload
    annotations: Mapping[str, str]


_decode = msgspec.json.Decoder(Template).decode
_Key = tuple[str, str, str]


def read(objects: pl.DataFrame) -> list[Workload]:
    """Return the workloads of a frame of tables.OBJECTS in order; one whose pods differ in labels is several."""
    return [one.end for one in running(objects)]


def running(objects: pl.DataFrame) -> list[Running]:
    """Return the workloads with their pods' annotations; where there are pods, their templates say nothing more."""
    rows = network.now(objects).filter(pl.col("kind").is_in([*TEMPLATED, "Pod"]))
    held = {(row["namespace"], row["kind"], row["name"]): row for row in rows.iter_rows(named=True)}
    found = [one for row in held.values() for one in _running(row, held)]
    with_pods = {_place(one.end) for is_pod, one in found if is_pod}
    kept = [one for is_pod, one in found if is_pod or _place(one.end) not in with_pods]
    return _merged(kept)


def _place(end: Workload) -> _Key:
    return end.namespace, end.kind, end.name


def _running(row: Mapping[str, Any], held: Mapping[_Key, Mapping[str, Any]]) -> Iterator[tuple[bool, Running]]:
    """Yield what this object runs, and whether it is a pod; a template that is another's yields nothing."""
    is_pod = row["kind"] == "Pod"
    if not is_pod and row["owner_name"] and (row["namespace"], row["owner_kind"], row["owner_name"]) in held:
        return
    try:
        told = _decode(row["object"])
    except network.BROKEN:
        return  # what it holds is no pod of Kubernetes
    if is_pod and told.status and told.status.phase in _FINISHED:
        return
    pod = told if is_pod else _template(told)
    if pod is None:
        return
    kind, name = _owner(row, held)
    yield is_pod, _of(pod, Workload(row["namespace"], kind, name), row["ips"] if is_pod else [])


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
    told = {key: _shown(value) for key, value in (meta.labels or {}).items()}
    numbers = [number for number in map(addresses.address, ips) if number is not None]
    return Running(
        end._replace(
            labels=policy.labels(told),
            ports=_named([*(spec.containers or []), *(spec.init_containers or [])]),
            addresses=intervals.union([(number, number) for number in numbers]),
            on_host=bool(spec.host_network),
        ),
        {key: value for key, value in (meta.annotations or {}).items() if isinstance(value, str)},
    )


def _named(containers: Iterable[Container]) -> tuple[NamedPort, ...]:
    told = (port for container in containers for port in container.ports or [])
    named = {
        NamedPort(port.name, port.protocol or "TCP", port.container_port)
        for port in told
        if port.name and port.container_port is not None
    }
    return tuple(sorted(named))


def _shown(value: str | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def _merged(found: Iterable[Running]) -> list[Running]:
    """Return the workloads in order, those that only differ in their pods' addresses as one."""
    same: dict[tuple[Workload, tuple[tuple[str, str], ...]], list[Workload]] = {}
    for one in found:
        key = one.end._replace(addresses=()), policy.labels(one.annotations)
        same.setdefault(key, []).append(one.end)
    return [
        Running(end._replace(addresses=intervals.union(*(one.addresses for one in ends))), dict(annotations))
        for (end, annotations), ends in sorted(same.items())
    ]

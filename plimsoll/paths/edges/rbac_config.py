"""Steps from rights over configuration and addresses: scripts of pods, names of the cluster, who maps to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plimsoll.paths import holders, nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.granted import WRITES, Holder, on_all
from plimsoll.paths.model import Model
from plimsoll.paths.rights import Grant
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Container, at, listed, mapped, text

_SYSTEM = "kube-system"
_WRITES = ("create", *WRITES)
_MITM = nodes.sink("mitm")
_ADDRESSES = (
    (_WRITES, "", "services", False, "to give a Service the addresses of others (externalIPs)"),
    (WRITES, "", "services/status", False, "to give a Service the addresses of others (status)"),
    (_WRITES, "", "endpoints", False, "to put addresses of one's own behind a Service"),
    (_WRITES, "discovery.k8s.io", "endpointslices", False, "to put addresses of one's own behind a Service"),
    (_WRITES, "apiregistration.k8s.io", "apiservices", True, "to answer for an API group"),
)


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    for holder in holders.of(model):
        maps = holder.may(WRITES, "", "configmaps")
        if maps:
            yield from _code(model, holder, maps)
            yield from _names(holder, maps)
        if not holders.is_admin(holder.powers):
            yield from _aws(model, holder)
        for verbs, group, resource, scoped, what in _ADDRESSES:
            held = holder.may(verbs, group, resource, scoped=scoped)
            yield from on_all("SERVICE_MITM", holder, held, lambda _: _MITM, what)


def _about(grant: Grant, namespace: str, name: str) -> bool:
    return grant.covers(namespace) and (not grant.rule.names or name in grant.rule.names)


def _names(holder: Holder, maps: Sequence[Grant]) -> Iterator[Edge]:
    held = [one for one in maps if _about(one, _SYSTEM, "coredns")]
    what = "to change the cluster's names (ConfigMap kube-system/coredns)"
    yield from on_all("COREDNS_WRITE", holder, held, lambda _: _MITM, what)


def _aws(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield who can map an AWS identity of their own to administrators; certain where the cluster has such a map."""
    there = (_SYSTEM, "aws-auth") in model.config_maps
    fresh = [] if there else holder.may(("create",), "", "configmaps")
    for one in dict.fromkeys([*holder.may(WRITES, "", "configmaps"), *fresh]):
        sure = there or "aws-auth" in one.rule.names
        if _about(one, _SYSTEM, "aws-auth") and (sure or one in fresh):
            why = f"{one.why} allows to write ConfigMap kube-system/aws-auth, which maps AWS identities to groups"
            yield Edge("AWS_AUTH_WRITE", holder.id, nodes.CLUSTER_ADMIN, why, one.objects, conditional=not sure)


def _code(model: Model, holder: Holder, maps: Sequence[Grant]) -> Iterator[Edge]:
    """Yield containers that run what a ConfigMap says; certain where their command lies in it."""
    for one in maps:
        for workload in model.workloads if not one.namespace else model.in_namespace.get(one.namespace, ()):
            for container, body, name, sure in _uses(workload):
                told = model.config_maps.get((workload.namespace, name))
                if _about(one, workload.namespace, name) and not (told and told.body.get("immutable") is True):
                    how = "runs from" if sure else "reads"
                    why = f"{one.why} allows to change ConfigMap {workload.namespace}/{name}, which {body.name} {how}"
                    yield Edge("CONFIGMAP_CODE", holder.id, container, why, one.objects, conditional=not sure)


def _uses(workload: Workload) -> Iterator[tuple[str, Container, str, bool]]:
    """Yield containers with a ConfigMap each reads, and whether its command lies in it."""
    volumes = {text(at(one, "name")): [*_mapped(mapped(one))] for one in listed(workload.spec.get("volumes"))}
    if not any(volumes.values()):
        return
    for container, one in workload.containers:
        command = [text(word) for field in ("command", "args") for word in listed(one.body.get(field))]
        for mount in listed(one.body.get("volumeMounts")):
            place = text(at(mount, "mountPath")).rstrip("/")
            runs = bool(place) and any(f"{place}/" in word or word == place for word in command)
            for name in volumes.get(text(at(mount, "name")), ()):
                yield container, one, name, runs


def _mapped(volume: dict[str, object] | object) -> Iterator[str]:
    for one in (volume, *listed(at(volume, "projected", "sources"))):
        name = text(at(one, "configMap", "name"))
        if name:
            yield name

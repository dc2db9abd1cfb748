"""Ingress controllers that run what authors of an Ingress hide in it: old versions, and those that allow snippets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plimsoll.paths import holders, known, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.versions import Band
from plimsoll.paths.granted import Holder, placed
from plimsoll.paths.holders import is_admin
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import mapped

_IMAGES = ("ingress-nginx/controller", "nginx-ingress-controller")
_WRITES = ("create", "update", "patch")
_NETWORKING = "networking.k8s.io"
_BANDS = (
    Band("CVE-2021-25745", ((1, 2, 0),)),
    Band("CVE-2021-25748", ((1, 2, 1),)),
    Band("CVE-2024-7646", ((1, 11, 2),)),
    Band("CVE-2025-1974 and its kin", ((1, 11, 5), (1, 12, 1))),
    Band("CVE-2026-24512", ((1, 13, 7), (1, 14, 3))),
)


def edges(model: Model) -> Iterator[Edge]:
    """Yield who may command which controllers."""
    open_ones = [(one, why) for one in model.workloads if (why := _open(model, one))]
    if open_ones:
        for holder in holders.of(model):
            if not is_admin(holder.powers):
                yield from _commanding(holder, open_ones)


def _commanding(holder: Holder, controllers: Sequence[tuple[Workload, str]]) -> Iterator[Edge]:
    for grant in holder.may(_WRITES, _NETWORKING, "ingresses"):
        for one, told in controllers:
            why = f"{grant.why} allows to write Ingresses{placed(grant.namespace)}, and {told}"
            yield Edge("INGRESS_INJECT", holder.id, one.account, why, grant.objects)


def _open(model: Model, workload: Workload) -> str:
    """Return by what a controller runs what is hidden in an Ingress; nothing where it does not, or has no token."""
    for container in workload.pod.containers:
        if not known.is_of(container, _IMAGES) or not tokens.of_container(model, workload, container):
            continue
        version = known.version(known.image(container))
        band = next((one for one in reversed(_BANDS) if one.has(version)), None)
        if band is not None:
            return f"{workload.end} is of a version with {band.flaw}"
        if _allows_snippets(model, workload):
            return f"{workload.end} allows snippets"
    return ""


def _allows_snippets(model: Model, workload: Workload) -> bool:
    found = (one for (namespace, _), one in model.config_maps.items() if namespace == workload.namespace)
    return any(str(mapped(one.body.get("data")).get("allow-snippet-annotations")).lower() == "true" for one in found)

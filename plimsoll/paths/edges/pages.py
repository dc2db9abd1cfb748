"""Pages and ports through which whoever reaches them makes a component act for him: no flaw is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plimsoll.paths import known, nodes, privileges, services, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.known import Command, Page
from plimsoll.paths.model import Model, Service
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Container, at, listed

_LISTENS = (
    "--host=tcp://0.0.0.0",
    "--host tcp://0.0.0.0",
    "-H tcp://0.0.0.0",
    "-H=tcp://0.0.0.0",
    "-H tcp://:",
    "tcp://0.0.0.0:2375",
)


def edges(model: Model) -> Iterator[Edge]:
    """Yield what Services give to whoever calls them."""
    table = known.table()
    for service in model.services:
        for workload in service.workloads:
            for name, container in services.listening(service, workload):
                yield from _page(model, service, workload, name, container, table.pages)
                yield from _commanded(model, service, workload, container, table.commands)
                yield from _engine(service, workload, name, container)
                if known.is_of(container, table.fetches):
                    why = f"{workload.end}: {container.name} fetches addresses that callers name"
                    objects = (service.ref, workload.ref)
                    yield Edge("ENDPOINT_SSRF", service.id, nodes.CLOUD_NODE, why, objects, conditional=True)


def _page(
    model: Model, service: Service, workload: Workload, name: str, container: Container, pages: Sequence[Page]
) -> Iterator[Edge]:
    image, told = known.image(container), known.words(container)
    fits = (one for one in pages if one.image in image and known.opens(told, one, image))
    page = next(fits, None)
    if page is None:
        return
    who = f"{page.name} ({workload.end}) lets whoever calls Service {service.namespace}/{service.name}"
    doubt = ", if it has no login" if page.maybe else ""
    objects = (service.ref, workload.ref)
    if page.gives == "container":
        why = f"{who} open a shell in it{doubt}"
        yield Edge("ENTRY_ADMIN_UI", service.id, name, why, objects, page.maybe)
    elif tokens.of_container(model, workload, container):
        why = f"{who} act as its ServiceAccount {workload.pod.service_account}{doubt}"
        yield Edge("ENTRY_ADMIN_UI", service.id, workload.account, why, objects, page.maybe)


def _commanded(
    model: Model, service: Service, workload: Workload, container: Container, commands: Sequence[Command]
) -> Iterator[Edge]:
    image, told = known.image(container), known.words(container)
    for one in commands:
        closed = any(word in told for word in one.unless)
        if one.image not in image or one.needs not in workload.name or closed or not known.is_below(image, one.below):
            continue
        for other in model.in_namespace.get(workload.namespace, ()):
            if any(_acts(found, other, one) for found in other.pod.containers) and tokens.of_pod(model, other):
                why = f"{one.name} ({workload.end}) obeys whoever calls it, and {other.end} does what it says"
                yield Edge("CTRL_API_NOAUTH", service.id, other.account, why, (service.ref, workload.ref))


def _acts(container: Container, workload: Workload, one: Command) -> bool:
    doing = not one.doing or one.doing in known.words(container) or one.doing in workload.name
    return one.acts_as in known.image(container) and doing


def _engine(service: Service, workload: Workload, name: str, container: Container) -> Iterator[Edge]:
    """Yield the way into a container engine inside the cluster that takes commands from anybody."""
    if not (known.is_of(container, known.table().engines) and privileges.is_privileged(workload.pod, container)):
        return
    told = known.words(container)
    bare = any(one in told for one in _LISTENS) or _has_no_certificates(container)
    if bare:
        why = f"{workload.end}: container engine {container.name} takes commands without a certificate"
        yield Edge("ENTRY_RUNTIME_API", service.id, name, why, (service.ref, workload.ref))


def _has_no_certificates(container: Container) -> bool:
    told = (one for one in listed(container.body.get("env")) if at(one, "name") == "DOCKER_TLS_CERTDIR")
    return any(at(one, "value") in ("", None) and at(one, "valueFrom") is None for one in told)

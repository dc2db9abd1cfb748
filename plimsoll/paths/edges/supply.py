"""How code from outside comes to run in a container: images that may change, packages, jobs of strangers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plimsoll.paths import known, nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Container, at, listed, text

HUB = "docker.io"
PACKAGES = nodes.registry("packages")
SUPPLIER = "Supplier:code"
"""Whoever's code a container runs by design: a tenant, a repository, a notebook's user."""
_INSTALLS = re.compile(
    r"\b(?:pip3? install|npm (?:install|i|ci)|npx|yarn add|gem install|apt(?:-get)? install|apk add|go install)\b"
)
_TYPES = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")


def edges(model: Model) -> Iterator[Edge]:
    """Yield how code comes in: each way has a start of its own, so that none is the Internet's by default."""
    for workload in model.workloads:
        for name, container in workload.containers:
            yield from _image(workload, name, container)
            yield from _packages(workload, name, container)
            if known.is_of(container, known.table().runs_code):
                why = f"{workload.end}: {container.name} runs what others wrote ({known.image(container)[:120]})"
                yield Edge("UNTRUSTED_CODE", SUPPLIER, name, why, (workload.ref,))
    yield from _pull_secrets(model)


def registry_of(image: str) -> str:
    """Return the host an image is pulled from.

    >>> registry_of("nginx:1.27"), registry_of("quay.io/a/b"), registry_of("localhost:5000/x")
    ('docker.io', 'quay.io', 'localhost:5000')
    """
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else HUB


def _image(workload: Workload, name: str, container: Container) -> Iterator[Edge]:
    image = text(container.body.get("image"))[:1000]
    if image and "@sha256:" not in image:
        why = f"{workload.end}: image {image[:200]} of {container.name} is by tag, which its registry can move"
        source = nodes.registry(registry_of(image))
        yield Edge("ENTRY_IMAGE", source, name, why, (workload.ref,))


def _packages(workload: Workload, name: str, container: Container) -> Iterator[Edge]:
    found = _INSTALLS.search(known.words(container)[:20_000])
    if found:
        why = f"{workload.end}: {container.name} installs packages as it starts ({found.group()})"
        yield Edge("ENTRY_DEPENDENCY", PACKAGES, name, why, (workload.ref,), conditional=True)


def _pull_secrets(model: Model) -> Iterator[Edge]:
    """Yield what images could be replaced by who holds the Secret they are pulled with, if it may push too."""
    seen = set()
    for workload in model.workloads:
        hosts = {registry_of(text(one.body.get("image"))[:1000]) for one in workload.pod.containers}
        for told in listed(workload.pod.spec.get("imagePullSecrets")):
            secret = model.secrets.get((workload.namespace, text(at(told, "name"))))
            for host in sorted(hosts) if secret is not None and secret.body.get("type") in _TYPES else ():
                source = nodes.secret(workload.namespace, text(at(told, "name")))
                if (source, host) not in seen:
                    seen.add((source, host))
                    why = f"{workload.end} pulls its images from {host} with it; whether it may push is not told"
                    yield Edge("REGISTRY_WRITE", source, nodes.registry(host), why, conditional=True)

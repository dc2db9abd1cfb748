"""Kubernetes objects as a check sees them: where each was written, its pod, and those around it.

What an object holds is hostile: any field may have any type. The small readers here (`mapped`, `listed`, `text`, `at`)
answer with nothing where a field is not what it should be, so that no check ever fails on one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

Body = Mapping[str, Any]

_NOTHING: Body = {}
_POD_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"), ("spec", "template")
    ),
}
"""Where an object of a kind keeps its pod."""
WORKLOADS = tuple(_POD_FIELDS)
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def mapped(value: object) -> Body:
    """Return a mapping as it is, nothing else at all.

    >>> mapped({"a": 1}), mapped("x")
    ({'a': 1}, {})
    """
    return value if isinstance(value, dict) else _NOTHING


def listed(value: object) -> Sequence[Any]:
    """Return a list as it is, nothing else at all.

    >>> listed([1]), listed(None)
    ([1], ())
    """
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    """Return a text as it is, nothing else at all.

    >>> text("x"), text(1)
    ('x', '')
    """
    return value if isinstance(value, str) else ""


def at(value: object, *path: str) -> Any:
    """Return what a path of keys leads to, None where it leads nowhere.

    >>> at({"spec": {"hostPID": True}}, "spec", "hostPID"), at({"spec": 1}, "spec", "hostPID")
    (True, None)
    """
    for key in path:
        value = mapped(value).get(key)
    return value


def _inside(value: object, *path: str) -> Body:
    """Return the mapping that a path of keys leads to."""
    return mapped(at(value, *path))


class Container(NamedTuple):
    """A container of a pod."""

    list: str
    """One of CONTAINERS."""
    name: str
    body: Body
    field: str
    """Where it stands in the object: `spec.template.spec.containers[0]`."""

    @property
    def security(self) -> Body:
        """Return its own security context."""
        return mapped(self.body.get("securityContext"))


class Pod(NamedTuple):
    """A pod, or the template of one."""

    metadata: Body
    spec: Body
    field: str
    """Where its spec stands in the object: `spec`, `spec.template.spec`, …"""
    containers: tuple[Container, ...]
    """All of them, in Kubernetes' order: init, ordinary, ephemeral."""

    @property
    def labels(self) -> Body:
        """Return its labels."""
        return mapped(self.metadata.get("labels"))

    @property
    def annotations(self) -> Body:
        """Return its annotations."""
        return mapped(self.metadata.get("annotations"))

    @property
    def security(self) -> Body:
        """Return its security context, which holds where those of its containers say nothing."""
        return mapped(self.spec.get("securityContext"))

    @property
    def has_own_users(self) -> bool:
        """Say whether it has a user namespace of its own: its root and capabilities are nothing to the node."""
        return self.spec.get("hostUsers") is False

    @property
    def is_windows(self) -> bool:
        """Say whether it runs on Windows, by its own word or by that of the nodes it asks for."""
        nodes = mapped(self.spec.get("nodeSelector"))
        wanted = (at(self.spec, "os", "name"), nodes.get("kubernetes.io/os"), nodes.get("beta.kubernetes.io/os"))
        return "windows" in wanted

    @property
    def service_account(self) -> str:
        """Return the name of its service account, `default` where none is told."""
        return text(self.spec.get("serviceAccountName")) or text(self.spec.get("serviceAccount")) or "default"


class Object:
    """One object of a cluster, and where it was written."""

    def __init__(self, body: Body, file: str = "", line: int = 0, document: int = 0, within: str = "") -> None:
        """Take the body of an object that has a kind.

        `document` counts those of a file from 0; `within` is the object's field in it where that is a list.
        """
        self.body, self.file, self.line, self.document, self.within = body, file, line, document, within
        self.kind = text(body.get("kind"))
        self.group, _, self.version = ("/" + text(body.get("apiVersion"))).rpartition("/")
        self.group = self.group.removeprefix("/")
        self.metadata = mapped(body.get("metadata"))
        self.name = text(self.metadata.get("name")) or text(self.metadata.get("generateName"))
        self.namespace = text(self.metadata.get("namespace"))
        """As written; empty where nothing is told."""

    def __repr__(self) -> str:
        """Return what names it."""
        return f"Object({self.kind}/{self.namespace}/{self.name})"

    @property
    def spec(self) -> Body:
        """Return its spec."""
        return mapped(self.body.get("spec"))

    @property
    def labels(self) -> Body:
        """Return its labels."""
        return mapped(self.metadata.get("labels"))

    @property
    def annotations(self) -> Body:
        """Return its annotations."""
        return mapped(self.metadata.get("annotations"))

    @cached_property
    def pod(self) -> Pod | None:
        """The pod it is, or makes; None where it makes none."""
        path = _POD_FIELDS.get(self.kind)
        if path is None or "." in self.group:  # other groups have Jobs of their own
            return None
        template = _inside(self.body, *path)
        spec = _inside(template, "spec")
        field = ".".join((*path, "spec"))
        return Pod(_inside(template, "metadata"), spec, field, tuple(_containers(spec, field)))


def _containers(spec: Body, field: str) -> Iterator[Container]:
    for kind in CONTAINERS:
        for number, body in enumerate(listed(spec.get(kind))):
            if isinstance(body, dict):
                yield Container(kind, text(body.get("name")), body, f"{field}.{kind}[{number}]")


class Cluster:
    """All objects that are judged together, found by kind, by name, by namespace."""

    def __init__(self, objects: Iterable[Object]) -> None:
        """Take the objects; of two with one name, both are kept and the last is found."""
        self.objects = list(objects)
        self._kinds: dict[str, list[Object]] = defaultdict(list)
        self._beside: dict[tuple[str, str], list[Object]] = defaultdict(list)
        self._named: dict[tuple[str, str, str], Object] = {}
        for one in self.objects:
            self._kinds[one.kind].append(one)
            self._beside[one.kind, one.namespace or "default"].append(one)
            self._named[one.kind, one.namespace or "default", one.name] = one

    def of(self, *kinds: str) -> Iterator[Object]:
        """Yield the objects of some kinds, in their order."""
        for kind in kinds:
            yield from self._kinds.get(kind, ())

    def beside(self, one: Object, kind: str) -> Sequence[Object]:
        """Return the objects of a kind in the namespace of another."""
        return self._beside.get((kind, one.namespace or "default"), ())

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object by its name; what is in no namespace is found in any."""
        return self._named.get((kind, namespace or "default", name)) or self._named.get((kind, "default", name))

    @cached_property
    def workloads(self) -> tuple[Object, ...]:
        """What is or makes pods."""
        return tuple(self.of(*WORKLOADS))

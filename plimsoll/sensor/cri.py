"""What the container runtime says of itself over CRI: the labels of pods and the images of containers.

The files of a runtime hold neither. CRI is asked in the background, so that a runtime that hangs
holds nobody up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from plimsoll.sensor import unary

SOCKETS = (
    "run/containerd/containerd.sock",
    "run/crio/crio.sock",
    "run/k3s/containerd/containerd.sock",
    "run/cri-dockerd.sock",
    "var/snap/microk8s/common/run/containerd.sock",
)
_VERSIONS = ("v1", "v1alpha2")
_MOST = 10_000  # entries of an answer
_APART = 0.05  # seconds between two questions at least

Fields = dict[int, list[bytes]]
"""The length-delimited fields of a protobuf message by number; numbers are of no use here."""


class Container(msgspec.Struct, frozen=True):
    """A container, or a pod's sandbox, as CRI tells it."""

    id: str
    sandbox: bool
    namespace: str
    pod: str
    pod_uid: str
    name: str
    image: str
    image_digest: str
    labels: dict[str, str] = {}
    """The pod's."""
    annotations: dict[str, str] = {}
    """The pod's."""


class _Sandbox(NamedTuple):
    id: str
    name: str
    uid: str
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]


def endpoint(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str | None:
    """Return the socket of this host's runtime, None without one.

    >>> endpoint({"CONTAINER_RUNTIME_ENDPOINT": "unix:///run/my.sock"})
    '/run/my.sock'
    """
    told = environ.get("CONTAINER_RUNTIME_ENDPOINT", "").removeprefix("unix://")
    if told:
        return told
    return next((str(root / path) for path in SOCKETS if (root / path).is_socket()), None)


def fields(message: bytes) -> Fields:
    r"""Return the texts and messages within a protobuf message; whatever is broken ends it.

    >>> fields(b"\x0a\x02hi\x10\x07\x0a\x01!")
    {1: [b'hi', b'!']}
    """
    found: Fields = {}
    position = 0
    for _ in range(_MOST * 10):
        tag, position = _varint(message, position)
        if position < 0:
            break
        size, position = _size(tag & 7, message, position)
        if position < 0 or size < 0 or position + size > len(message):
            break
        if tag & 7 == 2:
            found.setdefault(tag >> 3, []).append(message[position : position + size])
        position += size
    return found


def _size(kind: int, message: bytes, position: int) -> tuple[int, int]:
    """Return how long a field's value is and where it begins, by its wire type."""
    if kind == 2:
        return _varint(message, position)
    if kind == 0:
        _, end = _varint(message, position)
        return 0, end
    return {1: (8, position), 5: (4, position)}.get(kind, (-1, -1))


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for step, byte in enumerate(message[position : position + 10]):
        value |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:
            return value, position + step + 1
    return 0, -1


def _text(message: Fields, number: int) -> str:
    return message.get(number, [b""])[-1].decode("utf-8", "replace")


def _inner(message: Fields, number: int) -> Fields:
    return fields(message.get(number, [b""])[-1])


def _map(message: Fields, number: int) -> dict[str, str]:
    pairs = map(fields, message.get(number, ())[:_MOST])
    return {_text(pair, 1): _text(pair, 2) for pair in pairs}


def containers(socket: str, *, timeout: float = 1.0) -> dict[str, Container]:
    """Return all containers and sandboxes of a runtime by their ids; raises `unary.Unanswered`."""
    error: unary.Unanswered | None = None
    for version in _VERSIONS:
        service = f"/runtime.{version}.RuntimeService"
        try:
            sandboxes = unary.call(socket, f"{service}/ListPodSandbox", b"", timeout=timeout)
            listed = unary.call(socket, f"{service}/ListContainers", b"", timeout=timeout)
        except unary.Unanswered as unanswered:
            error = error or unanswered
        else:
            pods = {pod.id: pod for pod in _sandboxes(sandboxes)}
            found = [*map(_of_sandbox, pods.values()), *_containers(listed, pods)]
            return {one.id: one for one in found}
    raise error or unary.Unanswered(socket)


# The numbers of the fields are those of k8s.io/cri-api, pkg/apis/runtime/v1/api.proto.
def _sandboxes(message: bytes) -> Iterator[_Sandbox]:
    for item in map(fields, fields(message).get(1, ())[:_MOST]):
        meta = _inner(item, 2)
        yield _Sandbox(_text(item, 1), _text(meta, 1), _text(meta, 2), _text(meta, 3), _map(item, 5), _map(item, 6))


def _of_sandbox(pod: _Sandbox) -> Container:
    return Container(pod.id, True, pod.namespace, pod.name, pod.uid, "", "", "", pod.labels, pod.annotations)


def _containers(message: bytes, pods: Mapping[str, _Sandbox]) -> Iterator[Container]:
    nobody = _Sandbox("", "", "", "", {}, {})
    for item in map(fields, fields(message).get(1, ())[:_MOST]):
        pod = pods.get(_text(item, 2), nobody)
        image, reference = _text(_inner(item, 4), 1), _text(item, 5)
        yield Container(
            _text(item, 1),
            sandbox=False,
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            name=_text(_inner(item, 3), 1),
            image=image,
            image_digest=reference,
            labels=pod.labels,
            annotations=pod.annotations,
        )


class Runtime:
    """A runtime, asked in the background whenever somebody looks for a container it has not told of."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.error = ""
        """Why the last question brought nothing."""
        self._known: dict[str, Container] = {}
        self._wanted, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve, name="plimsoll-cri", daemon=True)
        self._thread.start()

    def find(self, container_id: str) -> Container | None:
        """Return what is known of a container; None, and a question on its way, where nothing is."""
        found = self._known.get(container_id)
        if found is None:
            self._wanted.set()
        return found

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        self._wanted.set()
        self._thread.join(3)

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._wanted.wait()
            self._wanted.clear()
            try:
                self._known, self.error = containers(self.socket), ""
            except unary.Unanswered as error:
                self.error = str(error)
                self._closed.wait(20 * _APART)
            self._closed.wait(_APART)

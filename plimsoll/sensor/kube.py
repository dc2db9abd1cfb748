"""The pods of this node as the Kubernetes API tells them: labels, owners, images.

Two requests are all there is to it, a list and a watch of `pods` with the node as field selector, so
the node's image needs no client library, and its role no more than `list` and `watch` on pods.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from plimsoll import normal
from plimsoll.errors import InputError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PAGE = 50  # pods of one answer: some 20 kB each, most of them managedFields
_LONGEST = 8 << 20  # bytes of a page, or of one event of the watch
_MOST = 2_000  # pods of a node; the kubelet's own limit is 110
_WATCH = 60  # seconds
_PATIENCE = 60.0  # seconds between two attempts at most


class Pod(msgspec.Struct, frozen=True):
    """A pod, as far as it matters to whom its containers belong."""

    uid: str
    namespace: str
    name: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_kind: str = ""
    owner_name: str = ""
    generated: str = ""
    """metadata.generateName: the part of the name that somebody chose."""
    names: dict[str, str] = {}
    """Id of a container → its name."""
    images: dict[str, tuple[str, str]] = {}
    """Name of a container → its image and that image's id."""

    @property
    def static(self) -> bool:
        """Whether the kubelet runs it from a file, whatever the API server says."""
        return self.owner_kind == "Node" or self.annotations.get("kubernetes.io/config.source", "api") != "api"


def workload(pod: Pod) -> tuple[str, str]:
    """Return kind and name of what outlives the pod, as plimsoll.cluster would.

    >>> workload(Pod("u", "shop", "web-5d8f7c-abcde", {"pod-template-hash": "5d8f7c"}, {}, "ReplicaSet", "web-5d8f7c"))
    ('Deployment', 'web')
    >>> workload(Pod("u", "shop", "db-abcde", owner_kind="Job", owner_name="db")), workload(Pod("u", "shop", "web"))
    (('Job', 'db'), ('Pod', 'web'))
    """
    kind, name = pod.owner_kind, pod.owner_name
    if kind == "Node":
        return "Pod", pod.name.removesuffix(f"-{name}") or pod.name
    if kind == "Job":
        return normal.workload_of_pod(pod.name, {"job-name": name})
    if kind == "ReplicaSet":
        told, base = normal.workload_of_pod(f"{name}-bbbbb", pod.labels)  # as its pods are called
        return (told, base) if told in ("Deployment", "Rollout") else (kind, name)
    if kind == "ReplicationController" and pod.labels.get("deploymentconfig"):
        return "DeploymentConfig", pod.labels["deploymentconfig"]
    if kind:
        return kind, name
    if pod.generated and pod.name.startswith(pod.generated):
        return "Pod", pod.generated.rstrip("-.") or pod.name
    return "Pod", pod.name


class Access(NamedTuple):
    """Where the API server is, and what it shall know us by."""

    server: str
    context: ssl.SSLContext
    token: str = ""
    token_file: Path | None = None
    """Read anew for every request: the kubelet renews it."""

    def headers(self) -> dict[str, str]:
        """Return the headers of a request."""
        token = self.token
        if self.token_file:
            with suppress(OSError, UnicodeDecodeError):
                token = self.token_file.read_text("utf-8").strip()
        return {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})


class _Told(msgspec.Struct, rename="kebab"):
    """A part of a kubeconfig."""


class _Cluster(_Told):
    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False


class _User(_Told):
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""


class _Context(_Told):
    cluster: str = ""
    user: str = ""


class _Named(_Told):
    name: str = ""
    cluster: _Cluster | None = None
    user: _User | None = None
    context: _Context | None = None


class _Config(_Told):
    current_context: str = ""
    clusters: list[_Named] = []
    users: list[_Named] = []
    contexts: list[_Named] = []


def access(environ: Mapping[str, str] = os.environ, account: Path = _ACCOUNT) -> Access | None:
    """Return the way to the API: the pod's service account, else the file in KUBECONFIG; None with neither."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
    token, authority = account / "token", account / "ca.crt"
    if host and token.exists():
        context = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        return Access(f"https://{f'[{host}]' if ':' in host else host}:{port}", context, token_file=token)
    named = next(
        (Path(name) for name in environ.get("KUBECONFIG", "").split(":") if name and Path(name).exists()), None
    )
    return of_kubeconfig(named) if named else None


def of_kubeconfig(file: Path) -> Access:
    """Return the way to the API that a kubeconfig's current context tells."""
    config = _config(file)
    context = next((one.context for one in config.contexts if one.name == config.current_context), None) or _Context()
    cluster = next((one.cluster for one in config.clusters if one.name == context.cluster), None)
    user = next((one.user for one in config.users if one.name == context.user), None) or _User()
    if not cluster or urlsplit(cluster.server).scheme not in ("https", "http"):
        raise InputError("its current context names no cluster", file=str(file))
    try:
        trusted = _context(cluster, user, file.parent)
    except (OSError, ValueError, binascii.Error) as error:  # ssl.SSLError is an OSError
        raise InputError(f"its certificates cannot be used: {error}", file=str(file)) from error
    return Access(cluster.server, trusted, user.token, file.parent / user.token_file if user.token_file else None)


def _config(file: Path) -> _Config:
    try:
        data = file.read_bytes()
        decode = msgspec.json.decode if data.lstrip()[:1] == b"{" else msgspec.yaml.decode
        return decode(data, type=_Config)
    except ImportError as error:
        mend = "as YAML it needs PyYAML; write it as JSON: kubectl config view --raw --flatten -o json"
        raise InputError(mend, file=str(file)) from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"no kubeconfig: {error}", file=str(file)) from error


def _context(cluster: _Cluster, user: _User, folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=str(folder / cluster.certificate_authority) if cluster.certificate_authority else None,
        cadata=base64.b64decode(cluster.certificate_authority_data).decode() or None,
    )
    if cluster.insecure_skip_tls_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if user.client_certificate_data and user.client_key_data:
        # OpenSSL reads a private key from a file only.
        with tempfile.NamedTemporaryFile(prefix="plimsoll-", suffix=".pem") as both:
            both.write(base64.b64decode(user.client_certificate_data) + b"\n" + base64.b64decode(user.client_key_data))
            both.flush()
            context.load_cert_chain(both.name)
    elif user.client_certificate:
        context.load_cert_chain(folder / user.client_certificate, folder / user.client_key if user.client_key else None)
    return context


class _Owner(msgspec.Struct):
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    uid: str = ""
    namespace: str = ""
    name: str = ""
    generate_name: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None


class _Running(msgspec.Struct):
    """The status of a container."""

    name: str = ""
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    container_id: str = msgspec.field(default="", name="containerID")


class _Status(msgspec.Struct, rename="camel"):
    container_statuses: list[_Running] | None = None
    init_container_statuses: list[_Running] | None = None
    ephemeral_container_statuses: list[_Running] | None = None


class _Object(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: _Status = msgspec.field(default_factory=_Status)


class _Listed(msgspec.Struct):
    """The `continue` of the metadata comes under a name of its own, as it is a word of Python."""

    class Head(msgspec.Struct):
        """The metadata of a list."""

        version: str = msgspec.field(default="", name="resourceVersion")
        more: str = msgspec.field(default="", name="continue")

    metadata: Head = msgspec.field(default_factory=Head)
    items: list[msgspec.Raw] = []


class _Event(msgspec.Struct):
    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


_object = msgspec.json.Decoder(_Object)
_listed = msgspec.json.Decoder(_Listed)
_event = msgspec.json.Decoder(_Event)
_KEPT = ("plimsoll.dev/", "kubernetes.io/config.")


def pod_of(data: bytes | msgspec.Raw) -> Pod | None:
    """Return the pod that an object of the API is, None where it cannot be read."""
    try:
        told = _object.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    meta, status = told.metadata, told.status
    owner = next((one for one in meta.owner_references or () if one.controller), _Owner())
    running = [
        *(status.container_statuses or ()),
        *(status.init_container_statuses or ()),
        *(status.ephemeral_container_statuses or ()),
    ]
    return Pod(
        meta.uid,
        meta.namespace,
        meta.name,
        meta.labels or {},
        {key: value for key, value in (meta.annotations or {}).items() if key.startswith(_KEPT)},
        owner.kind,
        owner.name,
        meta.generate_name,
        {one.container_id.rpartition("://")[2]: one.name for one in running if one.container_id},
        {one.name: (one.image, one.image_id) for one in running if one.image_id},
    )


class Stale(Exception):
    """The watch cannot go on from where it was: the pods have to be listed again."""


class Pods:
    """The pods of a node, kept up to date in the background."""

    def __init__(self, way: Access, node: str) -> None:
        self.way, self.node = way, node
        self.ready = False
        """Whether all pods of the node have been told once."""
        self.error = ""
        """Why the last request failed."""
        self._pods: dict[str, Pod] = {}
        self._wire: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="plimsoll-pods", daemon=True)
        self._thread.start()

    def find(self, uid: str) -> Pod | None:
        """Return the pod whose cgroup bears this uid."""
        return self._pods.get(uid)

    def __len__(self) -> int:
        return len(self._pods)

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, which reads
        self._thread.join(3)

    def _serve(self) -> None:
        delay = 1.0
        while not self._closed.is_set():
            try:
                version = self._list()
                self.ready, self.error, delay = True, "", 1.0
                while not self._closed.is_set():
                    version = self._watch(version)
            except Stale:
                self._closed.wait(0.1)
            except (OSError, ValueError, http.client.HTTPException, msgspec.MsgspecError) as error:
                self.error = f"{self.way.server}: {error}"
                self._closed.wait(delay)
                delay = min(2 * delay, _PATIENCE)

    def _list(self) -> str:
        """Take all pods of the node, page by page, and return the version they are of."""
        found: dict[str, Pod] = {}
        more = ""
        while True:
            answer = self._asked({"limit": str(_PAGE)} | ({"continue": more} if more else {}))
            page = _listed.decode(_bounded(answer.read(_LONGEST + 1)))
            for item in page.items:
                _kept(found, pod_of(item))
            more = page.metadata.more
            if not more or len(found) >= _MOST:
                self._pods = found
                return page.metadata.version

    def _watch(self, version: str) -> str:
        """Follow what happens to the pods for a while, and return up to where."""
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH), "resourceVersion": version}
        answer = self._asked(query)
        for line in _lines(answer):
            event = _event.decode(line)
            if event.type == "ERROR":
                raise Stale
            told = _object.decode(event.object)
            version = told.metadata.resource_version or version
            if event.type in ("ADDED", "MODIFIED") and len(self._pods) < _MOST:
                _kept(self._pods, pod_of(event.object))
            elif event.type == "DELETED":
                self._forget(told.metadata.uid)
        return version

    def _forget(self, uid: str) -> None:
        for key in [key for key, pod in list(self._pods.items()) if pod.uid == uid]:
            self._pods.pop(key, None)

    def _asked(self, query: Mapping[str, str]) -> http.client.HTTPResponse:
        selected = {"fieldSelector": f"spec.nodeName={self.node}"} | dict(query)
        if self._wire:
            self._wire.close()
        self._wire = wire = _connection(self.way)
        wire.connect()
        self._socket = wire.sock  # an answer without a length takes it over
        prefix = quote(urlsplit(self.way.server).path.rstrip("/"))
        wire.request("GET", f"{prefix}/api/v1/pods?{urlencode(selected)}", headers=self.way.headers())
        answer = wire.getresponse()
        if answer.status == http.HTTPStatus.GONE:
            raise Stale
        if answer.status != http.HTTPStatus.OK:
            raise ValueError(_refusal(answer.status))
        return answer


def _refusal(status: int) -> str:
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return f"HTTP {status}: the account needs the verbs list and watch on pods"
    return f"HTTP {status}"


def _connection(way: Access) -> http.client.HTTPConnection:
    server = urlsplit(way.server)
    host, patience = server.hostname or "", _WATCH + 15.0
    if server.scheme == "http":
        return http.client.HTTPConnection(host, server.port, timeout=patience)
    return http.client.HTTPSConnection(host, server.port, timeout=patience, context=way.context)


def _kept(pods: dict[str, Pod], pod: Pod | None) -> None:
    """Keep a pod under its uid, and under that of its cgroup, which is a static pod's hash."""
    if pod and pod.uid:
        pods[pod.uid] = pod
        if pod.annotations.get("kubernetes.io/config.hash"):
            pods[pod.annotations["kubernetes.io/config.hash"]] = pod


def _bounded(data: bytes) -> bytes:
    if len(data) > _LONGEST:
        raise ValueError("the answer is too long")
    return data


def _lines(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while line := _bounded(answer.readline(_LONGEST + 1)):
        if line.strip():
            yield line

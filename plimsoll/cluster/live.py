"""The objects of a live cluster, listed through the user's kubeconfig; nothing is ever changed there.

Every kind of Kubernetes' own groups that can be listed is, a page at a time, and of Secrets no more than their names.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx2
import msgspec
import yaml

from plimsoll import errors
from plimsoll.cluster.manifests import Document, Reject, shown
from plimsoll.sensor import kube

PAGE = 500
LARGEST = 1 << 28
"""Bytes of one page."""
MOST_PAGES = 4_000
PATIENCE = httpx2.Timeout(60, connect=10)
PASSED_OVER = frozenset({"Event", "Lease", "ComponentStatus", "PodMetrics", "NodeMetrics", "ControllerRevision"})
"""What says nothing of what the cluster allows."""
FOREIGN = frozenset(
    {"gateway.networking.k8s.io", "networking.istio.io", "security.istio.io", "projectcalico.org", "cilium.io"}
)
"""Groups besides Kubernetes' own whose objects are judged too."""
_NAMES = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_LOGIN = 60
"""Seconds that a program may take to log in; it may ask the user."""


_T = TypeVar("_T")


class Resource(NamedTuple):
    """A kind that the API lists."""

    path: str
    """`/apis/apps/v1/deployments`"""
    api: str
    kind: str


class _Told(msgspec.Struct, rename="camel"):
    """A part of an answer of the API."""


class _Kind(_Told):
    name: str = ""
    kind: str = ""
    verbs: list[str] = []


class _Kinds(_Told):
    resources: list[_Kind] = []


class _Version(_Told):
    group_version: str = ""


class _Group(_Told):
    name: str = ""
    preferred_version: _Version = msgspec.field(default_factory=_Version)


class _Groups(_Told):
    groups: list[_Group] = []


class _Head(msgspec.Struct):
    more: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _Head = msgspec.field(default_factory=_Head)
    items: list[dict[str, Any]] | None = None


def documents(environ: Mapping[str, str] = os.environ) -> Iterator[Document | Reject]:
    """Yield each object that the user may list, and a reject for each kind that cannot be listed.

    Raise NotAuthorisedError where the user may list nothing at all, InputError where there is no cluster to ask.
    """
    way, headers = _way(environ)
    with httpx2.Client(base_url=way.server, verify=way.context, headers=headers, timeout=PATIENCE) as client:
        refused = 0
        known = [*resources(client)]
        for resource in known:
            try:
                yield from _listed(client, resource)
            except errors.NotAuthorisedError as problem:
                refused += 1
                yield Reject(way.server, 0, str(problem))
            except (errors.InputError, msgspec.MsgspecError) as problem:
                yield Reject(way.server, 0, f"{resource.kind}: {problem}")
        if refused == len(known):
            raise errors.NotAuthorisedError(f"{shown(way.server)} lets us list nothing")


def resources(client: httpx2.Client) -> Iterator[Resource]:
    """Yield the kinds that can be listed, by the version that the server prefers."""
    groups = _asked(client, "/apis", _Groups).groups
    roots = ["/api/v1"]
    roots += [
        f"/apis/{one.preferred_version.group_version}"
        for one in groups
        if "." not in one.name or one.name.endswith(".k8s.io") or one.name in FOREIGN
    ]
    for root in roots:
        try:
            kinds = _asked(client, root, _Kinds).resources
        except errors.InputError:
            continue  # a group whose own server does not answer
        for one in kinds:
            if "list" in one.verbs and "/" not in one.name and one.kind not in PASSED_OVER:
                yield Resource(f"{root}/{one.name}", root.removeprefix("/apis/").removeprefix("/api/"), one.kind)


def _listed(client: httpx2.Client, resource: Resource) -> Iterator[Document]:
    query, accept = {"limit": str(PAGE)}, _NAMES if resource.kind == "Secret" else "application/json"
    for _ in range(MOST_PAGES):
        page = _asked(client, resource.path, _Page, query, accept)
        for item in page.items or ():
            whole = {**item, "apiVersion": resource.api, "kind": resource.kind}
            yield Document("", 0, msgspec.json.encode(whole))
        if not page.metadata.more:
            return
        query = {"limit": str(PAGE), "continue": page.metadata.more}
    raise errors.InputError(f"more than {MOST_PAGES * PAGE:,} objects")


def _asked(
    client: httpx2.Client,
    path: str,
    of: type[_T],
    query: Mapping[str, str] | None = None,
    accept: str = "application/json",
) -> _T:
    """Return the answer to a request; raise NotAuthorisedError or InputError where it is none."""
    try:
        with client.stream("GET", path, params=query, headers={"Accept": accept}) as answer:
            if answer.status_code in (401, 403):
                raise errors.NotAuthorisedError(f"HTTP {answer.status_code}: the user may not list {path}")
            if answer.status_code != 200:
                raise errors.InputError(f"HTTP {answer.status_code} for {path}")
            return msgspec.json.decode(_body(answer), type=of)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, msgspec.MsgspecError) as problem:
        raise errors.InputError(f"{path}: {problem or type(problem).__name__}", file=str(client.base_url)) from problem


def _body(answer: httpx2.Response) -> bytes:
    whole = bytearray()
    for piece in answer.iter_bytes():
        whole += piece
        if len(whole) > LARGEST:
            raise errors.InputError(f"a page of more than {LARGEST >> 20} MiB")
    return bytes(whole)


def _way(environ: Mapping[str, str]) -> tuple[kube.Access, dict[str, str]]:
    """Return where the API server is, and what it shall know us by."""
    file = kubeconfig(environ)
    way = kube.of_kubeconfig(file) if file else kube.access(environ)
    if way is None:
        raise errors.InputError("no cluster to ask: neither KUBECONFIG nor ~/.kube/config is there, and this is no pod")
    headers = way.headers()
    if file and "Authorization" not in headers and (token := _login(file, environ)):
        headers["Authorization"] = f"Bearer {token}"
    return way, headers


def kubeconfig(environ: Mapping[str, str]) -> Path | None:
    """Return the kubeconfig that kubectl would take."""
    names = environ.get("KUBECONFIG") or str(Path(environ.get("HOME", "")) / ".kube" / "config")
    return next((Path(name) for name in names.split(os.pathsep) if name and Path(name).is_file()), None)


def _login(file: Path, environ: Mapping[str, str]) -> str:
    """Return the token that the program named in a kubeconfig's user gives, as kubectl asks it; empty without one."""
    told: Any = yaml.load(file.read_bytes(), yaml.CSafeLoader)
    user = _named(told.get("users"), _context_user(told))
    program = user.get("exec") if isinstance(user, dict) else None
    if not isinstance(program, dict) or not isinstance(program.get("command"), str):
        return ""
    more = {str(one.get("name")): str(one.get("value")) for one in program.get("env") or () if isinstance(one, dict)}
    info = {"apiVersion": program.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    more["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(info).decode()
    command = [program["command"], *map(str, program.get("args") or ())]
    try:
        done = subprocess.run(  # noqa: S603  the user's own program, as kubectl runs it
            command, env={**environ, **more}, stdout=subprocess.PIPE, check=True, timeout=_LOGIN
        )
        return str(msgspec.json.decode(done.stdout)["status"]["token"])
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError, KeyError, TypeError) as problem:
        raise errors.NotAuthorisedError(f"{command[0]} gave no token: {problem}") from problem


def _context_user(told: Any) -> object:
    context = _named(told.get("contexts"), told.get("current-context"), "context")
    return context.get("user") if isinstance(context, dict) else None


def _named(entries: Any, name: object, what: str = "user") -> object:
    held = [one for one in entries or () if isinstance(one, dict)]
    return next((one.get(what) for one in held if one.get("name") == name), None)

"""The fields of Kubernetes audit events, `ka.*` and `jevt.*`, out of the audit table's columns.

Bodies are JSON there; each is read once, and only where a field is asked for that is in it. A column `event`,
which holds the whole event as JSON, gives what the table has no column for.
"""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from plimsoll.rules import syntax, transform

Json = Any
_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode

PLAIN = {
    "evt.num": "evt_num",
    "ka.auditid": "auditID",
    "ka.stage": "stage",
    "ka.verb": "verb",
    "ka.uri": "requestURI",
    "ka.user.name": "user_username",
    "ka.user.groups": "user_groups",
    "ka.impuser.name": "impersonatedUser_username",
    "ka.useragent": "userAgent",
    "ka.sourceips": "sourceIPs",
    "ka.auth.decision": "annotations_decision",
    "ka.auth.reason": "annotations_reason",
    "ka.target.name": "objectRef_name",
    "ka.target.namespace": "objectRef_namespace",
    "ka.target.resource": "objectRef_resource",
    "ka.target.subresource": "objectRef_subresource",
    "ka.response.code": "responseStatus_code",
    "jevt.value[/auditID]": "auditID",
    "jevt.value[/stage]": "stage",
    "jevt.value[/level]": "level",
    "jevt.value[/verb]": "verb",
    "jevt.value[/requestURI]": "requestURI",
    "jevt.value[/userAgent]": "userAgent",
    "jevt.value[/user/username]": "user_username",
    "jevt.value[/impersonatedUser/username]": "impersonatedUser_username",
    "jevt.value[/responseStatus/code]": "responseStatus_code",
    "jevt.value[/objectRef/apiGroup]": "objectRef_apiGroup",
    "jevt.value[/objectRef/resource]": "objectRef_resource",
    "jevt.value[/objectRef/subresource]": "objectRef_subresource",
    "jevt.value[/objectRef/namespace]": "objectRef_namespace",
    "jevt.value[/objectRef/name]": "objectRef_name",
}
"""Fields that are columns."""
WHOLE = "event"
"""The column of whole events."""


def needs_whole(field: str) -> bool:
    """Say whether a field is told only by the whole event.

    >>> needs_whole("jevt.value[/stage]"), needs_whole("jevt.value[/requestObject/kind]"), needs_whole("jevt.obj")
    (False, False, True)
    """
    if field in PLAIN:
        return False
    if field.startswith("jevt.value["):
        return field[12:].partition("/")[0].rstrip("]") not in ("requestObject", "responseObject", "annotations")
    return field in ("jevt.obj", "ka.response.reason", *TIMES)


class View:
    """Rows of the audit table, whose JSON is read when it is first asked for."""

    def __init__(self, events: pl.DataFrame) -> None:
        self._events = events
        self._columns = frozenset(events.columns)
        self._read: dict[str, list[Json]] = {}

    def column(self, name: str, dtype: pl.DataType) -> pl.Series:
        """Return a field as a column; null where an event does not have it."""
        if name in PLAIN and PLAIN[name] in self._columns:
            return self._events[PLAIN[name]].cast(dtype).alias(name)
        field = syntax.value(name)
        values = self._values(field) if isinstance(field, syntax.Field) else None
        return pl.Series(name, [None] * self._events.height if values is None else values, dtype)

    def _values(self, field: syntax.Field) -> Sequence[Any] | None:
        name, arg = field
        if name in TIMES:
            return [TIMES[name](time) for time in self._times()]
        if name == "ka.uri.param":
            return [parameter(uri, arg or "") for uri in self._list("requestURI")]
        if name in ("ka.auth.openshift.decision", "ka.auth.openshift.username"):
            key = f"authentication.openshift.io/{name.rpartition('.')[2]}"
            return [text(at(notes, [key])) for notes in self._json("annotations")]
        if name == "ka.response.reason":
            return [text(at(event, ["responseStatus", "reason"])) for event in self._json(WHOLE)]
        if name == "jevt.obj":
            return [
                None if event is None else msgspec.json.format(_write(event), indent=2).decode()
                for event in self._json(WHOLE)
            ]
        if name == "jevt.value":
            return self._pointed(arg or "")
        if name in ("ka.resp.name", "ka.target.pod.name"):
            return [text(at(body, ["metadata", "name"])) for body in self._json("responseObject")]
        read = _BODY.get(name) or _pod(name)
        return (
            None
            if read is None
            else [None if body is None else _some(read(body, arg)) for body in self._json("requestObject")]
        )

    def _list(self, column: str) -> list[Any]:
        return self._events[column].to_list() if column in self._columns else [None] * self._events.height

    def _json(self, column: str) -> list[Json]:
        """Return a column of JSON, read."""
        if column not in self._read:
            self._read[column] = [None if one is None else _json(one) for one in self._list(column)]
        return self._read[column]

    def _times(self) -> list[int | None]:
        """Return when each event's stage was reached, in nanoseconds; where that is not told, when the request came."""
        came = (
            self._events["time"].dt.epoch("us").to_list() if "time" in self._columns else [None] * self._events.height
        )
        stages = [at(event, ["stageTimestamp"]) for event in self._json(WHOLE)]
        told = (
            pl.Series(stages, dtype=pl.String)
            .str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
            .dt.epoch("us")
        )
        return [None if time is None else time * 1000 for time in told.fill_null(pl.Series(came, dtype=pl.Int64))]

    def _pointed(self, pointer: str) -> list[str | None]:
        """Return what a JSON pointer (RFC 6901) leads to."""
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        if WHOLE in self._columns:
            return [text(at(event, parts)) for event in self._json(WHOLE)]
        if parts and parts[0] in ("requestObject", "responseObject", "annotations"):
            return [text(at(body, parts[1:])) for body in self._json(parts[0])]
        return [None] * self._events.height


def _json(one: str) -> Json:
    try:
        return _read(one)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def at(value: Json, parts: Iterable[str]) -> Json:
    """Return what lies in a JSON value below these keys and positions; None where nothing does.

    >>> at({"a": [{"b": 1}]}, ["a", "0", "b"])
    1
    """
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
            value = value[int(part[:9])]
        else:
            return None
    return value


def text(value: Json) -> str | None:
    """Return a JSON value as a field tells it: a text as it is, all else as JSON.

    >>> text("a"), text([1, {"b": True}]), text(None)
    ('a', '[1,{"b":true}]', None)
    """
    return value if value is None or isinstance(value, str) else _write(value).decode()


def texts(values: Json) -> list[str]:
    """Return a list's elements as texts, empty ones left out."""
    return [made for value in values if (made := text(value)) is not None] if isinstance(values, list) else []


def _some(value: Any) -> Any:
    return None if value == [] else value


def parameter(uri: str | None, name: str) -> str | None:
    """Return a parameter of a request's URI.

    >>> parameter("/api/v1/pods/a/exec?command=sh&command=-c&stdin=true", "command")
    'sh'
    """
    if not uri or "?" not in uri or len(uri) > 65_536:
        return None
    try:
        pairs = urllib.parse.parse_qsl(uri.partition("?")[2], keep_blank_values=True)
    except ValueError:
        return None
    return next((value for key, value in pairs if key == name), None)


def repository(image: str) -> str:
    """Return an image without its tag and digest.

    >>> repository("registry:5000/shop/web:1.2@sha256:0a"), repository("nginx")
    ('registry:5000/shop/web', 'nginx')
    """
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


TIMES: dict[str, Callable[[int | None], Any]] = {
    "jevt.rawtime": lambda time: time,
    "evt.rawtime": lambda time: time,
    "jevt.time": lambda time: None if time is None else transform.clock(time, "%H:%M:%S.%9"),
    "jevt.time.iso8601": lambda time: None if time is None else transform.clock(time, "%Y-%m-%dT%H:%M:%S.%9Z"),
}

Reader = Callable[[Json, str | None], Any]


def _path(*parts: str) -> Reader:
    return lambda body, _: text(at(body, parts))


def _rules(key: str) -> Reader:
    """Return a reader of what the rules of a role hold under a key, all together or of one rule."""

    def read(body: Json, arg: str | None) -> list[str]:
        rules = at(body, ["rules"])
        rules = rules if isinstance(rules, list) else []
        return [one for rule in _chosen(rules, arg) for one in texts(at(rule, [key]))]

    return read


def _chosen(items: list[Json], arg: str | None) -> list[Json]:
    """Return all items, or the one at a place."""
    return items if arg is None else items[int(arg[:9]) :][:1] if arg.isdecimal() else []


def _volumes(*parts: str) -> Reader:
    def read(body: Json, arg: str | None) -> list[str]:
        volumes = _list(body, "spec", "volumes")
        return texts([at(volume, parts) for volume in _chosen(volumes, arg)])

    return read


def _list(body: Json, *parts: str) -> list[Json]:
    found = at(body, parts)
    return found if isinstance(found, list) else []


def _kinds(body: Json, arg: str | None) -> list[str]:
    """Return which kinds the volumes of a pod are."""
    return [
        key
        for volume in _chosen(_list(body, "spec", "volumes"), arg)
        if isinstance(volume, dict)
        for key in volume
        if key != "name"
    ]


def _named(body: Json, arg: str | None) -> str:
    return text(any(at(subject, ["name"]) == arg for subject in _list(body, "subjects"))) or "false"


def _first_image(body: Json, _: str | None) -> str | None:
    return text(at(body, ["spec", "containers", "0", "image"]))


def _first_repository(body: Json, _: str | None) -> str | None:
    image = _first_image(body, None)
    return None if image is None else repository(image)


def _privileged(body: Json, _: str | None) -> str:
    return (
        text(any(at(one, ["securityContext", "privileged"]) is True for one in _list(body, "spec", "containers"))) or ""
    )


def _mounted(body: Json, arg: str | None) -> str:
    """Say whether a path of the host is mounted; with a star at the end, or one that begins so."""
    wanted = arg or ""
    paths = texts([at(volume, ["hostPath", "path"]) for volume in _list(body, "spec", "volumes")])
    starts = wanted.endswith("*")
    return text(any(path == wanted or (starts and path.startswith(wanted[:-1])) for path in paths)) or ""


_BODY: dict[str, Reader] = {
    # Fields of k8saudit's first versions, which old rule files still use.
    "ka.req.container.image": _first_image,
    "ka.req.container.image.repository": _first_repository,
    "ka.req.container.privileged": _privileged,
    "ka.req.container.host_network": _path("spec", "hostNetwork"),
    "ka.req.volume.hostpath": _mounted,
    "ka.req.binding.subjects": lambda body, _: texts(at(body, ["subjects"])),
    "ka.req.binding.subject.has_name": _named,
    "ka.req.binding.role": _path("roleRef", "name"),
    "ka.req.configmap.name": _path("metadata", "name"),
    "ka.req.configmap.obj": _path("data"),
    "ka.req.role.rules": lambda body, _: texts(at(body, ["rules"])),
    "ka.req.role.rules.apiGroups": _rules("apiGroups"),
    "ka.req.role.rules.nonResourceURLs": _rules("nonResourceURLs"),
    "ka.req.role.rules.verbs": _rules("verbs"),
    "ka.req.role.rules.resources": _rules("resources"),
    "ka.req.service.type": _path("spec", "type"),
    "ka.req.service.ports": lambda body, arg: (
        texts([at(body, ["spec", "ports"])]) if arg is None else texts(_chosen(_list(body, "spec", "ports"), arg))
    ),
    "ka.req.pod.host_ipc": _path("spec", "hostIPC"),
    "ka.req.pod.host_network": _path("spec", "hostNetwork"),
    "ka.req.pod.host_pid": _path("spec", "hostPID"),
    "ka.req.pod.run_as_user": _path("spec", "securityContext", "runAsUser"),
    "ka.req.pod.run_as_group": _path("spec", "securityContext", "runAsGroup"),
    "ka.req.pod.fs_group": _path("spec", "securityContext", "fsGroup"),
    "ka.req.pod.supplemental_groups": lambda body, _: texts(
        at(body, ["spec", "securityContext", "supplementalGroups"])
    ),
    "ka.req.pod.volumes.hostpath": _volumes("hostPath", "path"),
    "ka.req.pod.volumes.flexvolume_driver": _volumes("flexVolume", "driver"),
    "ka.req.pod.volumes.volume_type": _kinds,
}
_CONTAINER: dict[str, Sequence[str]] = {
    "image": ["image"],
    "image.repository": ["image"],
    "privileged": ["securityContext", "privileged"],
    "allow_privilege_escalation": ["securityContext", "allowPrivilegeEscalation"],
    "read_only_fs": ["securityContext", "readOnlyRootFilesystem"],
    "run_as_user": ["securityContext", "runAsUser"],
    "eff_run_as_user": ["securityContext", "runAsUser"],
    "run_as_group": ["securityContext", "runAsGroup"],
    "eff_run_as_group": ["securityContext", "runAsGroup"],
    "proc_mount": ["securityContext", "procMount"],
    "add_capabilities": ["securityContext", "capabilities", "add"],
    "host_port": ["ports"],
}
"""What is told of a container, and where."""


@functools.cache
def _pod(name: str) -> Reader | None:
    """Return the reader of a field of a pod's containers."""
    parts = name.removeprefix("ka.req.pod.").split(".", 1)
    if len(parts) != 2 or parts[1] not in _CONTAINER:
        return None
    group, what = parts

    def read(body: Json, arg: str | None) -> list[str]:
        containers = [*_list(body, "spec", group), *_list(body, group)]
        found = [_of_container(container, what, body) for container in _chosen(containers, arg)]
        return [one for many in found for one in many]

    return read


def _of_container(container: Json, what: str, body: Mapping[str, Json]) -> list[str]:
    value = at(container, _CONTAINER[what])
    if what == "host_port":
        return texts([at(port, ["hostPort"]) for port in value]) if isinstance(value, list) else []
    if what == "add_capabilities":
        return texts(value)
    if value is None and what.startswith("eff_"):
        value = at(body, ["spec", *_CONTAINER[what]]) or 0
    made = texts([value])
    return [repository(one) for one in made] if what == "image.repository" else made

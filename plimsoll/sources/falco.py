"""Falco's alerts (json_output): one row an alert, its columns from the fields the rule printed."""

from __future__ import annotations

from typing import Any

import msgspec

from plimsoll.sources import activity, records
from plimsoll.sources.activity import Row

STREAM: records.Stream = "activity"

FIELDS = {
    "evt_type": ("evt.type",),
    "evt_res": ("evt.res",),
    "evt_arg_flags": ("evt.arg.flags",),
    "proc_name": ("proc.name",),
    "proc_exepath": ("proc.exepath",),
    "proc_cmdline": ("proc.cmdline",),
    "proc_cwd": ("proc.cwd",),
    "proc_pid": ("proc.pid",),
    "proc_ppid": ("proc.ppid",),
    "proc_pname": ("proc.pname",),
    "proc_pexepath": ("proc.pexepath",),
    "proc_tty": ("proc.tty",),
    "proc_is_exe_upper_layer": ("proc.is_exe_upper_layer",),
    "proc_is_exe_from_memfd": ("proc.is_exe_from_memfd",),
    "user_uid": ("user.uid",),
    "user_name": ("user.name",),
    "fd_name": ("fd.name",),
    "fs_path_target": ("fs.path.target",),
    "fd_l4proto": ("fd.l4proto",),
    "fd_cip": ("fd.cip",),
    "fd_cport": ("fd.cport",),
    "fd_sip": ("fd.sip",),
    "fd_sport": ("fd.sport",),
    "fd_sip_name": ("fd.sip.name",),
    "container_id": ("container.id",),
    "container_name": ("container.name",),
    "container_image": ("container.image",),
    "container_image_digest": ("container.image.digest",),
    "k8s_ns_name": ("k8s.ns.name", "k8smeta.ns.name"),
    "k8s_pod_name": ("k8s.pod.name", "k8smeta.pod.name"),
    "k8s_pod_uid": ("k8s.pod.uid", "k8smeta.pod.uid"),
}
"""Where a column comes from: the first of these fields that has a value."""

WORKLOADS = {
    "Deployment": ("k8smeta.deployment.name", "k8s.deployment.name"),
    "ReplicationController": ("k8smeta.rc.name", "k8s.rc.name"),
}

_SERVING = ("accept", "accept4", "listen", "bind")
_NOTHING = (None, "", "<NA>")


class Alert(msgspec.Struct, frozen=True):
    """An alert as Falco writes it; `output`, `output_fields` and `tags` can be switched off."""

    rule: str
    priority: str
    time: records.Time
    output: str | None = None
    output_fields: dict[str, Any] | None = None
    hostname: str | None = None
    tags: list[str] | None = None


def recognises(record: object) -> bool:
    """Return whether this is an alert of Falco.

    >>> recognises({"rule": "Terminal shell", "priority": "Notice", "output": "…", "time": "…"})
    True
    """
    return (
        isinstance(record, dict)
        and {"rule", "priority", "time"} <= record.keys()
        and ("output" in record or "output_fields" in record)
    )


def rows(alert: Alert) -> list[Row]:
    """Return the alert's row."""
    fields = {name: value for name, value in (alert.output_fields or {}).items() if value not in _NOTHING}
    told: Row = {
        "time": alert.time,
        "evt_source": "falco",
        "hostname": alert.hostname,
        "rule": alert.rule,
        "priority": alert.priority,
        "output": alert.output,
        "tags": alert.tags,
        "proc_aname": _ancestors(fields),
    }
    columns: Row = {
        column: next((fields[name] for name in names if name in fields), None) for column, names in FIELDS.items()
    }
    return [
        activity.filled(
            {
                **told,
                **_ends(fields),
                **activity.filled(columns),
                **_image(fields),
                **_workload(fields),
                **_host(fields),
            }
        )
    ]


def _ancestors(fields: dict[str, Any]) -> list[str]:
    """The names from the parent on, as far as they are told without a gap."""
    names = {1: fields.get("proc.pname")} | {
        n: fields.get(f"proc.aname[{n}]") for n in range(1, len(fields) + 1) if f"proc.aname[{n}]" in fields
    }
    known: list[str] = []
    while (name := names.get(len(known) + 1)) is not None:
        known.append(name)
    return known


def _ends(fields: dict[str, Any]) -> Row:
    """The two ends from the local and remote ones, else from fd.name, where Falco writes client->server."""
    local = (fields.get("fd.lip"), fields.get("fd.lport"))
    remote = (fields.get("fd.rip"), fields.get("fd.rport"))
    if local == remote == activity.NOBODY:
        return _named_ends(str(fields.get("fd.name", "")))
    client, server = (remote, local) if fields.get("evt.type") in _SERVING else (local, remote)
    return {"fd_cip": client[0], "fd_cport": client[1], "fd_sip": server[0], "fd_sport": server[1]}


def _named_ends(name: str) -> Row:
    client, arrow, server = name.partition("->")
    (cip, _, cport), (sip, _, sport) = client.rpartition(":"), server.rpartition(":")
    if not (arrow and _is_port(cport) and _is_port(sport)):
        return {}
    return {"fd_cip": cip, "fd_cport": int(cport), "fd_sip": sip, "fd_sport": int(sport)}


def _is_port(text: str) -> bool:
    return len(text) <= 5 and text.isascii() and text.isdigit()


def _image(fields: dict[str, Any]) -> Row:
    repository, tag = fields.get("container.image.repository"), fields.get("container.image.tag")
    if "container.image" in fields or not repository:
        return activity.filled(activity.image(fields.get("container.image"), fields.get("container.image.digest")))
    return {"container_image": f"{repository}:{tag}" if tag else repository}


def _workload(fields: dict[str, Any]) -> Row:
    for kind, names in WORKLOADS.items():
        for name in names:
            if name in fields:
                return activity.workload(kind, fields[name])
    return {}


def _host(fields: dict[str, Any]) -> Row:
    """Falco calls the node itself the container "host"; in our columns it is in none."""
    return {"container_id": None, "container_name": None} if fields.get("container.id") == "host" else {}


parse = records.each(STREAM, rows, Alert)

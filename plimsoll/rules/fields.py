"""The fields that rules speak of: their types, whether they take an argument, and which events have them.

The names and types are those of Falco's libraries 0.25, of its container plugin and of its plugins
k8saudit and json (https://falco.org/docs/reference/rules/supported-fields).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from plimsoll.rules import syntax

Type = Literal[
    "text", "bytes", "bool", "int16", "int32", "int64", "uint32", "uint64", "double",
    "port", "abstime", "reltime", "address", "net", "dynamic",
]  # fmt: skip

RANGES: dict[str, range] = {
    "int16": range(-(2**15), 2**15),
    "int32": range(-(2**31), 2**31),
    "int64": range(-(2**63), 2**63),
    "uint32": range(2**32),
    "uint64": range(2**64),
    "port": range(2**16),
    "abstime": range(2**64),
    "reltime": range(2**64),
    "dynamic": range(-(2**63), 2**64),
}
"""Types that are whole numbers."""


class Kind(NamedTuple):
    """What is known of a field."""

    type: Type
    is_list: bool = False
    argument: Literal["none", "may", "must"] = "none"
    filter_only: bool = False
    """It stands for several values and can only be compared."""
    left_only: bool = False
    """It can be neither compared with nor transformed."""


SOURCES = ("syscall", "k8s_audit")
"""Kinds of events we have rules for."""

_SYSCALL = {
    "uint64": """
        evt.num evt.latency.quantized evt.buflen evt.around[!]?- evt.buflen.in evt.buflen.out evt.buflen.file
        evt.buflen.file.in evt.buflen.file.out evt.buflen.net evt.buflen.net.in evt.buflen.net.out proc.cmdnargs
        proc.cmdlenargs proc.pidns_init_start_ts proc.fdopencount proc.vmsize proc.vmrss proc.vmswap thread.pfmajor
        thread.pfminor proc.nthreads proc.nchilds thread.vmsize thread.vmrss thread.vmsize.b thread.vmrss.b
    """,
    "text": """
        evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.pluginname evt.plugininfo evt.source
        evt.asynctype evt.hostname evt.latency.human evt.dir evt.type syscall.type evt.category evt.args evt.arg[!]
        evt.info evt.res evt.io_dir evt.abspath[!] evt.infra.docker.name evt.infra.docker.container.id
        evt.infra.docker.container.name evt.infra.docker.container.image proc.exe proc.pexe proc.aexe[]- proc.exepath
        proc.pexepath proc.aexepath[]- proc.name proc.pname proc.aname[]- proc.args[] proc.aargs[] proc.cmdline
        proc.pcmdline proc.acmdline[]- proc.exeline proc.env[] proc.aenv[]- proc.cwd proc.sname proc.sid.exe
        proc.sid.exepath proc.vpgid.name proc.vpgid.exe proc.vpgid.exepath proc.pgid.name proc.pgid.exe
        proc.pgid.exepath thread.cap_permitted thread.cap_inheritable thread.cap_effective thread.nametid thread.cgroups
        thread.cgroup[!] proc.stdin.type proc.stdout.type proc.stderr.type proc.stdin.name proc.stdout.name
        proc.stderr.name user.name user.homedir user.shell user.loginname group.name fd.type fd.typechar fd.name
        fd.directory fd.filename fd.l4proto fd.sockfamily fd.uid fd.containername fd.containerdirectory fd.cproto
        fd.sproto fd.lproto fd.rproto fd.cip.name- fd.sip.name- fd.lip.name- fd.rip.name- fd.nameraw fd.types[]*-
        fs.path.name fs.path.nameraw fs.path.source fs.path.sourceraw fs.path.target fs.path.targetraw fdlist.nums
        fdlist.names fdlist.cips fdlist.sips fdlist.cports fdlist.sports container.id container.full_id container.name
        container.image container.image.id container.type container.mounts container.mount[!] container.mount.source[!]
        container.mount.dest[!] container.mount.mode[!] container.mount.rdwr[!] container.mount.propagation[!]
        container.image.repository container.image.tag container.image.digest container.healthcheck
        container.liveness_probe container.readiness_probe container.ip container.cni.json container.label[!]
        container.labels k8s.pod.name k8s.pod.id k8s.pod.uid k8s.pod.sandbox_id k8s.pod.full_sandbox_id k8s.pod.label[!]
        k8s.pod.labels k8s.pod.ip k8s.pod.cni.json k8s.ns.name k8s.ns.id k8s.ns.label[!] k8s.ns.labels k8s.rc.name
        k8s.rc.id k8s.rc.label[!] k8s.rc.labels k8s.rs.name k8s.rs.id k8s.rs.label[!] k8s.rs.labels k8s.svc.name
        k8s.svc.id k8s.svc.label[!] k8s.svc.labels k8s.deployment.name k8s.deployment.id k8s.deployment.label[!]
        k8s.deployment.labels
    """,
    "abstime": """
        evt.rawtime evt.rawtime.s evt.rawtime.ns proc.exe_ino.ctime proc.exe_ino.mtime
        proc.exe_ino.ctime_duration_proc_start proc.exe_ino.ctime_duration_pidns_start container.start_ts
    """,
    "reltime": """
        evt.reltime evt.reltime.s evt.reltime.ns evt.latency evt.latency.s evt.latency.ns evt.deltatime evt.deltatime.s
        evt.deltatime.ns evt.wait_latency proc.duration proc.ppid.duration proc.pid.ts proc.ppid.ts thread.exectime
        thread.totexectime container.duration
    """,
    "bool": """
        evt.is_async evt.failed evt.is_io evt.is_io_read evt.is_io_write evt.is_wait evt.is_syslog evt.is_open_read
        evt.is_open_write evt.is_open_exec evt.is_open_create proc.is_exe_writable proc.is_exe_upper_layer
        proc.is_exe_lower_layer proc.is_exe_from_memfd proc.is_sid_leader proc.is_vpgid_leader proc.is_pgid_leader
        thread.ismain fd.is_server fd.connected fd.name_changed fd.is_upper_layer fd.is_lower_layer container.privileged
        container.host_pid container.host_network container.host_ipc proc.is_container_healthcheck
        proc.is_container_liveness_probe proc.is_container_readiness_probe
    """,
    "uint32": """
        evt.type.is[!] evt.count evt.count.error evt.count.error.file evt.count.error.net evt.count.error.memory
        evt.count.error.other evt.count.exit evt.count.procinfo evt.count.threadinfo proc.tty user.uid group.gid
    """,
    "int16": """
        evt.cpu
    """,
    "dynamic": """
        evt.rawarg[!]-
    """,
    "bytes": """
        evt.buffer
    """,
    "int64": """
        evt.rawres proc.loginshellid proc.pid proc.ppid proc.apid[]- proc.vpid proc.pvpid proc.sid proc.vpgid proc.pgid
        proc.exe_ino proc.fdlimit thread.tid thread.vtid user.loginuid fd.num fd.ino
    """,
    "double": """
        proc.fdusage thread.cpu thread.cpu.user thread.cpu.system
    """,
    "address": """
        fd.ip?- fd.cip fd.sip fd.lip fd.rip
    """,
    "port": """
        fd.port?- fd.cport fd.sport fd.lport fd.rport fd.proto?-
    """,
    "net": """
        fd.net?- fd.cnet?- fd.snet?- fd.lnet?- fd.rnet?-
    """,
    "int32": """
        fd.dev fd.dev.major fd.dev.minor
    """,
}
_AUDIT = {
    "text": """
        ka.auditid ka.stage ka.auth.decision ka.auth.reason ka.auth.openshift.decision ka.auth.openshift.username
        ka.user.name ka.user.groups* ka.impuser.name ka.verb ka.uri ka.uri.param[!] ka.target.name ka.target.namespace
        ka.target.resource ka.target.subresource ka.target.pod.name ka.req.binding.subjects* ka.req.binding.role
        ka.req.container.image ka.req.container.image.repository ka.req.container.privileged
        ka.req.container.host_network ka.req.volume.hostpath[!] ka.req.binding.subject.has_name[!] ka.req.configmap.name ka.req.configmap.obj ka.req.pod.containers.image[]*
        ka.req.pod.containers.image.repository[]* ka.req.pod.containers.host_port[]* ka.req.pod.containers.privileged[]*
        ka.req.pod.containers.allow_privilege_escalation[]* ka.req.pod.containers.read_only_fs[]*
        ka.req.pod.containers.run_as_user[]* ka.req.pod.containers.eff_run_as_user[]* ka.req.pod.containers.run_as_group[]*
        ka.req.pod.containers.eff_run_as_group[]* ka.req.pod.containers.proc_mount[]*
        ka.req.pod.containers.add_capabilities[]* ka.req.pod.initContainers.image[]*
        ka.req.pod.initContainers.image.repository[]* ka.req.pod.initContainers.host_port[]*
        ka.req.pod.initContainers.privileged[]* ka.req.pod.initContainers.allow_privilege_escalation[]*
        ka.req.pod.initContainers.read_only_fs[]* ka.req.pod.initContainers.run_as_user[]*
        ka.req.pod.initContainers.eff_run_as_user[]* ka.req.pod.initContainers.run_as_group[]*
        ka.req.pod.initContainers.eff_run_as_group[]* ka.req.pod.initContainers.proc_mount[]*
        ka.req.pod.initContainers.add_capabilities[]* ka.req.pod.ephemeralContainers.image[]*
        ka.req.pod.ephemeralContainers.image.repository[]* ka.req.pod.ephemeralContainers.host_port[]*
        ka.req.pod.ephemeralContainers.privileged[]* ka.req.pod.ephemeralContainers.allow_privilege_escalation[]*
        ka.req.pod.ephemeralContainers.read_only_fs[]* ka.req.pod.ephemeralContainers.run_as_user[]*
        ka.req.pod.ephemeralContainers.eff_run_as_user[]* ka.req.pod.ephemeralContainers.run_as_group[]*
        ka.req.pod.ephemeralContainers.eff_run_as_group[]* ka.req.pod.ephemeralContainers.proc_mount[]*
        ka.req.pod.ephemeralContainers.add_capabilities[]* ka.req.pod.host_ipc ka.req.pod.host_network
        ka.req.pod.host_pid ka.req.pod.run_as_user ka.req.pod.run_as_group ka.req.pod.fs_group
        ka.req.pod.supplemental_groups* ka.req.pod.volumes.hostpath[]* ka.req.pod.volumes.volume_type[]*
        ka.req.pod.volumes.flexvolume_driver[]* ka.req.role.rules* ka.req.role.rules.apiGroups[]*
        ka.req.role.rules.nonResourceURLs[]* ka.req.role.rules.verbs[]* ka.req.role.rules.resources[]*
        ka.req.service.type ka.req.service.ports[]* ka.resp.name ka.response.code ka.response.reason ka.useragent
        ka.sourceips* ka.cluster.name jevt.value[!] jevt.obj jevt.time jevt.time.iso8601
    """,
    "abstime": "jevt.rawtime",
}
_EVERYWHERE = {
    "uint64": "evt.num",
    "text": """
        evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.source evt.hostname evt.pluginname
        evt.plugininfo evt.asynctype
    """,
    "bool": "evt.is_async",
    "abstime": "evt.rawtime evt.rawtime.s evt.rawtime.ns",
}
_ENDINGS = "?-*"
"""How the tables above say `filter_only`, `left_only` and `is_list`; [] says that an argument may follow, [!] that one must."""


def _kinds(table: dict[str, str]) -> dict[str, Kind]:
    return dict(_kind(word, type_) for type_, words in table.items() for word in words.split())


def _kind(word: str, type_: str) -> tuple[str, Kind]:
    name = word.rstrip(_ENDINGS)
    marks = word[len(name) :]
    bare = name.removesuffix("[!]").removesuffix("[]")
    argument: Literal["none", "may", "must"] = "must" if name.endswith("[!]") else "may" if bare != name else "none"
    kind = Kind(type_, "*" in marks, argument, "?" in marks, "-" in marks or "?" in marks)  # type: ignore[arg-type]
    return bare, kind


CATALOGUE: dict[str, dict[str, Kind]] = {
    "syscall": _kinds(_SYSCALL),
    "k8s_audit": _kinds(_AUDIT) | _kinds(_EVERYWHERE),
}
"""Source → name → what is known of the field."""

DEPRECATED = frozenset(
    {"evt.dir", "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.wait_latency"}
)
ANCESTORS = frozenset({"proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.aenv"})
"""Fields that without an index stand for every ancestor."""


class Unknown(ValueError):
    """A field that does not exist, or not in this form."""


def resolve(field: syntax.Field, source: str) -> tuple[syntax.Field, Kind]:
    """Return a field in its one spelling, and its kind: `evt.arg.flags` is `evt.arg[flags]` told otherwise.

    >>> resolve(syntax.Field("evt.arg.flags"), "syscall")
    (Field(name='evt.arg', arg='flags'), Kind(type='text', is_list=False, argument='must', filter_only=False, left_only=False))
    >>> resolve(syntax.Field("proc.nobody"), "syscall")
    Traceback (most recent call last):
    plimsoll.rules.fields.Unknown: filter_check called with nonexistent field proc.nobody
    """
    known = CATALOGUE.get(source, {})
    kind = known.get(field.name)
    if kind is None and field.arg is None:
        field = _with_argument(field.name, known)
        kind = known.get(field.name)
    if kind is None:
        raise Unknown(f"filter_check called with nonexistent field {field}")
    if field.arg is None and kind.argument == "must":
        raise Unknown(f"filter field {field.name} requires an argument but none provided")
    if field.arg is not None and kind.argument == "none":
        raise Unknown(f"filter field {field.name} does not take an argument")
    if field.name in ANCESTORS - {"proc.aenv"} and field.arg is not None and not field.arg.isdecimal():
        raise Unknown(f"filter field {field.name} takes the number of an ancestor, not {field.arg}")
    return field, kind


def _with_argument(name: str, known: dict[str, Kind]) -> syntax.Field:
    """Return the field of a name that ends in its argument: the longest that takes one."""
    head = name
    while "." in head:
        head = head.rpartition(".")[0]
        if head in known and known[head].argument != "none":
            return syntax.Field(head, name[len(head) + 1 :])
    return syntax.Field(name)

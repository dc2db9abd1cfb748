"""How far a pod is kept from its node, and a container from its pod, as Kubescape draws the lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plimsoll.posture.check import Test, Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Body, Cluster, Container, Object, at, listed, mapped, text

MAKERS = ("Pod", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob")
"""What Kubescape takes for a workload."""
Found = Iterator[Violation]

_PSP = "PodSecurityPolicy"
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SUDO = re.compile(r"\bsudo\b", re.IGNORECASE)
_SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)


def containers(one: Object) -> tuple[Container, ...]:
    """Return all containers of the pods an object is or makes."""
    return one.pod.containers if one.pod else ()


def lasting(one: Object) -> Iterator[Container]:
    """Yield its ordinary containers.

    >>> [found.name for found in lasting(Object({"kind": "Pod", "spec": {"containers": [{"name": "a"}]}}))]
    ['a']
    """
    return (found for found in containers(one) if found.list == "containers")


def shared(one: Object) -> Body:
    """Return the security context of the pod."""
    return one.pod.security if one.pod else {}


def capabilities(container: Container, change: str) -> Iterator[tuple[int, str]]:
    """Yield the capabilities that a container adds or drops, with their place, without CAP_ and in capitals."""
    for number, name in enumerate(listed(at(container.body, "securityContext", "capabilities", change))):
        yield number, text(name).upper().removeprefix("CAP_")


# The node


def _host(name: str, field: str, said: str) -> Test:
    @test(*MAKERS, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        if one.pod and one.pod.spec.get(field) is True:
            yield Violation(f"{one.pod.field}.{field}", said)

    return judged


host_network = _host("host_network", "hostNetwork", "the pod is in the network of its node")
host_pid = _host("host_pid", "hostPID", "the pod sees and signals every process of its node")
host_ipc = _host("host_ipc", "hostIPC", "the pod shares memory and semaphores with its node")


@test(*MAKERS)
def host_pid_or_ipc(one: Object, _: Cluster) -> Found:
    """The pod is among the node's processes or shares its memory."""
    for field in ("hostPID", "hostIPC"):
        if one.pod and one.pod.spec.get(field) is True:
            yield Violation(f"{one.pod.field}.{field}", f"{field} is true")


@test(*MAKERS)
def host_port(one: Object, _: Cluster) -> Found:
    """A port is opened on the node."""
    for container in containers(one):
        for number, port in enumerate(listed(container.body.get("ports"))):
            if taken := mapped(port).get("hostPort"):
                yield Violation(f"{container.field}.ports[{number}].hostPort", f"port {taken} is opened on the node")


@test(*MAKERS)
def host_process(one: Object, _: Cluster) -> Found:
    """A process of Windows runs on the node itself."""
    for field, context in _contexts(one):
        if at(context, "windowsOptions", "hostProcess") is True:
            yield Violation(f"{field}.securityContext.windowsOptions.hostProcess", "it runs on the node itself")


def _contexts(one: Object) -> Iterator[tuple[str, Body]]:
    if one.pod:
        yield one.pod.field, shared(one)
        yield from ((found.field, found.security) for found in one.pod.containers)


@test(*MAKERS)
def privileged(one: Object, _: Cluster) -> Found:
    """A container is privileged."""
    for container in containers(one):
        if container.security.get("privileged") is True:
            yield Violation(f"{container.field}.securityContext.privileged", "it is privileged")


@test(*MAKERS)
def administers_system(one: Object, _: Cluster) -> Found:
    """A container has the capability that Kubescape takes for being privileged."""
    for container in containers(one):
        for number, name in capabilities(container, "add"):
            if name == "SYS_ADMIN":
                where = f"{container.field}.securityContext.capabilities.add[{number}]"
                yield Violation(where, "it adds SYS_ADMIN, with which it can mount the node's disks")


@test(*MAKERS)
def insecure_capabilities(one: Object, _: Cluster) -> Found:
    """A container adds a capability that breaks its isolation."""
    for container in containers(one):
        for number, name in capabilities(container, "add"):
            if name in kubescape_defaults.INSECURE_CAPABILITIES:
                yield Violation(f"{container.field}.securityContext.capabilities.add[{number}]", f"it adds {name}")


@test(*MAKERS)
def raw_sockets(one: Object, _: Cluster) -> Found:
    """A container keeps NET_RAW."""
    for container in lasting(one):
        field = f"{container.field}.securityContext.capabilities"
        if any(name == "NET_RAW" for _, name in capabilities(container, "add")):
            yield Violation(f"{field}.add", "it adds NET_RAW")
        elif not any(name in ("NET_RAW", "ALL") for _, name in capabilities(container, "drop")):
            yield Violation(f"{field}.drop", "it does not drop NET_RAW")


# What a container may become


@once
def _is_forbidden_by_policy(cluster: Cluster) -> bool:
    return any(one.spec.get("allowPrivilegeEscalation") is False for one in cluster.of(_PSP))


@test(*MAKERS)
def escalation(one: Object, cluster: Cluster) -> Found:
    """Processes may gain rights, and no PodSecurityPolicy forbids it."""
    if not _is_forbidden_by_policy(cluster):
        for container in lasting(one):
            if container.security.get("allowPrivilegeEscalation") is not False:
                where = f"{container.field}.securityContext.allowPrivilegeEscalation"
                yield Violation(where, "allowPrivilegeEscalation is not false")


@test(*MAKERS)
def root(one: Object, _: Cluster) -> Found:
    """A container may run as root, or in the group of root."""
    of_all = shared(one)
    for container in containers(one):
        own = container.security
        user, group = _number("runAsUser", own, of_all), _number("runAsGroup", own, of_all)
        sworn = own.get("runAsNonRoot", of_all.get("runAsNonRoot"))
        if not (sworn is True and user != 0) and (user is None or user <= 0):
            yield Violation(f"{container.field}.securityContext", f"it may run as user {user or 'root'}")
        elif group is None or group <= 0:
            yield Violation(f"{container.field}.securityContext", "its group may be that of root")


def _number(name: str, own: Body, of_all: Body) -> int | None:
    found = own.get(name, of_all.get(name))
    return found if isinstance(found, int) else None


@test(*MAKERS)
def writable_root(one: Object, _: Cluster) -> Found:
    """A container may write to its own file system."""
    for container in containers(one):
        if container.security.get("readOnlyRootFilesystem") is not True:
            where = f"{container.field}.securityContext.readOnlyRootFilesystem"
            yield Violation(where, "readOnlyRootFilesystem is not true")


@test(*MAKERS)
def unhardened(one: Object, _: Cluster) -> Found:
    """Neither seccomp nor SELinux nor AppArmor restrains a container."""
    pod = one.pod
    if pod is None or _is_restrained(shared(one)):
        return
    for container in pod.containers:
        if not _is_restrained(container.security) and _APPARMOR + container.name not in pod.annotations:
            yield Violation(f"{container.field}.securityContext", "neither seccomp nor SELinux nor AppArmor is set")


def _is_restrained(context: Body) -> bool:
    found = (mapped(context.get(name)) for name in ("seccompProfile", "seLinuxOptions", "appArmorProfile"))
    return any(one and one.get("type") != "Unconfined" for one in found)


# The security context


def _unset(name: str, field: str) -> Test:
    @test(*MAKERS, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        if not mapped(shared(one).get(field)):
            for container in lasting(one):
                if not mapped(container.security.get(field)):
                    yield Violation(f"{container.field}.securityContext", f"no {field} is set")

    return judged


no_seccomp = _unset("no_seccomp", "seccompProfile")
no_selinux = _unset("no_selinux", "seLinuxOptions")


@test(*MAKERS)
def seccomp_of_another_kind(one: Object, _: Cluster) -> Found:
    """A container's seccomp profile is not that of the runtime."""
    of_all = at(shared(one), "seccompProfile", "type")
    for container in lasting(one):
        profile = at(container.body, "securityContext", "seccompProfile", "type") or of_all
        if profile != "RuntimeDefault":
            said = f"its seccomp profile is {text(profile)}" if profile else "no seccomp profile is set"
            yield Violation(f"{container.field}.securityContext", said)


@test(*MAKERS)
def no_volume_group(one: Object, _: Cluster) -> Found:
    """The pod has a security context that names no group for its volumes."""
    if one.pod and "securityContext" in one.pod.spec:
        group = shared(one).get("fsGroup")
        if not isinstance(group, int) or group < 0:
            yield Violation(f"{one.pod.field}.securityContext", "no fsGroup is set")


@test(*MAKERS)
def no_volume_group_policy(one: Object, _: Cluster) -> Found:
    """The pod has a security context that does not say when the group of its volumes is changed."""
    if one.pod is None or "securityContext" not in one.pod.spec:
        return
    if shared(one).get("fsGroupChangePolicy") not in ("Always", "OnRootMismatch"):
        yield Violation(f"{one.pod.field}.securityContext", "fsGroupChangePolicy is not set")


@test(*MAKERS)
def root_among_groups(one: Object, _: Cluster) -> Found:
    """The pod is in the group of root."""
    if one.pod and 0 in listed(shared(one).get("supplementalGroups")):
        yield Violation(f"{one.pod.field}.securityContext.supplementalGroups", "group 0 is among them")


@test(*MAKERS)
def unsafe_sysctls(one: Object, _: Cluster) -> Found:
    """The pod sets kernel settings that are not kept apart by pod."""
    names = [text(mapped(found).get("name")) for found in listed(shared(one).get("sysctls"))]
    unsafe = sorted({name for name in names if name and name not in _SAFE_SYSCTLS})
    if one.pod and unsafe:
        yield Violation(f"{one.pod.field}.securityContext.sysctls", f"it sets {', '.join(unsafe[:5])}")


@once
def _masks_can_go(cluster: Cluster) -> bool:
    """Whether Kubescape's report on the control plane tells of the feature."""
    told = (at(one.body, "data", "APIServerInfo", "cmdLine") for one in cluster.of("ControlPlaneInfo"))
    return any("ProcMountType=true" in text(line) for line in told)


@test(*MAKERS)
def proc_mount(one: Object, cluster: Cluster) -> Found:
    """A container does not ask for a masked /proc where it could have another."""
    if _masks_can_go(cluster):
        for container in containers(one):
            if container.security.get("procMount") != "Default":
                yield Violation(f"{container.field}.securityContext", "procMount is not Default")


# Windows


def _windows_option(name: str, field: str) -> Test:
    @test(*MAKERS, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        if one.pod and one.pod.is_windows and not at(one.pod.security, "windowsOptions", field):
            for container in lasting(one):
                if not at(container.security, "windowsOptions", field):
                    yield Violation(f"{container.field}.securityContext", f"no {field} is set")

    return judged


no_windows_user = _windows_option("no_windows_user", "runAsUserName")
no_windows_group_account = _windows_option("no_windows_group_account", "gmsaCredentialSpecName")


@test(*MAKERS)
def sudo(one: Object, _: Cluster) -> Found:
    """A container starts with sudo."""
    for container in containers(one):
        for list_, number, word in _started(container):
            if _SUDO.search(word):
                yield Violation(f"{container.field}.{list_}[{number}]", "it starts with sudo")


def _started(container: Container) -> Iterator[tuple[str, int, str]]:
    for list_ in ("command", "args"):
        for number, word in enumerate(listed(container.body.get(list_))):
            yield list_, number, text(word)

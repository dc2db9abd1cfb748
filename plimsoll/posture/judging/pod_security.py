"""The Pod Security Standards, as Kubernetes' own admission judges them: a test for each revision of each control.

https://kubernetes.io/docs/concepts/security/pod-security-standards says what they are; rows say which versions of
which level have which revision. Restricted controls stand in for the baseline ones they are stricter than.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.objects import WORKLOADS, Body, Cluster, Object, Pod, at, listed, mapped, text

Found = Iterable[Violation]

CAPABILITIES = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""Those a container runtime gives by default, without NET_RAW."""
SYSCTLS = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"),
    }
)
"""Safe ones: of the pod alone, and no harm to its neighbours."""
SYSCTLS_1_27 = SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
SYSCTLS_1_29 = SYSCTLS_1_27 | {
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout"),
    *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"),
}
SYSCTLS_1_32 = SYSCTLS_1_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}
SYSCTLS_1_37 = SYSCTLS_1_32 | {"net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"}
SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
SELINUX_TYPES_1_31 = SELINUX_TYPES | {"container_engine_t"}
VOLUMES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
    *("persistentVolumeClaim", "projected", "secret"),
)
"""Kinds of volume that do not lead out of the cluster's own objects."""
RESTRICTED_VOLUMES = (
    *("gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd"),
    *("flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk"),
    *("portworxVolume", "photonPersistentDisk", "scaleIO", "storageos"),
)
"""The others, but for hostPath."""
PROFILES = ("RuntimeDefault", "Localhost")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"


Judge = Callable[[Pod], Iterable[Violation]]


def _of_pods(judge: Judge) -> Judge:
    """Register a judgement of pods as a test of all that is or makes pods."""

    @test(*WORKLOADS, name=judge.__name__)
    def run(one: Object, _: Cluster) -> Found:
        return judge(one.pod) if one.pod else ()

    return judge


def _contexts(pod: Pod) -> Iterator[tuple[str, str, Body]]:
    """Yield whose each security context is, its field, and it: the pod's first."""
    yield "the pod", f"{pod.field}.securityContext", pod.security
    for container in pod.containers:
        yield f"container {container.name}", f"{container.field}.securityContext", container.security


def _on_windows(pod: Pod) -> bool:
    return text(at(pod.spec, "os", "name")) == "windows"


@_of_pods
def privileged(pod: Pod) -> Found:
    """Containers that are privileged."""
    for one in pod.containers:
        if one.security.get("privileged") is True:
            yield Violation(f"{one.field}.securityContext.privileged", f"container {one.name} is privileged")


@_of_pods
def host_namespaces(pod: Pod) -> Found:
    """Pods that share the node's network, processes or IPC."""
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(name) is True:
            yield Violation(f"{pod.field}.{name}", f"{name} is true")


@_of_pods
def host_process(pod: Pod) -> Found:
    """Windows containers that run as processes of the node."""
    for whose, field, context in _contexts(pod):
        if at(context, "windowsOptions", "hostProcess") is True:
            yield Violation(f"{field}.windowsOptions.hostProcess", f"{whose} runs as a process of the Windows node")


@_of_pods
def host_path_volumes(pod: Pod) -> Found:
    """Volumes that are folders of the node."""
    for number, volume in _volumes(pod):
        if volume.get("hostPath") is not None:
            path = text(at(volume, "hostPath", "path"))
            yield Violation(
                f"{pod.field}.volumes[{number}].hostPath", f"volume {text(volume.get('name'))} is {path} of the node"
            )


def _volumes(pod: Pod) -> Iterator[tuple[int, Body]]:
    return ((number, one) for number, one in enumerate(listed(pod.spec.get("volumes"))) if isinstance(one, dict))


@_of_pods
def host_path_in_restricted(pod: Pod) -> Found:
    """The same, as the restricted list of volumes refuses it."""
    return _restricted_volumes(pod, ("hostPath",))


@_of_pods
def restricted_volumes(pod: Pod) -> Found:
    """Other volumes of kinds that lead out of the cluster's own objects; one without a kind is an emptyDir."""
    return _restricted_volumes(pod, RESTRICTED_VOLUMES)


def _restricted_volumes(pod: Pod, kinds: Iterable[str]) -> Found:
    for number, volume in _volumes(pod):
        if any(volume.get(kind) is not None for kind in VOLUMES):
            continue
        kind = next((kind for kind in kinds if volume.get(kind) is not None), None)
        if kind:
            said = f"volume {text(volume.get('name'))} is of the kind {kind}"
            yield Violation(f"{pod.field}.volumes[{number}].{kind}", said)


@_of_pods
def host_ports(pod: Pod) -> Found:
    """Containers that take a port of the node."""
    for one in pod.containers:
        for number, port in enumerate(listed(one.body.get("ports"))):
            taken = mapped(port).get("hostPort")
            if isinstance(taken, int | float) and taken:
                yield Violation(
                    f"{one.field}.ports[{number}].hostPort", f"container {one.name} takes port {taken} of the node"
                )


HANDLERS = (
    *(("livenessProbe",), ("readinessProbe",), ("startupProbe",)),
    *(("lifecycle", "postStart"), ("lifecycle", "preStop")),
)


@_of_pods
def host_probes(pod: Pod) -> Found:
    """Probes and handlers that make the kubelet call another host."""
    for one in pod.containers:
        for handler in HANDLERS:
            for way in ("httpGet", "tcpSocket"):
                if host := text(at(one.body, *handler, way, "host")):
                    where = ".".join((*handler, way, "host"))
                    yield Violation(f"{one.field}.{where}", f"{where} of container {one.name} is {host}")


@_of_pods
def capabilities_baseline(pod: Pod) -> Found:
    """Containers with capabilities beyond what runtimes give."""
    return _capabilities(pod, lambda name: name not in CAPABILITIES)


def _capabilities(pod: Pod, is_wrong: Callable[[str], bool]) -> Found:
    for one in pod.containers:
        for number, name in enumerate(listed(at(one.security, "capabilities", "add"))):
            if isinstance(name, str) and is_wrong(name):
                field = f"{one.field}.securityContext.capabilities.add[{number}]"
                yield Violation(field, f"container {one.name} adds {name}")


@_of_pods
def capabilities_beyond_restricted(pod: Pod) -> Found:
    """What both levels refuse, as restricted refuses it."""
    return capabilities_baseline(pod)


@_of_pods
def capabilities_beyond_restricted_1_25(pod: Pod) -> Found:
    """The same, but for pods of Windows."""
    return () if _on_windows(pod) else capabilities_baseline(pod)


@_of_pods
def capabilities_restricted(pod: Pod) -> Found:
    """Containers that keep what runtimes give, or add of it more than the right to bind low ports."""
    for one in pod.containers:
        if "ALL" not in listed(at(one.security, "capabilities", "drop")):
            field = f"{one.field}.securityContext.capabilities.drop"
            yield Violation(field, f"container {one.name} does not drop ALL capabilities")
    yield from _capabilities(pod, lambda name: name in CAPABILITIES and name != "NET_BIND_SERVICE")


@_of_pods
def capabilities_restricted_1_25(pod: Pod) -> Found:
    """The same, but for pods of Windows."""
    return () if _on_windows(pod) else capabilities_restricted(pod)


@_of_pods
def privilege_escalation(pod: Pod) -> Found:
    """Containers whose processes may gain more than they started with."""
    for one in pod.containers:
        if one.security.get("allowPrivilegeEscalation") is not False:
            yield Violation(
                f"{one.field}.securityContext.allowPrivilegeEscalation",
                f"container {one.name} does not set allowPrivilegeEscalation to false",
            )


@_of_pods
def privilege_escalation_1_25(pod: Pod) -> Found:
    """The same, but for pods of Windows."""
    return () if _on_windows(pod) else privilege_escalation(pod)


@_of_pods
def proc_mount(pod: Pod) -> Found:
    """Containers that see the node's /proc without masks."""
    for one in pod.containers:
        told = one.security.get("procMount")
        if isinstance(told, str) and told != "Default":
            yield Violation(f"{one.field}.securityContext.procMount", f"procMount of container {one.name} is {told}")


@_of_pods
def proc_mount_1_35(pod: Pod) -> Found:
    """The same, but for pods in a user namespace of their own."""
    return () if pod.has_own_users else proc_mount(pod)


@_of_pods
def proc_mount_restricted(pod: Pod) -> Found:
    """The same, in a user namespace too."""
    return proc_mount(pod)


@_of_pods
def run_as_non_root(pod: Pod) -> Found:
    """Pods that say they may run as root, and containers that may."""
    if pod.security.get("runAsNonRoot") is False:
        yield Violation(f"{pod.field}.securityContext.runAsNonRoot", "the pod sets runAsNonRoot to false")
    yield from containers_as_root(pod)


@_of_pods
def containers_as_root(pod: Pod) -> Found:
    """Containers that may run as root, whatever the pod says that is not said for them."""
    of_pod = pod.security.get("runAsNonRoot")
    for one in pod.containers:
        told = one.security.get("runAsNonRoot")
        if told is False or (not isinstance(told, bool) and of_pod is not True):
            says = "sets runAsNonRoot to false" if told is False else "does not set runAsNonRoot, nor does its pod"
            yield Violation(f"{one.field}.securityContext.runAsNonRoot", f"container {one.name} {says}")


@_of_pods
def run_as_non_root_1_35(pod: Pod) -> Found:
    """The same, but for pods in a user namespace of their own."""
    return () if pod.has_own_users else run_as_non_root(pod)


@_of_pods
def run_as_user(pod: Pod) -> Found:
    """Pods and containers that ask to be root."""
    for whose, field, context in _contexts(pod):
        told = context.get("runAsUser")
        if isinstance(told, int | float) and not isinstance(told, bool) and told == 0:
            yield Violation(f"{field}.runAsUser", f"{whose} runs as user 0")


@_of_pods
def run_as_user_1_35(pod: Pod) -> Found:
    """The same, but for pods in a user namespace of their own."""
    return () if pod.has_own_users else run_as_user(pod)


@_of_pods
def apparmor(pod: Pod) -> Found:
    """AppArmor profiles that are neither the runtime's nor one of the node's."""
    for whose, field, context in _contexts(pod):
        profile = context.get("appArmorProfile")
        if isinstance(profile, dict) and profile.get("type") not in PROFILES:
            said = f"the AppArmor profile of {whose} is {text(profile.get('type')) or 'of no type'}"
            yield Violation(f"{field}.appArmorProfile.type", said)
    yield from _apparmor_annotations(pod)


def _apparmor_annotations(pod: Pod) -> Found:
    for key, value in pod.annotations.items():
        if key.startswith(APPARMOR) and isinstance(value, str) and not _is_own_apparmor(value):
            said = f"the AppArmor profile of container {key.removeprefix(APPARMOR)} is {value}"
            yield Violation(_annotation(pod, key), said)


def _is_own_apparmor(profile: str) -> bool:
    return profile in ("", "runtime/default") or profile.startswith("localhost/")


def _annotation(pod: Pod, key: str) -> str:
    return f"{pod.field.removesuffix('spec')}metadata.annotations['{key}']"


@_of_pods
def seccomp_annotations(pod: Pod) -> Found:
    """Seccomp profiles of the time before there were fields for them."""
    keys = (SECCOMP_POD, *(SECCOMP_CONTAINER + one.name for one in pod.containers))
    for key in keys:
        profile = pod.annotations.get(key)
        if isinstance(profile, str) and not _is_own_seccomp(profile):
            yield Violation(_annotation(pod, key), f"the annotation {key} is {profile or 'empty'}")


def _is_own_seccomp(profile: str) -> bool:
    return profile in ("runtime/default", "docker/default") or profile.startswith("localhost/")


@_of_pods
def seccomp_baseline(pod: Pod) -> Found:
    """Seccomp profiles that filter nothing."""
    for whose, field, context in _contexts(pod):
        profile = context.get("seccompProfile")
        if isinstance(profile, dict) and profile.get("type") not in PROFILES:
            yield Violation(f"{field}.seccompProfile.type", _seccomp(whose, profile))


def _seccomp(whose: str, profile: Body) -> str:
    return f"the seccomp profile of {whose} is {text(profile.get('type')) or 'of no type'}"


@_of_pods
def seccomp_explicit_in_restricted(pod: Pod) -> Found:
    """The same, as restricted refuses it."""
    return seccomp_baseline(pod)


@_of_pods
def seccomp_explicit_in_restricted_1_25(pod: Pod) -> Found:
    """The same, but for pods of Windows."""
    return () if _on_windows(pod) else seccomp_baseline(pod)


@_of_pods
def seccomp_restricted(pod: Pod) -> Found:
    """Containers without a seccomp profile, their own or the pod's."""
    if at(pod.security, "seccompProfile", "type") in PROFILES:
        return
    for one in pod.containers:
        if not isinstance(one.security.get("seccompProfile"), dict):
            field = f"{one.field}.securityContext.seccompProfile"
            yield Violation(field, f"container {one.name} has no seccomp profile, nor has its pod")


@_of_pods
def seccomp_restricted_1_25(pod: Pod) -> Found:
    """The same, but for pods of Windows."""
    return () if _on_windows(pod) else seccomp_restricted(pod)


def _selinux(pod: Pod, types: Iterable[str]) -> Found:
    for whose, field, context in _contexts(pod):
        options = mapped(context.get("seLinuxOptions"))
        if options and text(options.get("type")) not in types:
            yield Violation(f"{field}.seLinuxOptions.type", f"the SELinux type of {whose} is {options['type']}")
        for name in ("user", "role"):
            if told := text(options.get(name)):
                yield Violation(f"{field}.seLinuxOptions.{name}", f"the SELinux {name} of {whose} is {told}")


@_of_pods
def selinux(pod: Pod) -> Found:
    """SELinux labels other than a container's."""
    return _selinux(pod, SELINUX_TYPES)


@_of_pods
def selinux_1_31(pod: Pod) -> Found:
    """The same, with the type of containers that run containers."""
    return _selinux(pod, SELINUX_TYPES_1_31)


def _sysctls(pod: Pod, safe: Iterable[str]) -> Found:
    for number, one in enumerate(listed(pod.security.get("sysctls"))):
        name = text(mapped(one).get("name"))
        if name not in safe:
            yield Violation(f"{pod.field}.securityContext.sysctls[{number}].name", f"the pod sets the sysctl {name}")


@_of_pods
def sysctls(pod: Pod) -> Found:
    """Kernel settings that reach beyond the pod."""
    return _sysctls(pod, SYSCTLS)


@_of_pods
def sysctls_1_27(pod: Pod) -> Found:
    """The same, with what is safe from 1.27 on."""
    return _sysctls(pod, SYSCTLS_1_27)


@_of_pods
def sysctls_1_29(pod: Pod) -> Found:
    """The same, with what is safe from 1.29 on."""
    return _sysctls(pod, SYSCTLS_1_29)


@_of_pods
def sysctls_1_32(pod: Pod) -> Found:
    """The same, with what is safe from 1.32 on."""
    return _sysctls(pod, SYSCTLS_1_32)


@_of_pods
def sysctls_1_37(pod: Pod) -> Found:
    """The same, with what is safe from 1.37 on."""
    return _sysctls(pod, SYSCTLS_1_37)

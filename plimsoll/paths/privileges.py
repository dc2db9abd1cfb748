"""What the process of a container may do to its node: whom it runs as, its capabilities, what confines it."""

from __future__ import annotations

from collections.abc import Iterable

from plimsoll.posture.objects import Container, Pod, at, listed, text

DEFAULT = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
"""The capabilities that runtimes give where nothing is said."""
ALL = DEFAULT | frozenset(
    (
        *("AUDIT_CONTROL", "AUDIT_READ", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "IPC_LOCK"),
        *(
            "IPC_OWNER",
            "LEASE",
            "LINUX_IMMUTABLE",
            "MAC_ADMIN",
            "MAC_OVERRIDE",
            "NET_ADMIN",
            "NET_BROADCAST",
            "PERFMON",
        ),
        *("SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE"),
        *("SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM"),
    )
)
_OLD_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def field(pod: Pod, container: Container, name: str) -> object:
    """Return a field of the security context that containers and pods have: the container's, else the pod's."""
    own = container.security.get(name)
    return own if own is not None else pod.security.get(name)


def user(pod: Pod, container: Container) -> int | None:
    """Return the uid that is told; None where the image decides."""
    told = field(pod, container, "runAsUser")
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def may_be_root(pod: Pod, container: Container) -> bool:
    """Say whether it may run as uid 0: told so, or left to the image, and not forbidden (then it would not start)."""
    return user(pod, container) in (0, None) and field(pod, container, "runAsNonRoot") is not True


def is_privileged(pod: Pod, container: Container) -> bool:
    """Say whether it is privileged; Windows ignores that."""
    return container.security.get("privileged") is True and not pod.is_windows


def is_host_process(pod: Pod, container: Container) -> bool:
    """Say whether it runs as a process of a Windows node; such pods need the node's network too."""
    own = at(container.security, "windowsOptions", "hostProcess")
    whole = at(pod.security, "windowsOptions", "hostProcess")
    return (own if own is not None else whole) is True and pod.spec.get("hostNetwork") is True


def effective(pod: Pod, container: Container) -> frozenset[str]:
    """Return the capabilities its process has on the node: none without uid 0, none in a user namespace of its own.

    Nothing makes added capabilities ambient, so a process that is not root does not get them.

    >>> root = Container("containers", "c", {"securityContext": {"capabilities": {"add": ["cap_sys_admin"]}}}, "")
    >>> "SYS_ADMIN" in effective(Pod({}, {}, "spec", ()), root)
    True
    >>> effective(Pod({}, {"securityContext": {"runAsUser": 1000}}, "spec", ()), root)
    frozenset()
    """
    if not may_be_root(pod, container) or pod.has_own_users or pod.is_windows:
        return frozenset()
    return ALL if is_privileged(pod, container) else bounding(container)


def bounding(container: Container) -> frozenset[str]:
    """Return the capabilities of a container as runtimes put them together: `ALL` first, then one by one."""
    told = container.security.get("capabilities")
    added, dropped = _names(at(told, "add")), _names(at(told, "drop"))
    start = ALL if "ALL" in added else DEFAULT
    if "ALL" in dropped:
        start = frozenset()
    return ((start | (added - {"ALL"})) - dropped) & ALL


def added(container: Container) -> frozenset[str]:
    """Return the capabilities that somebody asked for by name, or with `ALL`."""
    return bounding(container) - DEFAULT | (_names(at(container.security, "capabilities", "add")) & DEFAULT)


def _names(told: object) -> frozenset[str]:
    return frozenset(_capabilities(listed(told)))


def _capabilities(told: Iterable[object]) -> Iterable[str]:
    return (text(one).upper().removeprefix("CAP_") for one in told)


def apparmor(pod: Pod, container: Container) -> str:
    """Return what AppArmor profile is told: `RuntimeDefault`, `Localhost`, `Unconfined`, or nothing."""
    told = text(at(field(pod, container, "appArmorProfile"), "type"))
    old = text(pod.annotations.get(f"{_OLD_APPARMOR}{container.name}"))
    names = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}
    return told or names.get(old) or ("Localhost" if old.startswith("localhost/") else "")


def unmasked(container: Container) -> bool:
    """Say whether the sensitive parts of its /proc are laid open."""
    return bool(container.security.get("procMount") == "Unmasked")


def groups(pod: Pod, container: Container) -> frozenset[int]:
    """Return the gids that are told."""
    whole = pod.security
    told = [field(pod, container, "runAsGroup"), whole.get("fsGroup"), *listed(whole.get("supplementalGroups"))]
    return frozenset(one for one in told if isinstance(one, int) and not isinstance(one, bool))


def lasts(container: Container) -> bool:
    """Say whether it runs as long as its pod does: all but init containers that end."""
    return container.list != "initContainers" or container.body.get("restartPolicy") == "Always"

"""The rare system calls that are watched: their numbers, and which of their arguments are paths.

Numbers are those of the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl and, for arm64,
include/uapi/asm-generic/unistd.h). A call that an architecture lacks has no number there.
"""

from __future__ import annotations

import platform
from typing import NamedTuple

from plimsoll.sensor.shapes import RARE, Kind

_NONE = 255


class Call(NamedTuple):
    """A watched call: what it does, and where its arguments are."""

    name: str
    x86_64: int | None
    aarch64: int | None
    kind: Kind
    path: int = _NONE
    """The argument that is a path,"""
    folder: int = _NONE
    """and that of the open folder it starts from;"""
    other: int = _NONE
    """the same for a second path."""
    other_folder: int = _NONE
    argument: int = _NONE
    """The argument that makes the call another fact."""
    text: int = _NONE
    """An argument that is told for people."""

    @property
    def number(self) -> int | None:
        """The call's number on this machine."""
        return self.aarch64 if platform.machine() == "aarch64" else self.x86_64

    def packed(self) -> bytes:
        """Return what the kernel needs to know of it."""
        return RARE.pack(self.kind, self.path, self.folder, self.other, self.other_folder, self.argument, self.text, 1)


_D, _R, _W, _L, _C, _S = Kind.DELETE, Kind.RENAME, Kind.WRITE, Kind.LINK, Kind.CHMOD, Kind.SYSCALL

OPENS = ("open", "openat", "openat2", "creat")
ACCEPTS = ("accept", "accept4")

NAMES = (
    Call("unlink", 87, None, _D, path=0),
    Call("unlinkat", 263, 35, _D, path=1, folder=0),
    Call("rmdir", 84, None, _D, path=0),
    Call("rename", 82, None, _R, path=0, other=1),
    Call("renameat", 264, 38, _R, path=1, folder=0, other=3, other_folder=2),
    Call("renameat2", 316, 276, _R, path=1, folder=0, other=3, other_folder=2),
    Call("link", 86, None, _L, path=0, other=1),
    Call("linkat", 265, 37, _L, path=1, folder=0, other=3, other_folder=2),
    Call("symlink", 88, None, _L, path=0, other=1),
    Call("symlinkat", 266, 36, _L, path=0, other=2, other_folder=1),
    Call("mkdir", 83, None, _W, path=0),
    Call("mkdirat", 258, 34, _W, path=1, folder=0),
    Call("mknod", 133, None, _W, path=0),
    Call("mknodat", 259, 33, _W, path=1, folder=0),
    Call("truncate", 76, 45, _W, path=0),
    Call("chmod", 90, None, _C, path=0),
    Call("fchmodat", 268, 53, _C, path=1, folder=0),
    Call("fchmodat2", 452, 452, _C, path=1, folder=0),
    Call("chown", 92, None, _C, path=0),
    Call("lchown", 94, None, _C, path=0),
    Call("fchownat", 260, 54, _C, path=1, folder=0),
)
"""Calls that name files."""

RIGHTS = (
    Call("setuid", 105, 146, _S, argument=0),
    Call("setgid", 106, 144, _S, argument=0),
    Call("setreuid", 113, 145, _S, argument=1),
    Call("setregid", 114, 143, _S, argument=1),
    Call("setresuid", 117, 147, _S, argument=1),
    Call("setresgid", 119, 149, _S, argument=1),
    Call("capset", 126, 91, _S),
    Call("ptrace", 101, 117, _S, argument=0),
    Call("process_vm_writev", 311, 271, _S),
    Call("pidfd_getfd", 438, 438, _S),
    Call("mount", 165, 40, _S, text=1),
    Call("umount2", 166, 39, _S, text=0),
    Call("move_mount", 429, 429, _S, text=3),
    Call("open_tree", 428, 428, _S, text=1),
    Call("fsopen", 430, 430, _S, text=0),
    Call("pivot_root", 155, 41, _S, text=0),
    Call("chroot", 161, 51, _S, text=0),
    Call("memfd_create", 319, 279, _S, text=0),
    Call("memfd_secret", 447, 447, _S),
    Call("init_module", 175, 105, _S),
    Call("finit_module", 313, 273, _S),
    Call("delete_module", 176, 106, _S, text=0),
    Call("kexec_load", 246, 104, _S),
    Call("bpf", 321, 280, _S, argument=0),
    Call("unshare", 272, 97, _S, argument=0),
    Call("setns", 308, 268, _S, argument=1),
    Call("io_uring_setup", 425, 425, _S),
    Call("userfaultfd", 323, 282, _S),
    Call("keyctl", 250, 219, _S, argument=0),
    Call("add_key", 248, 217, _S, text=0),
    Call("perf_event_open", 298, 241, _S),
    Call("open_by_handle_at", 304, 265, _S),
    Call("name_to_handle_at", 303, 264, _S),
    Call("swapon", 167, 224, _S, text=0),
    Call("reboot", 169, 142, _S),
    Call("iopl", 172, None, _S),
    Call("ioperm", 173, None, _S),
    Call("personality", 135, 92, _S, argument=0),
)
"""Calls that give, take or use rights."""

BY_NUMBER = {
    **{call.number: call.name for call in (*NAMES, *RIGHTS) if call.number is not None},
    **(
        {56: "openat", 437: "openat2"}
        if platform.machine() == "aarch64"
        else {2: "open", 257: "openat", 437: "openat2", 85: "creat"}
    ),
}


def name(number: int) -> str:
    """Return a watched call's name.

    >>> name(437), name(9999)
    ('openat2', '9999')
    """
    return BY_NUMBER.get(number, str(number))

"""Why a request was allowed, in the API server's words: which binding of which role to which subject.

The RBAC authorizer writes it into `authorization.k8s.io/reason` of every request that it allows, names quoted as Go
does (kubernetes, plugin/pkg/auth/authorizer/rbac). Of several bindings that allow a request it names one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PREFIX = "RBAC: allowed by "
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_REASON = re.compile(
    rf"{PREFIX}(RoleBinding|ClusterRoleBinding) {_QUOTED} of (Role|ClusterRole) {_QUOTED}"
    rf" to (User|Group|ServiceAccount) {_QUOTED}",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(000[0-9a-f]{5}|0010[0-9a-f]{4})|(.))", re.DOTALL)
_SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Allowed(NamedTuple):
    """The binding that allowed a request, its role, and the subject it was meant for."""

    binding_kind: str
    binding_namespace: str
    """Empty for a ClusterRoleBinding."""
    binding: str
    role_kind: str
    role: str
    subject: str
    """sa:namespace/name, user:name or group:name."""


def read(reason: str) -> Allowed | None:
    r"""Return what a reason says, None where it is not RBAC's.

    >>> read('RBAC: allowed by RoleBinding "edit/shop" of ClusterRole "edit" to ServiceAccount "deployer/ci"')[1:]
    ('shop', 'edit', 'ClusterRole', 'edit', 'sa:ci/deployer')
    >>> read('RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to Group "say \\"dev\\""').subject
    'group:say "dev"'
    >>> read("") is None
    True
    """
    found = _REASON.fullmatch(reason)
    if not found:
        return None
    kind, name, role_kind, role, subject_kind, subject = (_unquoted(part) for part in found.groups())
    namespace = ""
    if kind == "RoleBinding":
        name, _, namespace = name.rpartition("/")
    return Allowed(kind, namespace, name, role_kind, role, _subject(subject_kind, subject))


def _subject(kind: str, name: str) -> str:
    if kind != "ServiceAccount":
        return f"{kind.lower()}:{name}"
    account, _, namespace = name.rpartition("/")
    return f"sa:{namespace}/{account}"


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if not code:
        return _SHORT.get(escape[4], escape[4])
    number = int(code, 16)
    return "�" if 0xD800 <= number < 0xE000 else chr(number)  # half a character is none

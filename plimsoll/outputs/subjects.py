"""Who an alert is about: the parts of a subject's name, for forms that have a place for each."""

from __future__ import annotations

from typing import NamedTuple

_IDENTITIES = {"user": "User", "sa": "ServiceAccount", "node": "Node"}


class Subject(NamedTuple):
    """The parts of a subject; empty where it has none."""

    kind: str
    name: str
    namespace: str = ""
    container: str = ""

    @property
    def username(self) -> str:
        """The name that the API server knows an identity by; empty for a workload."""
        if self.kind == "ServiceAccount":
            return f"system:serviceaccount:{self.namespace}:{self.name}"
        return {"User": self.name, "Node": f"system:node:{self.name}"}.get(self.kind, "")


def of(subject: str) -> Subject:
    """Return the parts of a subject.

    >>> of("shop/Deployment/web:app")
    Subject(kind='Deployment', name='web', namespace='shop', container='app')
    >>> of("sa:ci/deployer").username
    'system:serviceaccount:ci:deployer'
    """
    prefix, colon, rest = subject.partition(":")
    if colon and prefix in _IDENTITIES:
        return _identity(_IDENTITIES[prefix], rest)
    namespace, _, rest = subject.partition("/")
    kind, slash, rest = rest.partition("/")
    if not slash:
        return Subject("", subject)
    name, _, container = rest.partition(":")
    return Subject(kind, name, namespace, container)


def _identity(kind: str, name: str) -> Subject:
    if kind != "ServiceAccount":
        return Subject(kind, name)
    namespace, _, name = name.rpartition("/")
    return Subject(kind, name, namespace)

"""Credentials where too many can read them: in environment variables, in ConfigMaps."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found, containers
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")
_SENSITIVE = re.compile("|".join(map(re.escape, kubescape_defaults.SENSITIVE_KEYS)), re.IGNORECASE)
_PATH = re.compile(r"/[\w./-]{0,1000}")
_TOLD = 5
_READ = 100_000
"""Characters of a value that are looked at."""


def is_sensitive(name: str) -> bool:
    """Say whether a name is one that credentials go by.

    >>> is_sensitive("DB_PASSWORD"), is_sensitive("LOG_LEVEL")
    (True, False)
    """
    return _SENSITIVE.search(name, 0, _READ) is not None


def looks_secret(value: str) -> bool:
    """Say whether a value is written as credentials are, as it is or in base64.

    >>> looks_secret("AKIA" + "A" * 16), looks_secret("AKIA"), looks_secret("UFJJVkFURSBLRVk=")
    (True, False, True)
    """
    told = value[:_READ]
    return any(kubescape_defaults.SENSITIVE_VALUES.search(one) for one in (told, _decoded(told)))


def _decoded(value: str) -> str:
    """Return what a value in base64 stands for, nothing where it is none."""
    if len(value) % 4 or not _BASE64.fullmatch(value):
        return ""
    return base64.b64decode(value).decode("utf-8", "replace")


def _variables(one: Object) -> Iterator[tuple[str, Body]]:
    for container in containers(one):
        for number, variable in enumerate(listed(container.body.get("env"))):
            yield f"{container.field}.env[{number}]", mapped(variable)


def _secrets_as_environment(one: Object) -> Found:
    for container in containers(one):
        for number, source in enumerate(listed(container.body.get("envFrom"))):
            if name := text(at(source, "secretRef", "name")):
                yield Violation(f"{container.field}.envFrom[{number}].secretRef", f"all of Secret {name} is in it")


@test(*MAKERS)
def in_environment(one: Object, _: Cluster) -> Found:
    """A variable has the name or the look of a credential, or a whole Secret is in the environment."""
    for field, variable in _variables(one):
        name, value = text(variable.get("name")), text(variable.get("value"))
        if value and not _PATH.fullmatch(value) and (is_sensitive(name) or looks_secret(value)):
            yield Violation(field, f"{name[:100]} has a value in plain text")
    yield from _secrets_as_environment(one)


@test(*MAKERS)
def secret_in_environment(one: Object, _: Cluster) -> Found:
    """A Secret is put into environment variables rather than files."""
    for field, variable in _variables(one):
        if name := text(at(variable, "valueFrom", "secretKeyRef", "name")):
            yield Violation(field, f"{text(variable.get('name'))} is from Secret {name}")
    yield from _secrets_as_environment(one)


@test("ConfigMap")
def in_config_map(one: Object, _: Cluster) -> Found:
    """A key has the name, or a value the look, of a credential."""
    held = mapped(one.body.get("data")).items()
    names = [str(key) for key, value in held if value and (is_sensitive(str(key)) or looks_secret(text(value)))]
    if names:
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        yield Violation("data", f"{', '.join(name[:100] for name in names[:_TOLD])}{more} may be a credential")

"""The change that mends a finding, as kubectl takes it: a strategic merge patch of the whole object."""

from __future__ import annotations

import re
from typing import Any

from plimsoll.posture.engine import Finding
from plimsoll.posture.objects import Pod

_CONTAINER = re.compile(r"\.(\w+)\[[0-9]+\]")


def patch(found: Finding) -> dict[str, Any] | None:
    """Return the patch of an object that its check's patch is, at the container or pod that the field is in.

    None where the check has none, or where the container has no name to be found by.
    """
    inner, pod = found.check.patch, found.object.pod
    if not inner:
        return None
    if pod is None or not found.field.startswith(pod.field):
        return inner
    within = found.field[len(pod.field) :]
    if _CONTAINER.match(within):
        return _of_container(pod, found.field, inner)
    return _nested(pod, inner)


def _of_container(pod: Pod, field: str, inner: dict[str, Any]) -> dict[str, Any] | None:
    for one in pod.containers:
        if field == one.field or field.startswith(f"{one.field}."):
            return _nested(pod, {one.list: [{"name": one.name, **inner}]}) if one.name else None
    return _nested(pod, inner)


def _nested(pod: Pod, inner: dict[str, Any]) -> dict[str, Any]:
    for key in reversed(pod.field.split(".")):
        inner = {key: inner}
    return inner

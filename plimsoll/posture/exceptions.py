"""Exceptions: findings that somebody answers for, with a reason and until a day.

    exceptions:
      - owner: network team
        reason: the CNI agent configures the network of its node
        expires: 2027-03-31
        checks: [host-namespaces, "kubescape:C-0041"]     # ids or controls; globs; all where left out
        objects: [DaemonSet/kube-system/cilium]           # Kind/namespace/name, Kind/name without a namespace
        namespaces: [kube-system]
        identities: [sa:kube-system/cilium]               # of the pod, or those a binding names: user:, group:, sa:

An exception that has expired holds no more, and one that meets nothing is of no use: both are told.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, TypeVar

import msgspec
import yaml

from plimsoll import errors
from plimsoll.posture.engine import Finding, Unjudged
from plimsoll.posture.objects import Object, listed, mapped, text

_ALL = ("*",)
_T = TypeVar("_T", bound="Finding | Unjudged")


class Exempted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is excepted, by whom, why and how long."""

    owner: str
    reason: str
    expires: date
    checks: tuple[str, ...] = _ALL
    objects: tuple[str, ...] = _ALL
    namespaces: tuple[str, ...] = _ALL
    identities: tuple[str, ...] = _ALL

    def covers(self, found: Finding) -> bool:
        """Say whether a finding is one of these."""
        return (
            _meets(self.checks, (found.check.id, *found.controls))
            and _meets(self.objects, (_reference(found.object),))
            and _meets(self.namespaces, (found.object.namespace,))
            and (self.identities == _ALL or _meets(self.identities, identities(found.object)))
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    exceptions: tuple[Exempted, ...]


class Exceptions:
    """Exceptions as they stand on a day, and what became of them."""

    def __init__(self, told: Sequence[Exempted], today: date) -> None:
        self._told, self._today = told, today
        self._met = [0] * len(told)
        self.excepted = 0

    def without(self, findings: Iterable[_T]) -> Iterator[_T]:
        """Yield the findings that no exception covers."""
        for found in findings:
            if isinstance(found, Finding) and self._is_excepted(found):
                self.excepted += 1
            else:
                yield found

    def _is_excepted(self, found: Finding) -> bool:
        holds = False
        for number, one in enumerate(self._told):
            if one.covers(found):
                self._met[number] += 1
                holds = holds or one.expires >= self._today
        return holds

    def problems(self) -> Iterator[str]:
        """Yield which exceptions have expired and which met nothing, once all findings have passed."""
        for number, one in enumerate(self._told):
            name = f"the exception of {one.owner} ({one.reason})"
            if one.expires < self._today:
                yield f"{name} expired on {one.expires}; {self._met[number]} findings would be its"
            elif not self._met[number]:
                yield f"{name} meets nothing"


def read(file: str, content: bytes) -> tuple[Exempted, ...]:
    """Return the exceptions of a file; raise InputError where they do not hold together.

    >>> read("x.yaml", b"exceptions: [{owner: me, reason: a test, expires: 2027-01-31}]")[0].expires
    datetime.date(2027, 1, 31)
    """
    try:
        held: Any = yaml.load(content, yaml.CSafeLoader)
        told = msgspec.convert(held, _File).exceptions
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise errors.InputError(" ".join(str(wrong).split())[:200], file=file) from None
    for number, one in enumerate(told):
        if not (one.owner.strip() and one.reason.strip()):
            raise errors.InputError(f"exceptions[{number}] has no owner or no reason", file=file)
    return told


def identities(one: Object) -> tuple[str, ...]:
    """Return whose rights an object is about: its pod's service account, or the subjects of a binding.

    >>> identities(Object({"kind": "Pod", "metadata": {"namespace": "a"}}))
    ('sa:a/default',)
    """
    home = one.namespace or "default"
    if one.kind == "ServiceAccount":
        return (f"sa:{home}/{one.name}",)
    if one.pod is not None:
        return (f"sa:{home}/{one.pod.service_account}",)
    return tuple(_subject(mapped(subject), home) for subject in listed(one.body.get("subjects")))


def _subject(told: Any, home: str) -> str:
    kind, name = text(told.get("kind")), text(told.get("name"))
    return f"sa:{text(told.get('namespace')) or home}/{name}" if kind == "ServiceAccount" else f"{kind.lower()}:{name}"


def _reference(one: Object) -> str:
    return "/".join(part for part in (one.kind, one.namespace, one.name) if part)


def _meets(patterns: Sequence[str], names: Iterable[str]) -> bool:
    return patterns == _ALL or any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)

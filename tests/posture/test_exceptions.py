from __future__ import annotations

from datetime import date

import pytest

from plimsoll import errors
from plimsoll.posture import exceptions
from plimsoll.posture.check import Check
from plimsoll.posture.engine import Finding, Unjudged
from plimsoll.posture.objects import Object

TODAY = date(2026, 6, 1)
POD = Object(
    {
        "kind": "DaemonSet",
        "metadata": {"name": "cni", "namespace": "net"},
        "spec": {"template": {"spec": {"serviceAccountName": "agent"}}},
    }
)
ROW = Check("T", "D", "F", "high", (), id="host-namespaces")
FOUND = Finding(ROW, POD, "spec", "m", ("pss:hostNamespaces",))


def told(**fields):
    return exceptions.Exempted("net team", "needs it", fields.pop("expires", date(2026, 12, 31)), **fields)


def left(*told_):
    made = exceptions.Exceptions(told_, TODAY)
    return list(made.without([FOUND])), list(made.problems())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"checks": ("host-*",)},
        {"checks": ("x", "pss:host*")},
        {"objects": ("DaemonSet/net/cni",)},
        {"objects": ("*/net/*",), "namespaces": ("n?t",), "identities": ("sa:net/agent",)},
    ],
)
def test_what_is_meant_is_left_out(fields):
    assert left(told(**fields)) == ([], [])


@pytest.mark.parametrize(
    "fields",
    [
        {"checks": ("host-path",)},
        {"objects": ("DaemonSet/cni",)},
        {"namespaces": ("kube-*",)},
        {"identities": ("sa:net/default",)},
        {"checks": ("host-*",), "namespaces": ("x",)},
    ],
)
def test_what_is_not_meant_stays_and_the_exception_is_told_of(fields):
    found, problems = left(told(**fields))
    assert found == [FOUND]
    assert problems == ["the exception of net team (needs it) meets nothing"]


def test_what_has_expired_holds_no_more():
    found, problems = left(told(expires=date(2026, 5, 31)))
    assert found == [FOUND]
    assert problems == ["the exception of net team (needs it) expired on 2026-05-31; 1 findings would be its"]
    assert left(told(expires=TODAY))[0] == []


def test_what_could_not_be_judged_is_never_excepted():
    unjudged = Unjudged(ROW, POD, "x")
    assert list(exceptions.Exceptions([told()], TODAY).without([unjudged])) == [unjudged]


def test_a_binding_is_about_its_subjects():
    subjects = [
        {"kind": "ServiceAccount", "name": "a"},
        {"kind": "User", "name": "u"},
        {"kind": "Group", "name": "g"},
        None,
    ]
    binding = Object({"kind": "RoleBinding", "metadata": {"namespace": "n"}, "subjects": subjects})
    assert exceptions.identities(binding) == ("sa:n/a", "user:u", "group:g", ":")


@pytest.mark.parametrize(
    "text",
    [
        b"exceptions: [{owner: a, reason: b}]",
        b"exceptions: [{owner: a, reason: b, expires: never}]",
        b"exceptions: [{owner: '', reason: b, expires: 2026-01-01}]",
        b"exceptions: [{owner: a, reason: b, expires: 2026-01-01, check: [x]}]",
        b"exceptions: [",
        b"- a",
        b"",
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(text):
    with pytest.raises(errors.InputError, match=r"x\.yaml"):
        exceptions.read("x.yaml", text)

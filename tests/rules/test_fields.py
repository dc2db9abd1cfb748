from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.rules import fields, syntax

NAMES = {"CHARBUF": "text", "BYTEBUF": "bytes", "BOOL": "bool", "ABSTIME": "abstime", "RELTIME": "reltime", "IPADDR": "address", "IPNET": "net", "PORT": "port", "DOUBLE": "double", "DYNAMIC": "dynamic"}  # fmt: skip


def test_an_argument_may_stand_in_brackets_or_behind_a_dot() -> None:
    bracketed = fields.resolve(syntax.Field("evt.arg", "flags"), "syscall")
    assert fields.resolve(syntax.Field("evt.arg.flags"), "syscall") == bracketed


@pytest.mark.parametrize("text", ["evt.arg", "proc.name[1]", "proc.nobody", "proc.aname[x]", "ka.verb"])
def test_a_field_that_is_none_is_unknown(text: str) -> None:
    field = syntax.value(text)
    assert isinstance(field, syntax.Field)
    with pytest.raises(fields.Unknown):
        fields.resolve(field, "syscall")


@pytest.mark.parametrize("text", ["k8s.deployment.name", "k8s.rc.label[app]", "k8s.svc.labels", "k8s.ns.id"])
def test_old_fields_of_the_container_plugin_are_known_though_they_never_have_a_value(text: str) -> None:
    field = syntax.value(text)
    assert isinstance(field, syntax.Field)
    assert fields.resolve(field, "syscall")[1].type == "text"


def test_fields_of_audit_events_are_of_their_source_only() -> None:
    assert fields.resolve(syntax.Field("ka.verb"), "k8s_audit")[1].type == "text"
    assert fields.resolve(syntax.Field("evt.num"), "k8s_audit")[1].type == "uint64"
    with pytest.raises(fields.Unknown):
        fields.resolve(syntax.Field("proc.name"), "k8s_audit")


@pytest.mark.data
def test_the_catalogue_is_falcos(shared_data: Path) -> None:
    known = fields.CATALOGUE["syscall"]
    for line in (shared_data / "falco/semantics/fields_libs_0.25.4.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert known[row["name"]].type == NAMES.get(row["type"], row["type"].lower()), row["name"]

"""Questions to audit logs: rights that are used, and what the policy leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll import errors, flow_audit
from tests.rbac import rights


def event(what: str = "get pods", reason: str = rights.BECAUSE, minute: int = 0, **more: Any) -> dict[str, Any]:
    verb, _, resource = what.partition(" ")
    return {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": f"a-{minute}-{what}",
        "stage": "ResponseComplete", "requestURI": f"/api/v1/{resource}", "verb": verb,
        "user": {"username": "system:serviceaccount:shop:web", "groups": ["system:serviceaccounts"]},
        "sourceIPs": ["10.244.1.7"], "objectRef": {"resource": resource, "namespace": "shop"},
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": f"2026-03-02T09:{minute:02}:00Z",
        "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": reason},
    } | more  # fmt: skip


def log(path: Path, *events: dict[str, Any]) -> str:
    file = path / "audit.log"
    file.write_text("".join(json.dumps(one) + "\n" for one in events))
    return str(file)


def objects(path: Path) -> str:
    return rights.written(
        path,
        rights.role("web", rights.rule("get,list,delete pods")),
        rights.binding("web", "Role/web", rights.WEB),
        rights.binding("idle", "Role/web", "user:ann"),
    )


def quiet(_: str, __: int) -> None:
    pass


def test_a_log_and_objects_give_grants_with_their_use(tmp_path: Path) -> None:
    found = flow_audit.usage_of([log(tmp_path, event(), event("list pods"))], [objects(tmp_path)], progress=quiet)
    assert [(one.subject, one.state) for one in found.report.grants] == [("user:ann", "unused"), (rights.WEB, "used")]
    assert found.intake.accepted == 2


def test_what_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    source = log(tmp_path, event(), {"kind": "Event", "auditID": "x"})
    found = flow_audit.usage_of([source], [objects(tmp_path)], progress=quiet)
    assert (found.intake.accepted, found.intake.rejects.total) == (1, 1)


def test_events_of_another_stream_are_an_error(tmp_path: Path) -> None:
    source = tmp_path / "falco.jsonl"
    source.write_text('{"evt.num": 1, "evt.type": "execve", "proc.name": "sh"}\n')
    with pytest.raises(errors.InputError, match="this asks audit logs"):
        flow_audit.usage_of([str(source)], [objects(tmp_path)], progress=quiet)


def test_the_recorded_cluster_accounts_for_every_request(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "audit" / "dev"
    found = flow_audit.usage_of([str(folder / "train.jsonl.gz")], [objects(tmp_path)], progress=quiet)
    assert found.used.unknown == 0
    assert {one["why"] for one in found.used.beyond.to_dicts()} == {"node authorizer", "refused", "system:masters"}


def test_a_log_of_metadata_supports_no_finding_that_reads_bodies(tmp_path: Path) -> None:
    found, intake = flow_audit.coverage_of([log(tmp_path, event("create pods"))], progress=quiet)
    states = {one.finding: one.state for one in found}
    assert (states["privileged-pod"], states["exec"]) == ("unsupported", "supported")
    assert intake.accepted == 1

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.context.statements import Said, Silent
from tests.context.said import at, said

TICKET = """\
apiVersion: plimsoll.dev/v1alpha1
kind: Ticket
metadata: {name: ops-1, namespace: tickets, creationTimestamp: "2026-03-04T08:00:00Z"}
spec:
  title: Restart the web tier
  createdBy: bob
  createdAt: "2026-03-01T00:00:00Z"
  approvedBy: carol
  approvedAt: "2026-03-04T09:00:00Z"
  subjects: [ann]
  scope: [shop/Deployment/web]
  allows: [shell]
  until: "2026-03-04T18:00:00Z"
"""


def read(folder: Path, text: str, **options: object) -> Said:
    (folder / "context.yaml").write_text(text)
    return said("file", paths=[str(folder)], **options)


def test_a_ticket_was_not_made_before_the_cluster_saw_it(tmp_path: Path) -> None:
    told = read(tmp_path, TICKET).statements[0]
    assert (told.id, told.created, told.approved) == (
        "Ticket/tickets/ops-1",
        at("2026-03-04T08:00"),
        at("2026-03-04T09:00"),
    )
    assert (told.creator, told.approver, told.subjects, told.allows) == ("bob", "carol", ("ann",), ("shell",))


def test_a_ticket_was_changed_when_the_cluster_says_it_was(tmp_path: Path) -> None:
    text = TICKET.replace("namespace: tickets,", 'namespace: tickets, managedFields: [{time: "2026-03-04T11:00:00Z"}],')
    assert read(tmp_path, text).statements[0].edited == at("2026-03-04T11:00")


def test_a_grant_is_a_ticket_of_its_own_kind_and_a_closed_one_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, TICKET + "  type: grant\n").statements[0].kind == "grant"
    assert read(tmp_path, TICKET + "  closed: true\n").statements == []


def test_administrators_are_users_and_groups_with_what_they_administrate(tmp_path: Path) -> None:
    text = """\
apiVersion: plimsoll.dev/v1alpha1
kind: AdminRegistry
metadata: {name: platform}
spec:
  admins:
  - {users: [ann], groups: ["oidc:platform"], strong: true}
  - {users: [bob], scope: [shop/*/*], until: "2026-04-01T00:00:00Z"}
"""
    first, second = read(tmp_path, text).statements
    assert (first.kind, first.subjects, first.scope, first.strong) == (
        "admin",
        ("ann", "oidc:platform"),
        ("*/*/*",),
        True,
    )
    assert (second.scope, second.strong, second.until) == (("shop/*/*",), False, at("2026-04-01T00:00"))


def test_a_window_may_come_again(tmp_path: Path) -> None:
    text = """\
apiVersion: plimsoll.dev/v1alpha1
kind: MaintenanceWindow
metadata: {name: patching}
spec: {createdBy: carol, approvedBy: dave, approvedAt: "2026-01-01T00:00:00Z", scope: ["shop/*/*"],
  since: "2026-01-06T01:00:00Z", until: "2026-01-06T03:00:00Z", every: week}
"""
    told = read(tmp_path, text).statements
    assert [f"{one.since:%m-%d}" for one in told if one.since] == ["02-03", "02-10", "02-17", "02-24", "03-03"]
    assert told[0].edited == at("2026-01-01T00:00")


@pytest.mark.parametrize(
    "spec",
    [
        '{scope: [a/b/c], until: "tomorrow"}',
        '{scope: [a/b/c], since: "2026-03-04"}',
        "{scope: everything}",
        "{}",
        "7",
        '{scope: [a/b/c], since: "2026-03-04T02:00:00Z", until: "2026-03-04T01:00:00Z"}',
    ],
)
def test_what_is_not_understood_excuses_nothing_and_spoils_nothing(spec: str, tmp_path: Path) -> None:
    text = f"apiVersion: plimsoll.dev/v1alpha1\nkind: MaintenanceWindow\nspec: {spec}\n---\n{TICKET}"
    told = read(tmp_path, text)
    assert [one.kind for one in told.statements] == ["ticket"]
    assert len(told.problems) == 1


def test_other_objects_are_passed_over_and_lists_are_opened(tmp_path: Path) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: List\nitems:\n- {TICKET.replace(chr(10), chr(10) + '  ')}\n"
    assert len(read(tmp_path, text).statements) == 1


def test_a_broken_document_is_told_with_its_place(tmp_path: Path) -> None:
    told = read(tmp_path, f"{TICKET}---\na: [\n")
    assert len(told.statements) == 1
    assert "context.yaml" in told.problems[0]


def test_a_folder_that_is_not_there_is_silent() -> None:
    with pytest.raises(Silent, match="no such file"):
        said("file", paths=["/nowhere"])

"""What an attacker may try with a ticket, a calendar or a group, from the service to what triage makes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll import context
from plimsoll.triage import excuses, reading
from tests.context.said import NOW
from tests.context.services import Reply, service
from tests.context.test_ical import calendar, event
from tests.context.test_jira import issue, moved

ACT = {
    "id": "1",
    "time": NOW.isoformat(),
    "title": "Terminal shell in container",
    "kind": "falco",
    "subject": "shop/Deployment/web:app",
    "workload": "shop/Deployment/web",
    "actor": "ann@acme.example",
    "groups": ["platform"],
}
CAROL = "carol@acme.example"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "s3cr3t")


def excused(
    folder: Path, *sources: dict[str, Any], act: dict[str, Any] = ACT, later: timedelta = timedelta(0)
) -> excuses.Excuses:
    people = {"domains": ["acme.example"]}
    (folder / "context.json").write_text(
        json.dumps({"sources": [{"people": people, "allows": ["shell"], **one} for one in sources]})
    )
    read = context.read(folder / "context.json", NOW)
    at = (NOW + later).isoformat()
    return excuses.Context.of(read.frame).excuses(reading.of(act | {"time": at}), usual_place=True)


class Jira:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def excused(self, *issues: dict[str, Any], **more: Any) -> excuses.Excuses:
        with service(lambda _: Reply({"issues": issues})) as there:
            source = {
                "kind": "jira",
                "url": there.url,
                "user": "bot",
                "token": {"env": "JIRA_TOKEN"},
                "jql": "project = OPS",
            }
            return excused(self.folder, source | {"approved_status": ["Approved"]}, **more)


@pytest.fixture
def jira(tmp_path: Path) -> Jira:
    return Jira(tmp_path)


def test_a_ticket_that_somebody_made_and_another_approved_speaks_for_the_work(jira: Jira) -> None:
    assert jira.excused(issue("OPS-1", [moved("carol", 9)])).authority is not None


def test_a_ticket_of_ones_own_does_not(jira: Jira) -> None:
    own = {"accountId": "x", "emailAddress": "Ann@ACME.example"}
    assert jira.excused(issue("OPS-1", [moved("carol", 9)], reporter=own)).authority is None


def test_nor_one_that_one_approved_oneself(jira: Jira) -> None:
    assert jira.excused(issue("OPS-1", [moved("ann", 9)])).authority is None


def test_nor_one_of_an_account_that_hides_who_it_is(jira: Jira) -> None:
    hidden = {"accountId": "x", "displayName": "bob@acme.example"}
    assert jira.excused(issue("OPS-1", [moved("carol", 9)], reporter=hidden)).authority is None


def test_nor_one_made_a_minute_before(jira: Jira) -> None:
    fresh = "2026-03-04T11:59:00.000+0000"
    histories = [moved("carol", 11) | {"created": fresh}]
    assert jira.excused(issue("OPS-1", histories, created=fresh, updated=fresh)).authority is None


def test_nor_one_that_was_widened_after_it_was_approved(jira: Jira) -> None:
    histories = [moved("carol", 9), moved("bob", 10, "labels", "k8s:shop/Deployment/web")]
    assert jira.excused(issue("OPS-1", histories)).authority is None


def test_nor_one_with_a_pattern_for_a_name(jira: Jira) -> None:
    assert jira.excused(issue("OPS-1", [moved("carol", 9)], labels=["k8s:shop/*", "k8s:*/web"])).authority is None


def test_nor_one_that_says_it_in_its_text(jira: Jira) -> None:
    text = "approved by carol; k8s:shop/Deployment/web allow:shell"
    assert jira.excused(issue("OPS-1", [moved("carol", 9)], labels=[], summary=text)).authority is None


def test_nor_one_for_another_class_of_rules(jira: Jira) -> None:
    labels = ["k8s:shop/Deployment/web", "allow:file-copy"]
    assert jira.excused(issue("OPS-1", [moved("carol", 9)], labels=labels)).authority is None


def test_nor_one_that_was_heard_too_long_ago(jira: Jira) -> None:
    found = jira.excused(issue("OPS-1", [moved("carol", 9)]), later=timedelta(minutes=6))
    assert found.authority is None
    assert found.stale == ("jira",)


def window(*lines: str) -> str:
    return event("DTSTART:20260304T110000Z", "DTEND:20260304T130000Z", "CATEGORIES:k8s:shop/Deployment/web", *lines)


@pytest.mark.parametrize(
    ("edited", "organizers", "holds"),
    [
        ("20260101T000000Z", ["ann@acme.example", CAROL], True),
        ("20260304T105500Z", ["ann@acme.example", CAROL], False),  # put there for the occasion
        ("20260304T121000Z", ["ann@acme.example", CAROL], False),  # edited after the act
        ("20260101T000000Z", [], False),  # announced by somebody who may not
    ],
)
def test_a_window_counts_where_it_was_settled_before_it_began(
    edited: str, organizers: list[str], holds: bool, tmp_path: Path
) -> None:
    text = window(f"LAST-MODIFIED:{edited}").replace("mailto:Ann@", "mailto:carol@")
    (tmp_path / "c.ics").write_text(calendar(text), newline="")
    found = excused(tmp_path, {"kind": "ical", "file": str(tmp_path / "c.ics"), "organizers": organizers})
    assert (found.window is not None) == holds


def test_ones_own_window_is_none(tmp_path: Path) -> None:
    (tmp_path / "c.ics").write_text(calendar(window("LAST-MODIFIED:20260101T000000Z")), newline="")
    source = {"kind": "ical", "file": str(tmp_path / "c.ics"), "organizers": ["ann@acme.example"]}
    assert excused(tmp_path, source).window is None


def test_an_administrator_is_one_by_his_group_and_by_a_second_factor(tmp_path: Path) -> None:
    export = {"groups": {"ops": ["ann@acme.example"]}, "strong": ["ann@acme.example"], "exported": NOW.isoformat()}
    (tmp_path / "groups.json").write_bytes(msgspec.json.encode(export))
    source = {"kind": "oidc_groups", "file": str(tmp_path / "groups.json"), "groups": {"ops": ["shop/*/*"]}}
    assert excused(tmp_path, source).identity is not None
    assert excused(tmp_path, source, act=ACT | {"actor": "mallory"}).identity is None
    assert excused(tmp_path, source, act=ACT | {"workload": "bank/Deployment/ledger"}).identity is None


def test_being_bound_to_a_role_is_weak(tmp_path: Path) -> None:
    (tmp_path / "rbac.yaml").write_text(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: p}\n"
        "roleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: Group, name: platform}]\n"
    )
    found = excused(tmp_path, {"kind": "rbac_groups", "objects": [str(tmp_path / "rbac.yaml")]})
    assert found.identity is None
    assert found.weak_identity is not None

"""Falco's alerts: a row an alert, whatever fields its rule printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.sources import falco
from tests.sources import told


def alert(**fields: Any) -> dict[str, Any]:
    return {
        "rule": "r",
        "priority": "Notice",
        "time": "2026-03-02T10:00:00.5Z",
        "output_fields": {name.replace("__", "."): value for name, value in fields.items()},
    }


def test_fields_come_under_their_names_with_underscores() -> None:
    row = told.row(
        falco, alert(evt__type="openat", evt__arg__flags="O_WRONLY", fd__name="/etc/x", proc__pid=7, user__uid=0)
    )
    assert row["evt_type"] == "openat"
    assert (row["evt_arg_flags"], row["fd_name"], row["proc_pid"], row["user_uid"]) == ("O_WRONLY", "/etc/x", 7, 0)
    assert (row["rule"], row["priority"], row["evt_source"]) == ("r", "Notice", "falco")


def test_ancestors_are_told_from_the_parent_on_up_to_the_first_gap() -> None:
    fields = alert(proc__pname="sh") | {
        "output_fields": {"proc.pname": "sh", "proc.aname[2]": "sshd", "proc.aname[4]": "init"}
    }
    assert told.row(falco, fields)["proc_aname"] == ["sh", "sshd"]


def test_what_falco_could_not_find_is_null() -> None:
    assert "user_name" not in told.row(falco, alert(user__name="<NA>"))


def test_the_node_is_in_no_container() -> None:
    assert "container_id" not in told.row(falco, alert(container__id="host", container__name="host"))


def test_ends_are_read_from_the_connections_name() -> None:
    row = told.row(falco, alert(evt__type="connect", fd__name="::1:40312->2001:db8::9:443"))
    assert (row["fd_cip"], row["fd_cport"], row["fd_sip"], row["fd_sport"]) == ("::1", 40312, "2001:db8::9", 443)


def test_a_unix_socket_has_no_ends() -> None:
    assert "fd_sip" not in told.row(falco, alert(fd__name="ffff888->ffff999 /run/docker.sock"))


@pytest.mark.parametrize(("act", "server"), [("connect", "10.0.0.2"), ("accept4", "10.0.0.1")])
def test_who_serves_depends_on_who_called(act: str, server: str) -> None:
    row = told.row(falco, alert(evt__type=act, fd__lip="10.0.0.1", fd__rip="10.0.0.2"))
    assert row["fd_sip"] == server


def test_an_image_is_put_together_from_repository_and_tag() -> None:
    fields = {"container.image.repository": "r.example/a", "container.image.tag": "1"}
    assert told.row(falco, alert() | {"output_fields": fields})["container_image"] == "r.example/a:1"


def test_the_deployment_is_the_workload() -> None:
    row = told.row(falco, alert() | {"output_fields": {"k8smeta.deployment.name": "web", "k8smeta.ns.name": "shop"}})
    assert (row["k8s_ns_name"], row["k8s_workload_kind"], row["k8s_workload_name"]) == ("shop", "Deployment", "web")


def test_an_alert_may_lack_output_fields_and_tags() -> None:
    assert (
        told.row(falco, {"rule": "r", "priority": "Debug", "time": "2026-03-02T10:00:00Z", "output": "o"})["output"]
        == "o"
    )


@pytest.mark.parametrize("fields", [{"proc.pid": "7"}, {"proc.name": 7}, {"user.uid": True}, {"proc.pname": 7}])
def test_a_field_of_the_wrong_type_is_a_reject(fields: dict[str, Any]) -> None:
    assert told.refused(falco, alert() | {"output_fields": fields})


@pytest.mark.data
def test_recorded_alerts_are_read(shared_data: Path) -> None:
    lines = told.recorded(shared_data / "sensors" / "falco", "*.ndjson")
    parsed = falco.parse(lines, 1)
    assert len(parsed.rejects) <= 1  # one is a template whose time is Go source
    assert parsed.events.height == parsed.accepted == parsed.events["rule"].count()

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect import audit_bodies


@pytest.mark.parametrize(
    ("words", "copies"),
    [
        ("tar cf - /root", True),
        ("tar -czf - /data", True),
        ("sh -c tar cf - /etc | gzip", True),
        ("/bin/tar --create --file=- /etc", True),
        ("tar -c -f - /etc", True),
        ("tar xf - -C /tmp", False),
        ("tar czf backup.tar.gz /app", False),
        ("start cf - x", False),
        ("tar -tf -", False),
    ],
)
def test_tar_to_the_output_copies_out(words: str, copies: bool) -> None:
    body = json.dumps({"command": words.split(" ")})
    assert ("copies out" in audit_bodies.says("pods", "exec", "", body, None)) == copies


@pytest.mark.parametrize("path", ["/", "/etc", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/var/lib/kubelet/pki", "/data/../etc"])  # fmt: skip
def test_paths_that_open_the_node_are_sensitive(path: str) -> None:
    body = json.dumps({"spec": {"volumes": [{"hostPath": {"path": path}}]}})
    assert audit_bodies.says("pods", "", "", body, None) == ["hostPath", "sensitive hostPath"]


@pytest.mark.parametrize("path", ["/data", "/var/log", "/mnt/disks/a", "/etcetera", "/var/lib/kubelet2"])
def test_other_paths_are_not(path: str) -> None:
    body = json.dumps({"spec": {"volumes": [{"hostPath": {"path": path}}]}})
    assert audit_bodies.says("pods", "", "", body, None) == ["hostPath"]


def test_a_json_patch_says_what_it_adds() -> None:
    steps = [
        {"op": "add", "path": "/spec/template/spec/containers/0/securityContext", "value": {"privileged": True}},
        {"op": "remove", "path": "/spec/template/spec/hostPID"},
        {"op": "replace", "path": "/spec/template/spec/hostNetwork", "value": True},
    ]
    assert audit_bodies.says("deployments", "", "", json.dumps(steps), None) == ["hostNetwork", "privileged"]


def test_the_answer_is_read_where_the_request_has_no_body() -> None:
    assert audit_bodies.says("pods", "", "", None, '{"spec": {"hostIPC": true}}') == ["hostIPC"]


def test_a_body_beyond_all_measure_is_not_read() -> None:
    assert audit_bodies.body('{"a": "' + "x" * audit_bodies.LARGEST + '"}') == {}


@pytest.mark.parametrize("body", ['{"spec": ', "[" * 100_000, '"text"', "7", "null", "", '{"spec": {"volumes": {"hostPath": 7}}}'])  # fmt: skip
def test_what_is_no_object_says_nothing(body: str) -> None:
    assert audit_bodies.says("pods", "", "", body, None) == []


@given(st.text(alphabet="tar cf-/ sh.mysqlpASSWORD=nc -e|&", max_size=5000))
def test_commands_are_read_in_bounded_time(line: str) -> None:
    said = audit_bodies.says("pods", "exec", "", json.dumps({"command": line}), None)
    assert set(said) <= set(audit_bodies.WORDS)

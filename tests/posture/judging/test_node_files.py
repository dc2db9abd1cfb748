"""Files of a node, control by control."""

from __future__ import annotations

import pytest

from plimsoll.posture import rows
from plimsoll.posture.judging import node_files
from tests.posture.judging.asking import fields

PODS, PKI, UNITS = "/etc/kubernetes/manifests", "/etc/kubernetes/pki", "/usr/lib/systemd/system"
FILES = {
    "api_server": f"{PODS}/kube-apiserver.yaml",
    "controllers": f"{PODS}/kube-controller-manager.yaml",
    "scheduler": f"{PODS}/kube-scheduler.yaml",
    "etcd": f"{PODS}/etcd.yaml",
    "network": "/etc/cni/net.d/10-calico.conflist",
    "etcd_data": "/var/lib/etcd",
    "admin": "/etc/kubernetes/super-admin.conf",
    "scheduler_login": "/etc/kubernetes/scheduler.conf",
    "controllers_login": "/etc/kubernetes/controller-manager.conf",
    "pki": f"{PKI}/etcd/peer.crt",
    "certificate": f"{PKI}/etcd/ca.crt",
    "key": f"{PKI}/etcd/ca.key",
    "service": f"{UNITS}/kubelet.service.d/10-kubeadm.conf",
    "proxy_login": "/var/lib/kube-proxy/kubeconfig.conf",
    "kubelet_login": "/etc/kubernetes/kubelet.conf",
    "client_authority": f"{PKI}/ca.crt",
    "config": "/var/lib/kubelet/config.yaml",
}
"""By the name of a test without what it is about."""
NUMBERS = [*(f"cis:1.1.{number}" for number in range(1, 22)), *(f"cis:4.1.{number}" for number in range(1, 11))]


def node(*files):
    return {"apiVersion": node_files.API_VERSION, "kind": "NodeFiles", "metadata": {"name": "n"}, "files": [*files]}


def file(path, mode="0600", owner="root:root", kind="file"):
    user, _, group = owner.partition(":")
    return {"path": path, "kind": kind, "mode": mode, "owner": user, "group": group}


def kind_of(name):
    return node_files.ROWS[name].kinds[0]


def test_every_control_of_the_benchmark_has_one_test_in_its_order():
    asked = {one.test: one.controls[0] for row in rows.own() for one in row.tests if one.test.startswith("node_files.")}
    assert [asked[f"node_files.{name}"] for name in node_files.ROWS] == NUMBERS


@pytest.mark.parametrize("name", [name for name in node_files.ROWS if name.endswith("_mode")])
def test_a_file_allows_no_more_than_it_may(name):
    path, kind = FILES[name.removesuffix("_mode")], kind_of(name)
    most = node_files.ROWS[name].mode
    for mode in (most, most & 0o700, 0o400, 0):
        assert fields(f"node_files.{name}", node(file(path, f"{mode:04o}", kind=kind))) == []
    for more in (0o040, 0o020, 0o004, 0o002, 0o001):
        if more & ~most:
            told = node(file("/else"), file(path, f"{most | more:04o}", kind=kind))
            assert fields(f"node_files.{name}", told) == ["files[1].mode"]


@pytest.mark.parametrize("name", [name for name in node_files.ROWS if name.endswith("_owner")])
def test_a_file_is_of_whom_it_should_be(name):
    path, kind, owner = FILES[name.removesuffix("_owner")], kind_of(name), node_files.ROWS[name].owner
    assert fields(f"node_files.{name}", node(file(path, owner=owner, kind=kind))) == []
    user = owner.partition(":")[0]
    for other in ("nobody:nogroup", f"{user}:users", f"nobody:{user}", "1000:1000"):
        assert fields(f"node_files.{name}", node(file(path, owner=other, kind=kind))) == ["files[0].owner"]


def test_a_certificate_that_nobody_else_writes_is_well():
    assert fields("node_files.certificate_mode", node(file(f"{PKI}/ca.crt", "0644"))) == []
    assert fields("node_files.key_mode", node(file(f"{PKI}/ca.crt", "0644"))) == []


def test_folders_of_keys_are_roots_too():
    told = node(file(PKI, "0755", "u:u", "folder"), file(f"{PKI}/etcd", "0755", "u:u", "folder"))
    assert fields("node_files.pki_owner", told) == ["files[0].owner", "files[1].owner"]


def test_of_etcds_folders_the_one_with_the_data_counts():
    inner = file("/var/lib/etcd/default.etcd", "0700", kind="folder")
    told = node(file("/var/lib/etcd", "0755", kind="folder"), inner)
    assert fields("node_files.etcd_data_mode", told) == []


def test_folders_and_bits_that_allow_nothing_are_passed_over():
    assert fields("node_files.network_mode", node(file("/etc/cni/net.d/more", "0755", kind="folder"))) == []
    assert fields("node_files.etcd_data_mode", node(file("/var/lib/etcd", "2700", kind="folder"))) == []


def test_what_was_not_read_and_what_is_told_wrongly_is_not_judged():
    wrong = [file("/a", mode=384), file("/a", mode="rw-"), file("/a", owner="root"), file("/a", kind="pipe"), {}, 1]
    told = node(file("/a"), *wrong) | {"unread": [{"path": "/b", "reason": "Permission denied"}, None]}
    said = [*node_files.unjudged(told)]
    assert said[0] == "/b: Permission denied"
    assert [one.split(" ")[0] for one in said[2:]] == [f"files[{number}]" for number in range(1, 7)]


@pytest.mark.parametrize("files", [None, 1, {}, [None], [{"path": [], "kind": "file"}], [{"path": "/" * 99_999}]])
def test_hostile_files_end_nothing(files):
    for name in node_files.ROWS:
        assert fields(f"node_files.{name}", {"kind": "NodeFiles", "files": files}) == []

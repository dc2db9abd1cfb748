"""The files of a node, read from a folder that stands for one."""

from __future__ import annotations

import os

import pytest

from plimsoll import errors
from plimsoll.cluster import node_files


def made(root, *paths, mode=0o640):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("secret")
        file.chmod(mode)


def paths(told):
    return [file["path"] for file in told["files"]]


def unread(told):
    return {one["path"]: one["reason"] for one in told["unread"]}


def test_modes_and_owners_are_told_and_never_contents(tmp_path):
    made(tmp_path, "etc/kubernetes/admin.conf", "etc/kubernetes/other.conf")
    uid, gid = os.getuid(), os.getgid()
    (tmp_path / "etc/hostname").write_text("node-1\n")
    (tmp_path / "etc/passwd").write_text(f"root:x:0:0::/:\nolga:x:{uid}:{gid}::/:\n")
    (tmp_path / "etc/group").write_text(f"broken\nolgas:x:{gid}:\n")
    told = node_files.read(tmp_path)
    assert told["metadata"] == {"name": "node-1"}
    owner, group = "olga" if uid else "root", "olgas" if gid else "root"
    assert told["files"] == [
        {
            "path": "/etc/kubernetes/admin.conf",
            "kind": "file",
            "mode": "0640",
            "owner": owner,
            "group": group,
            "uid": uid,
            "gid": gid,
        }
    ]
    assert told["unread"] == []
    assert "secret" not in str(told)


def test_what_the_controls_name_is_found_wherever_it_is(tmp_path):
    wanted = [
        "etc/cni/net.d/10-a.conflist",
        "etc/kubernetes/manifests/etcd.yaml",
        "etc/kubernetes/pki/ca.crt",
        "etc/kubernetes/pki/etcd/ca.key",
        "etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
        "var/lib/kubelet/config.yaml",
    ]
    made(tmp_path, *wanted, "etc/shadow", "var/lib/kubelet/other", "var/lib/etcd/member/snap/db")
    folders = {"/etc/kubernetes/pki", "/etc/kubernetes/pki/etcd", "/var/lib/etcd"}
    assert set(paths(node_files.read(tmp_path))) == {f"/{path}" for path in wanted} | folders


def test_links_are_followed_as_on_the_node_and_never_out_of_it(tmp_path):
    root = tmp_path / "node"
    made(root, "data/admin", mode=0o604)
    made(tmp_path, "data/scheduler", "outside")
    (root / "etc/kubernetes").mkdir(parents=True)
    (root / "etc/kubernetes/admin.conf").symlink_to("/data/admin")
    (root / "etc/kubernetes/scheduler.conf").symlink_to("../../../../../data/scheduler")
    (root / "etc/kubernetes/kubelet.conf").symlink_to(tmp_path / "outside")
    told = node_files.read(root)
    assert [(file["path"], file["mode"]) for file in told["files"]] == [("/etc/kubernetes/admin.conf", "0604")]


def test_links_that_lead_round_end(tmp_path):
    made(tmp_path, "etc/kubernetes/pki/ca.crt")
    pki = tmp_path / "etc/kubernetes/pki"
    (pki / "round").symlink_to("/etc/kubernetes/pki")
    (pki / "a.key").symlink_to("b.key")
    (pki / "b.key").symlink_to("a.key")
    told = node_files.read(tmp_path)
    assert "/etc/kubernetes/pki/ca.crt" in paths(told)
    assert unread(told).keys() == {f"/etc/kubernetes/pki/{name}" for name in ("round", "a.key", "b.key")}


def test_deep_and_huge_folders_are_bounded_and_told(tmp_path, monkeypatch):
    made(tmp_path, "etc/kubernetes/pki/" + "x/" * 20 + "ca.key")
    assert any("folders deep" in reason for reason in unread(node_files.read(tmp_path)).values())
    monkeypatch.setattr(node_files, "MOST_NAMES", 5)
    made(tmp_path, *(f"etc/cni/net.d/{number}" for number in range(9)))
    told = node_files.read(tmp_path)
    assert len(told["files"]) <= 6
    assert any("names in all" in reason for reason in unread(told).values())


def test_names_that_are_no_text_and_what_is_no_file_end_nothing(tmp_path):
    made(tmp_path, "etc/cni/net.d/a")
    folder = tmp_path / "etc/cni/net.d"
    (folder / os.fsdecode(b"\xff")).touch()
    os.mkfifo(folder / "pipe")
    os.mkfifo(tmp_path / "etc/passwd")
    assert paths(node_files.read(tmp_path)) == ["/etc/cni/net.d/\\xff", "/etc/cni/net.d/a"]


def test_what_may_not_be_looked_at_is_told(tmp_path, monkeypatch):
    made(tmp_path, "etc/kubernetes/admin.conf", "etc/kubernetes/pki/ca.crt")
    look = os.lstat

    def refuse(path, *rest, **more):
        if str(path).endswith("/admin.conf"):
            raise PermissionError(13, "Permission denied")
        return look(path, *rest, **more)

    monkeypatch.setattr(os, "lstat", refuse)
    assert unread(node_files.read(tmp_path)) == {"/etc/kubernetes/admin.conf": "Permission denied"}


def test_a_folder_that_is_no_node_is_told(tmp_path):
    assert unread(node_files.read(tmp_path)) == {"/": "none of the files that are judged is here"}
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("round")
    for name in ("nowhere", "file", "round", "file/below"):
        with pytest.raises(errors.InputError, match="not the folder of a node"):
            node_files.read(tmp_path / name)


def test_nobody_but_number_0_is_called_root(tmp_path):
    made(tmp_path, "etc/kubernetes/admin.conf")
    uid = os.getuid() or 1000
    (tmp_path / "etc/passwd").write_text(f"root:x:{uid}:0::/:\ntoor:x:0:0::/:\n")
    (file,) = node_files.read(tmp_path)["files"]
    assert file["owner"] == ("root" if file["uid"] == 0 else str(uid))

"""Which cgroups are containers, on every kind of hierarchy."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import cgroups
from tests.sensor.hosts import ID, POD, mounted

UID = "11111111-2222-3333-4444-555555555555"
SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"


@pytest.mark.parametrize(
    ("path", "uid", "container"),
    [
        (f"/kubepods/besteffort/pod{UID}/{ID}", UID, ID),
        (f"/kubepods/pod{UID}/{ID}", UID, ID),
        (f"{SLICE}/cri-containerd-{ID}.scope", UID, ID),
        (f"{SLICE}/crio-{ID}.scope", UID, ID),
        (f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/docker-{ID}.scope", UID, ID),
        (
            f"/kubelet/kubepods/burstable/pod0123456789abcdef0123456789abcdef/{ID}",
            "0123456789abcdef0123456789abcdef",
            ID,
        ),
        (f"/docker/{ID}", "", ID),
        (f"/system.slice/docker-{ID}.scope", "", ID),
        (f"/machine.slice/libpod-{ID}.scope/container", "", ID),
        (f"/libpod_parent/libpod-{ID}", "", ID),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "", ID),
    ],
)
def test_the_paths_of_all_runtimes_are_understood(path, uid, container):
    found = cgroups.place(path)
    assert (found.pod_uid, found.container_id) == (uid, container)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/system.slice/ssh.service",
        f"/kubepods/besteffort/pod{UID}",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"{SLICE}/crio-conmon-{ID}.scope",
        f"/docker/{ID}x",
        f"/docker/{ID.upper()}",
        f"/docker/{ID}\n",
    ],
)
def test_what_is_no_container_is_not_taken_for_one(path):
    assert cgroups.place(path) is None


def test_what_a_container_makes_below_itself_is_its_own():
    inner = f"{POD}{ID}/docker/{'b' * 64}"
    assert cgroups.place(inner) == cgroups.Place(f"{POD}{ID}", UID, ID)


@given(st.text() | st.lists(st.sampled_from(["kubepods", "pod1", ID, "..", "", "a.slice"])).map("/".join))
def test_any_path_is_a_container_or_none(path):
    found = cgroups.place(path)
    assert found is None or len(found.container_id) == 64


@pytest.mark.parametrize(
    ("v1", "v2", "kind"),
    [
        (False, "/sys/fs/cgroup", "v2"),
        (True, "/sys/fs/cgroup/unified", "hybrid"),
        (True, "", "v1"),
        (False, "", "none"),
    ],
)
def test_each_kind_of_hierarchy_is_told(tmp_path, v1, v2, kind):
    assert cgroups.hierarchy(mounted(tmp_path, v1=v1, v2=v2)).kind == kind


def test_a_container_on_v2_has_the_inode_of_its_folder_as_key(tmp_path):
    groups = cgroups.Cgroups(mounted(tmp_path, v1=False, v2="/sys/fs/cgroup"))
    folder = tmp_path / f"sys/fs/cgroup{POD}{ID}"
    folder.mkdir(parents=True)
    assert groups.containers() == {folder.stat().st_ino: f"{POD}{ID}"}
    assert groups.key(f"{POD}{ID}") == folder.stat().st_ino


def test_on_a_hybrid_host_the_v2_key_counts_where_there_is_one(tmp_path):
    groups = cgroups.Cgroups(mounted(tmp_path, v1=True, v2="/sys/fs/cgroup/unified"))
    both, only = f"{POD}{ID}", f"/docker/{'b' * 64}"
    for top, path in (("unified", both), ("pids", both), ("pids", only)):
        (tmp_path / f"sys/fs/cgroup/{top}{path}").mkdir(parents=True)
    v2 = (tmp_path / f"sys/fs/cgroup/unified{both}").stat().st_ino
    v1 = (tmp_path / f"sys/fs/cgroup/pids{only}").stat().st_ino | cgroups.V1
    assert groups.containers() == {v2: both, v1: only}
    assert groups.path(v1) == only
    assert groups.path(v2) == both


def test_within_a_cgroup_namespace_the_kernels_path_is_found_by_its_ending(tmp_path):
    groups = cgroups.Cgroups(mounted(tmp_path, v1=False, v2="/sys/fs/cgroup"))
    folder = tmp_path / f"sys/fs/cgroup{POD}{ID}"
    folder.mkdir(parents=True)
    key = folder.stat().st_ino
    assert groups.path(key, f"/docker/{'c' * 64}{POD}{ID}") == f"{POD}{ID}"
    assert groups.path(key + 1, f"{POD}{ID}") is None


def test_a_path_never_leads_out_of_the_hierarchy(tmp_path):
    groups = cgroups.Cgroups(mounted(tmp_path, v1=False, v2="/sys/fs/cgroup"))
    (tmp_path / "sys/fs/cgroup/link").symlink_to(tmp_path)
    assert groups.key("/../..") is None
    assert groups.key("/link") is None
    assert groups.path(tmp_path.stat().st_ino, "/../../..") is None


def test_a_cgroup_that_is_gone_has_neither_path_nor_key(tmp_path):
    groups = cgroups.Cgroups(mounted(tmp_path, v1=False, v2="/sys/fs/cgroup"))
    assert groups.key(f"{POD}{ID}") is None
    assert groups.path(4711) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_keys_of_this_host_are_those_of_its_own_folders():
    groups = cgroups.Cgroups()
    if groups.hierarchy.kind == "none":
        pytest.skip("no cgroups are mounted here")
    for key, path in groups.containers().items():
        assert groups.key(path) == key

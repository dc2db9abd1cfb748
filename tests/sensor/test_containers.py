"""What runtimes wrote down is found by id, by cgroup, and by who makes it."""

import shutil
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor.containers import Container, Runtimes
from tests.sensor.hosts import ID, POD, SHOP, bundle, write

TASKS = "run/containerd/io.containerd.runtime.v2.task/k8s.io"


@pytest.mark.parametrize(
    "folder",
    [
        f"{TASKS}/{ID}",
        f"run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}",
        f"run/containers/storage/overlay-containers/{ID}/userdata",
        f"var/lib/containers/storage/overlay-containers/{ID}/userdata",
    ],
)
def test_a_bundle_is_found_by_id_wherever_its_runtime_keeps_it(tmp_path, folder):
    mounts = [{"source": "/opt/cni/bin", "destination": "/host/opt/cni/bin"}]
    told = bundle(f"{POD}{ID}", SHOP | {"other": "x"}, root={"path": "rootfs"}, mounts=mounts)
    write(tmp_path / folder / "config.json", told)
    found = Runtimes(tmp_path).find(ID)
    assert found.annotations == SHOP
    assert (found.cgroup, found.rootfs) == (f"{POD}{ID}", "rootfs")
    assert found.mounts == (("/opt/cni/bin", "/host/opt/cni/bin"),)


def state(cgroup, folder="", annotations=None):
    labels = [f"{key}={value}" for key, value in (annotations or {}).items()]
    paths = {"": f"/sys/fs/cgroup/unified{cgroup}", "pids": f"/sys/fs/cgroup/pids{cgroup}"}
    config = {"rootfs": "/r", "labels": [*labels, f"bundle={folder}"], "cgroups": {"path": cgroup}}
    return {"id": "redis-0", "init_process_pid": 4711, "config": config, "cgroup_paths": paths}


def test_a_cgroup_under_another_name_than_its_container_is_found_by_runcs_state(tmp_path):
    write(tmp_path / "run/runc/redis-0/state.json", state(f"{POD}{ID}", "/b", SHOP))
    found = Runtimes(tmp_path).at(f"{POD}{ID}/inner")
    assert (found.id, found.pid, found.annotations) == ("redis-0", 4711, SHOP)
    assert found.sits(f"{POD}{ID}")
    assert Runtimes(tmp_path).at(f"{POD}{'b' * 64}") is None


def test_the_bundle_beside_the_state_says_more(tmp_path):
    write(tmp_path / "b/config.json", bundle(f"{POD}{ID}", SHOP | {"plimsoll.dev/workload": "Deployment/redis"}))
    write(tmp_path / "run/containerd/runc/k8s.io/redis-0/state.json", state(f"{POD}{ID}", "/b"))
    found = Runtimes(tmp_path).at(f"{POD}{ID}")
    assert found.annotations["plimsoll.dev/workload"] == "Deployment/redis"
    assert found.pid == 4711


def test_crun_is_understood(tmp_path):
    told = {"pid": 5, "cgroup-path": f"{POD}{ID}", "bundle": "/b", "rootfs": "/b/rootfs"}
    write(tmp_path / "run/crun/redis-0/status", told)
    write(tmp_path / "b/config.json", bundle(annotations=SHOP))
    found = Runtimes(tmp_path).at(f"{POD}{ID}")
    assert (found.id, found.pid, found.annotations) == ("redis-0", 5, SHOP)


def test_a_state_is_read_anew_when_it_changes(tmp_path):
    runtimes, file = Runtimes(tmp_path), tmp_path / "run/runc/redis-0/state.json"
    write(file, "{")
    assert runtimes.at("/pods/redis") is None
    write(file, state("/pods/redis"))
    assert runtimes.at("/pods/redis").id == "redis-0"
    shutil.rmtree(file.parent)
    assert runtimes.at("/pods/redis") is None


def test_an_id_that_comes_back_under_another_cgroup_is_noticed(tmp_path):
    runtimes, file = Runtimes(tmp_path), tmp_path / "run/runc/redis-0/state.json"
    write(file, state("/pods/redis"))
    assert runtimes.at("/pods/redis")
    write(file, state("/pods/other"))
    time.sleep(0.3)
    assert runtimes.at("/pods/other").id == "redis-0"
    assert runtimes.at("/pods/redis") is None


def test_docker_knows_the_name_but_its_labels_are_the_images_too(tmp_path):
    config = {"Image": "redis:7", "Labels": {"io.kubernetes.pod.namespace": "kube-system"}}
    write(tmp_path / f"var/lib/docker/containers/{ID}/config.v2.json", {"Name": "/cache", "Config": config})
    found = Runtimes(tmp_path).find(ID)
    assert (found.name, found.image, found.outside) == ("cache", "redis:7", True)


def process(root, pid, words, folder):
    base = root / f"proc/{pid}"
    write(base / "cmdline", "\0".join(words) + "\0")
    (base / "cwd").symlink_to(folder)
    (base / "root").symlink_to("/")
    return Runtimes(root, root / "proc")


@pytest.mark.parametrize(
    "words", [["--bundle", "{}"], ["--bundle={}"], ["-b", "{}"], ["-b", "b"], ["--pid-file", "/p"]]
)
def test_the_runtime_that_makes_a_cgroup_says_for_whom(tmp_path, words):
    write(tmp_path / "b/config.json", bundle(f"{POD}{ID}", SHOP))
    options = [word.format(tmp_path / "b") for word in words]
    runtimes = process(tmp_path, 7, ["runc", "--root", "/r", "create", *options, "redis-0"], tmp_path / "b")
    assert runtimes.made_by(7, f"{POD}{ID}").annotations == SHOP
    assert runtimes.made_by(7, POD) is None
    assert runtimes.made_by(8, f"{POD}{ID}") is None


def test_who_creates_nothing_and_ids_that_are_paths_are_not_believed(tmp_path):
    write(tmp_path / "b/config.json", bundle("/x", SHOP))
    assert process(tmp_path, 7, ["runc", "exec", "-b", str(tmp_path / "b"), "redis-0"], "/").made_by(7, "/x") is None
    assert process(tmp_path, 8, ["runc", "run", "-b", str(tmp_path / "b"), "../x"], "/").made_by(8, "/x") is None
    assert process(tmp_path, 9, [""], "/").made_by(9, "/x") is None


@pytest.mark.parametrize("name", ["", ".", "..", "../../etc", "a/b", "x" * 129, "a\n"])
def test_an_id_that_is_none_finds_nothing(tmp_path, name):
    write(tmp_path / f"{TASKS}/config.json", bundle())
    assert Runtimes(tmp_path).find(name) is None


def test_a_bundle_behind_a_link_is_not_read(tmp_path):
    write(tmp_path / "elsewhere/config.json", bundle(annotations=SHOP))
    (tmp_path / TASKS).mkdir(parents=True)
    (tmp_path / TASKS / ID).symlink_to(tmp_path / "elsewhere")
    assert Runtimes(tmp_path).find(ID) is None


def test_annotations_of_any_size_and_kind_are_survived(tmp_path):
    told = SHOP | {"io.kubernetes.cri.image-name": "x" * 1_000_000, "plimsoll.dev/workload": None}
    write(tmp_path / TASKS / ID / "config.json", bundle(f"{POD}{ID}", told))
    assert Runtimes(tmp_path).find(ID).annotations == SHOP


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "null", '{"linux":7}', "[" * 100_000, '{"annotations":{"a":1}', "\udcff"]
)
def test_a_broken_bundle_is_none(tmp_path, text):
    file = write(tmp_path / TASKS / ID / "config.json", "")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert Runtimes(tmp_path).find(ID) is None


@given(st.text(), st.text(), st.text())
def test_any_cgroup_asked_for_is_the_one_or_not(container_id, asked, path):
    assert Container(container_id, asked).sits(path) in (True, False)

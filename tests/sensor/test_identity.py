"""From a cgroup's key to the subject that its behaviour is learned under."""

import json
import os
import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import cgroups, cri, identity, kube
from plimsoll.sensor.containers import Container, Mount, Runtimes
from plimsoll.sensor.identity import Evidence, Host, Identities
from tests.sensor import boxes
from tests.sensor.hosts import ID, POD, SHOP, bundle, mounted, write

PLACE = cgroups.place(f"{POD}{ID}")
RUNNING = kube.Pod(
    PLACE.pod_uid,
    "shop",
    "web-5d8f7c-abcde",
    {"app": "web", "pod-template-hash": "5d8f7c"},
    {},
    "ReplicaSet",
    "web-5d8f7c",
    names={ID: "app"},
    images={"app": ("registry.test/web:1", f"registry.test/web@sha256:{'c' * 64}")},
)


def of(annotations, **more):
    return identity.identity(Evidence(f"{POD}{ID}", PLACE, Container(ID, annotations=annotations, **more)))


def test_the_annotations_of_cri_give_namespace_pod_and_container():
    found = of(SHOP)
    assert found.subject == "shop/Deployment/redis:redis"
    assert (found.pod, found.pod_uid, found.protected) == ("redis-7d9c5b8f6d-x2k4q", PLACE.pod_uid, False)


def test_the_older_annotations_are_understood():
    found = of(
        {
            "io.kubernetes.pod.namespace": "shop",
            "io.kubernetes.pod.name": "db-0",
            "io.kubernetes.container.name": "postgres",
        }
    )
    assert found.subject == "shop/StatefulSet/db:postgres"


def test_an_annotation_gives_the_workload():
    assert of(SHOP | {"plimsoll.dev/workload": "Rollout/cache"}).subject == "shop/Rollout/cache:redis"


def test_without_annotations_a_container_is_the_hosts_under_its_id_or_its_name():
    assert identity.identity(Evidence("/redis", container=Container("redis"))).subject == "host/Container/redis:redis"
    named = Container(ID, name="cache", outside=True)
    assert identity.identity(Evidence("/x", container=named)).subject == "host/Container/cache:cache"


@pytest.mark.parametrize(
    "value", ["a/b", "a:b", "a\nb", "..", "", "X" * 64, "x" * 1_000_000, "shop/Deployment/redis:redis", "é"]
)
def test_a_hostile_name_is_no_name(value):
    keys = [*SHOP, "plimsoll.dev/workload"]
    for key in keys:
        found = of(SHOP | {key: value})
        space, kind, rest = found.subject.split("/")
        assert rest.count(":") == 1
        assert found.subject.isprintable()
        assert len(found.subject) < 700
        assert value not in (space, kind, *rest.split(":"))


@given(st.dictionaries(st.sampled_from([*SHOP, "plimsoll.dev/workload", "io.kubernetes.cri.image-name"]), st.text()))
def test_whatever_is_annotated_a_subject_has_four_parts(annotations):
    found = of(annotations)
    space, kind, rest = found.subject.split("/")
    workload, inner = rest.split(":")
    assert all((space, kind, workload, inner))
    assert found.subject.isascii()


def test_the_labels_of_a_docker_image_do_not_say_who_a_container_is():
    own = Container(ID, annotations=SHOP | {"plimsoll.dev/protect": "true"}, outside=True)
    outside = identity.identity(Evidence(f"/docker/{ID}", cgroups.place(f"/docker/{ID}"), own))
    assert (outside.namespace, outside.protected) == ("host", False)
    assert identity.identity(Evidence(f"{POD}{ID}", PLACE, own)).namespace == "shop"


def test_the_api_is_believed_before_the_annotations():
    container = Container(ID, annotations=SHOP | {"plimsoll.dev/workload": "Deployment/other"})
    found = identity.identity(Evidence(f"{POD}{ID}", PLACE, container, RUNNING))
    assert found.subject == "shop/Deployment/web:redis"
    assert found.labels == RUNNING.labels


def test_the_api_alone_is_enough():
    found = identity.identity(Evidence(f"{POD}{ID}", PLACE, pod=RUNNING))
    assert found.subject == "shop/Deployment/web:app"
    assert (found.image, found.image_digest) == ("registry.test/web:1", f"sha256:{'c' * 64}")
    assert not found.protected


def test_labels_from_cri_tell_a_job_from_a_daemon_set():
    told = cri.Container(ID, False, "ci", "build-x2k4q", PLACE.pod_uid, "main", "busybox:1", "", {"job-name": "build"})
    assert identity.identity(Evidence(f"{POD}{ID}", PLACE, told=told)).subject == "ci/Job/build:main"


@pytest.mark.parametrize(
    "annotations",
    [
        {"io.kubernetes.cri.container-type": "sandbox"},
        {"io.kubernetes.cri-o.ContainerType": "sandbox"},
        {"io.kubernetes.container.name": "POD"},
    ],
)
def test_a_sandbox_is_recognised(annotations):
    found = of({key: value for key, value in SHOP.items() if "container" not in key} | annotations)
    assert found.sandbox
    assert found.protected


@pytest.mark.parametrize(
    ("annotations", "more", "reason"),
    [
        ({"io.kubernetes.cri.sandbox-namespace": "kube-system"}, {}, "namespace kube-system"),
        ({"plimsoll.dev/protect": "true"}, {}, "annotation plimsoll.dev/protect"),
        ({"kubernetes.io/config.source": "file"}, {}, "static pod"),
        ({}, {"mounts": (Mount("/opt/cni/bin", "/h"),)}, "a plugin of the node: mounts /opt/cni/bin"),
        (
            {},
            {"mounts": (Mount("/var/lib/kubelet/pods/", "/h"),)},
            "a plugin of the node: mounts /var/lib/kubelet/pods/",
        ),
        ({"plimsoll.dev/protect": "false"}, {"mounts": (Mount("/var/lib/kubelet/pods/u/volumes/v", "/h"),)}, ""),
    ],
)
def test_what_must_never_be_stopped_is_protected(annotations, more, reason):
    assert of(SHOP | annotations, **more).reason == reason


def test_our_own_pods_are_protected_in_our_namespace_only():
    labels = {"app.kubernetes.io/part-of": "plimsoll"}
    own = kube.Pod("u", "plimsoll", "plimsoll-agent-abcde", labels, names={ID: "agent"})
    assert identity.identity(Evidence("/x", PLACE, pod=own)).reason == "Plimsoll's own"
    other = kube.Pod("u", "shop", "miner", labels, names={ID: "agent"})
    assert identity.identity(Evidence("/x", PLACE, pod=other), Host(namespace="plimsoll")).reason == ""


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Known(dict):
    ready = True
    error = ""

    def find(self, key):
        return self.get(key)


@pytest.fixture
def host(tmp_path):
    """A host on v2 with one container's cgroup, and its key."""
    root = mounted(tmp_path, v1=False, v2="/sys/fs/cgroup")
    folder = root / f"sys/fs/cgroup{POD}{ID}"
    folder.mkdir(parents=True)
    return root, folder.stat().st_ino


def identities(root, **more):
    clock = Clock()
    return Identities(cgroups.Cgroups(root), Runtimes(root, root / "proc"), clock=clock, **more), clock


def told(root):
    write(root / f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json", bundle(f"{POD}{ID}", SHOP))


def test_a_bundle_that_is_there_tells_at_once(host):
    root, key = host
    told(root)
    known, _ = identities(root)
    assert known.look(key, f"{POD}{ID}").subject == "shop/Deployment/redis:redis"
    assert known.all()[key].container_id == ID
    assert known.waiting() == []


def test_a_bundle_that_comes_later_is_waited_for(host):
    root, key = host
    known, clock = identities(root)
    assert known.look(key, f"{POD}{ID}") is None
    assert known.waiting() == [key]
    told(root)
    assert known.look(key) is None  # too early to look again
    clock.now = 0.01
    assert known.look(key).subject == "shop/Deployment/redis:redis"


def test_whoever_touched_the_cgroup_is_asked(host):
    root, key = host
    write(root / "b/config.json", bundle(f"{POD}{ID}", SHOP))
    for pid, words in ((7, "runc\0create\0redis-0\0"), (8, "runc\0init\0")):
        write(root / f"proc/{pid}/cmdline", words)
        (root / f"proc/{pid}/root").symlink_to("/")
    known, _ = identities(root)
    assert known.look(key, f"{POD}{ID}", 8) is None
    assert known.look(key, f"{POD}{ID}", 7) is None  # it is not in its bundle yet
    (root / "proc/7/cwd").symlink_to(root / "b")
    assert known.look(key, f"{POD}{ID}", 9).subject == "shop/Deployment/redis:redis"


def test_a_container_that_nobody_knows_is_named_by_its_cgroup_and_protected(host):
    root, key = host
    known, clock = identities(root)
    known.look(key, f"{POD}{ID}")
    clock.now = 2.1
    found = known.look(key)
    assert (found.subject, found.protected) == (f"host/Container/{ID}:{ID}", True)
    assert found.reason == "no runtime knows it"


def test_a_cgroup_of_the_hosts_own_is_nobody_and_soon_left_alone(host):
    root, _ = host
    (root / "sys/fs/cgroup/ssh.service").mkdir()
    key = (root / "sys/fs/cgroup/ssh.service").stat().st_ino
    known, clock = identities(root)
    for now in (0, 1, 2.5, 3):
        clock.now = now
        assert known.look(key, "/ssh.service") is None
    assert known.waiting() == []


def test_a_cgroup_that_bears_anothers_id_is_not_that_container(host):
    root, _ = host
    told(root)
    folder = root / f"sys/fs/cgroup/evil/{ID}"
    folder.mkdir(parents=True)
    known, clock = identities(root)
    known.look(folder.stat().st_ino, f"/evil/{ID}")
    clock.now = 3
    assert known.look(folder.stat().st_ino).namespace == "host"


def test_the_api_may_lag_a_little_behind_the_files(host):
    root, key = host
    told(root)
    pods = Known({"other": RUNNING})
    known, clock = identities(root, pods=pods)
    assert known.look(key, f"{POD}{ID}") is None
    pods[PLACE.pod_uid] = RUNNING
    clock.now = 0.1
    assert known.look(key).subject == "shop/Deployment/web:redis"


def test_an_api_that_says_nothing_does_not_hold_up_for_long(host):
    root, key = host
    told(root)
    known, clock = identities(root, pods=Known({"other": RUNNING}))
    known.look(key, f"{POD}{ID}")
    clock.now = 0.6
    assert known.look(key).subject == "shop/Deployment/redis:redis"


def test_what_is_told_later_is_taken_over_but_the_subject_stays(host):
    root, key = host
    told(root)
    pods = Known()
    known, _ = identities(root, pods=pods)
    known.look(key, f"{POD}{ID}")
    pods[PLACE.pod_uid] = RUNNING  # another owner
    assert known.refresh() == []
    told_now = {"plimsoll.dev/protect": "true", "plimsoll.dev/workload": "Deployment/redis"}
    pods[PLACE.pod_uid] = kube.Pod(PLACE.pod_uid, "shop", "redis-7d9c5b8f6d-x2k4q", {"a": "b"}, told_now)
    assert known.refresh() == [key]
    assert known.all()[key].protected
    assert known.refresh() == []


def test_a_key_may_come_back_as_anothers(host):
    root, key = host
    told(root)
    known, _ = identities(root)
    known.look(key, f"{POD}{ID}")
    known.forget(key)
    known.forget(key)
    assert known.all() == {}


def test_containers_that_run_already_are_all_found(host):
    root, key = host
    told(root)
    (root / "sys/fs/cgroup/plain").mkdir()
    state = {"id": "plain", "cgroup_paths": {"": "/sys/fs/cgroup/plain"}, "config": {}}
    write(root / "run/runc/plain/state.json", state)
    known, _ = identities(root)
    assert {found.subject for found in known.seed().values()} == {
        "shop/Deployment/redis:redis",
        "host/Container/plain:plain",
    }
    assert key in known.all()


real = pytest.mark.usefixtures("containers")


@pytest.fixture
def redis(containers, tmp_path):
    """A real container of runc, under a cgroup that does not bear its name; its process and the cgroup's path."""
    group = f"/kubepods/besteffort/pod{os.urandom(16).hex()}/{os.urandom(32).hex()}"
    (tmp_path / "rootfs/bin").mkdir(parents=True)
    for folder in ("proc", "sys", "dev"):
        (tmp_path / "rootfs" / folder).mkdir()
    shutil.copy("/bin/busybox", tmp_path / "rootfs/bin/busybox")
    subprocess.run(["runc", "spec"], cwd=tmp_path, check=True)
    told = json.loads((tmp_path / "config.json").read_text())
    told["process"] |= {"terminal": False, "args": ["/bin/busybox", "sleep", "60"], "rlimits": []}
    told["annotations"] = SHOP | {"plimsoll.dev/workload": "Deployment/redis"}
    told["linux"]["cgroupsPath"] = group
    (tmp_path / "config.json").write_text(json.dumps(told))
    name = f"plimsoll-{os.urandom(4).hex()}"
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            ["runc", "run", "-d", "-b", str(tmp_path), name], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    yield running, group, name
    running.wait(10)
    subprocess.run(["runc", "delete", "-f", name], check=False, capture_output=True)
    boxes.forget(group.rpartition("/")[0])


@real
def test_a_real_container_is_known_while_it_is_made(redis):
    running, group, name = redis
    known = Identities(cgroups.Cgroups(), Runtimes())
    key, until = None, time.monotonic() + 5
    while key is None and time.monotonic() < until:
        key = known.groups.key(group)
    found, asked = None, time.monotonic()
    while found is None and time.monotonic() < until:
        found = known.look(key, group, running.pid)
    assert found.subject == "shop/Deployment/redis:redis"
    assert (found.container_id, found.protected) == (name, False)
    assert time.monotonic() - asked < 1


@real
def test_a_real_container_that_runs_already_is_known_by_its_state(redis):
    running, group, name = redis
    assert running.wait(10) == 0
    known = Identities(cgroups.Cgroups(), Runtimes())
    found = known.seed()[known.groups.key(group)]
    assert (found.subject, found.container_id) == ("shop/Deployment/redis:redis", name)
    assert Runtimes().at(group).pid > 0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.paths.node_files import Mount, NodeFiles, cleaned, is_below
from plimsoll.posture.objects import Object
from tests.paths.clusters import cluster, pod, thing


def mounts(body, *others):
    one = Object(body).pod
    return NodeFiles(cluster(*others)).mounts(one, one.containers[0], "a")


def with_path(path, mount=None, **spec):
    volume = {"name": "v", "hostPath": {"path": path}}
    return pod(
        "p", container={"volumeMounts": [{"name": "v", "mountPath": "/x", **(mount or {})}]}, volumes=[volume], **spec
    )


def test_a_volume_that_is_not_mounted_gives_nothing():
    assert mounts(pod("p", volumes=[{"name": "v", "hostPath": {"path": "/"}}])) == []


@pytest.mark.parametrize(
    ("mount", "path"),
    [
        ({}, "/var/lib"),
        ({"subPath": "kubelet/pods"}, "/var/lib/kubelet/pods"),
        ({"subPath": "../../etc"}, "/var/lib/etc"),
        ({"subPathExpr": "kubelet/$(POD)/x"}, "/var/lib/kubelet/?/x"),
    ],
)
def test_a_sub_path_narrows_and_never_leads_out(mount, path):
    assert [one.path for one in mounts(with_path("/var/lib", mount))] == [path]


def test_a_claim_leads_to_the_volume_it_is_bound_to_by_either_side():
    asking = pod(
        "p",
        container={"volumeMounts": [{"name": "v", "mountPath": "/x"}]},
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c", "readOnly": True}}],
    )
    by_claim = thing("PersistentVolumeClaim", "c", "a", spec={"volumeName": "pv"})
    local = thing("PersistentVolume", "pv", spec={"local": {"path": "/etc"}})
    taken = thing(
        "PersistentVolume", "pv", spec={"hostPath": {"path": "/etc"}, "claimRef": {"namespace": "a", "name": "c"}}
    )
    others = thing(
        "PersistentVolume", "pv", spec={"hostPath": {"path": "/etc"}, "claimRef": {"namespace": "b", "name": "c"}}
    )
    for found in (mounts(asking, by_claim, local), mounts(asking, taken)):
        assert [(one.path, one.read_only, one.by_claim) for one in found] == [("/etc", True, True)]
        assert "PersistentVolume/pv" in found[0].objects
    assert mounts(asking, others) == []


def test_a_claim_without_a_volume_may_get_one_of_its_class():
    asking = pod(
        "p",
        container={"volumeMounts": [{"name": "v", "mountPath": "/x"}]},
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
    )
    claim = thing(
        "PersistentVolumeClaim", "c", "a", spec={"storageClassName": "manual", "accessModes": ["ReadWriteOnce"]}
    )
    fits = {"storageClassName": "manual", "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/"}}
    assert mounts(asking, claim, thing("PersistentVolume", "pv", spec=fits))
    assert not mounts(asking, claim, thing("PersistentVolume", "pv", spec=fits | {"storageClassName": "fast"}))


def test_a_path_is_told_as_the_kernel_finds_it():
    assert cleaned("/var/run/docker.sock") == "/run/docker.sock"
    assert cleaned("/var/lib/../run/docker.sock/") == "/run/docker.sock"
    assert cleaned("/bin/../lib/modules") == "/usr/lib/modules"


@given(st.text(max_size=60))
def test_any_path_becomes_absolute_and_stays(path):
    told = cleaned(path)
    assert told.startswith("/")
    assert cleaned(told) == told
    assert is_below(told, "/")


def test_a_mount_touches_what_is_above_and_below_it():
    mount = Mount("/var/lib/kubelet", read_only=False, field="")
    assert mount.touches("/var/lib/kubelet/pods")
    assert mount.touches("/var/lib")
    assert not mount.touches("/var/lib/kubelets")

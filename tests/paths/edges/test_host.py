import pytest

from plimsoll.paths import on_node
from plimsoll.paths.edges import host
from tests.paths.clusters import may, node, pod, rule, thing
from tests.paths.familiar import edges, kinds, steps


def holding(path, read_only=False, context=None, kind="", **spec):
    volume = {"name": "v", "hostPath": {"path": path} | ({"type": kind} if kind else {})}
    mount = {"name": "v", "mountPath": "/x", "readOnly": read_only}
    return pod("p", container={"volumeMounts": [mount], "securityContext": context or {}}, volumes=[volume], **spec)


def of(path, *, conditional=False, **more):
    return kinds(host.edges, holding(path, **more), conditional=conditional)


@pytest.mark.parametrize(
    "path",
    ["/", "/etc", "/etc/cron.d", "/etc/kubernetes/manifests", "/etc/systemd/system", "/root", "/root/.ssh", "/home/ops/.ssh", "/usr", "/usr/bin", "/bin", "/lib", "/lib64", "/opt/cni/bin", "/opt", "/etc/cni/net.d", "/var", "/var/lib", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/docker", "/boot", "/var/spool/cron", "/run/systemd", "/run", "/var/run"],
)  # fmt: skip
def test_what_the_node_obeys_can_be_written_as_root_only(path):
    assert "HOSTPATH_WRITE" in of(path)
    assert "HOSTPATH_WRITE" not in of(path, read_only=True)
    assert "HOSTPATH_WRITE" not in of(path, context={"runAsUser": 1000})


@pytest.mark.parametrize(
    "path",
    ["/data/app", "/mnt/disks", "/tmp", "/srv", "/var/log/app", "/etc/localtime", "/etc/hosts", "/usr/share/zoneinfo", "/var/lib/app", "/opt/app", "/dev/shm", "/home/ops/data", "/run/flannel", "/sys/fs/bpf", "/var/lib/kubelet/plugins/csi.example"],
)  # fmt: skip
def test_what_the_node_does_not_obey_is_harmless(path):
    assert of(path) == set()


@pytest.mark.parametrize(
    "path",
    ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/containerd", "/var/run/crio", "/run", "/var/run", "/", "/var/lib/../run/docker.sock", "/run/k3s", "/run/podman/podman.sock"],
)  # fmt: skip
def test_a_runtimes_socket_answers_through_read_only_mounts_too(path):
    assert "CE_RUNTIME_SOCKET" in of(path, read_only=True)
    assert "CE_RUNTIME_SOCKET" not in of(path, context={"runAsUser": 1000})


def test_a_group_may_open_the_socket_which_nobody_tells():
    asked = holding("/run/docker.sock", context={"runAsUser": 1000})
    asked["spec"]["securityContext"] = {"supplementalGroups": [998]}
    assert "CE_RUNTIME_SOCKET" in kinds(host.edges, asked, conditional=True)


def test_the_kernels_settings_need_a_writable_mount_and_the_nodes_users():
    for path in ("/proc", "/proc/sys/kernel", "/proc/sys/kernel/core_pattern", "/"):
        assert "CE_CORE_PATTERN" in of(path)
        assert "CE_CORE_PATTERN" not in of(path, read_only=True)
        assert "CE_CORE_PATTERN" not in of(path, hostUsers=False)
    assert "CE_SYSFS_HELPER" in of("/sys")
    assert "CE_SYSFS_HELPER" not in of("/sys/fs/cgroup")
    assert "CE_CORE_PATTERN" not in of("/proc/sys/net")


def test_keys_are_read_read_only():
    for path in ("/", "/root/.ssh", "/home", "/etc"):
        assert ("HOSTPATH_READ_SECRET", "Container:a/p/c", "Node:*") in steps(host.edges, holding(path, read_only=True))
    assert "HOSTPATH_READ_SECRET" not in of("/root/.ssh", context={"runAsNonRoot": True})


def with_what_lies_there(model):
    return [*host.edges(model), *on_node.OnNodes(model).sets()]


def test_the_kubelets_pod_folder_gives_tokens_and_secrets_of_the_same_node():
    agent = holding("/var/lib/kubelet/pods", read_only=True, nodeName="n1", automountServiceAccountToken=False)
    beside = pod("q", "b", nodeName="n1", serviceAccountName="x", container={"envFrom": [{"secretRef": {"name": "s"}}]})
    elsewhere = pod("r", "b", nodeName="n2", serviceAccountName="y")
    found = {target for _, _, target in steps(with_what_lies_there, agent, beside, elsewhere)}
    assert found == {"SA:b/x", "Secret:b/s"}
    assert "Node:n1" in {target for _, _, target in steps(host.edges, agent, conditional=True)}


def test_the_kubelets_keys_are_the_nodes_identity():
    told = holding("/var/lib/kubelet", read_only=True, nodeName="n1")
    assert "User:system:node:n1" in {target for _, _, target in steps(host.edges, told)}


def test_the_clusters_keys_lie_on_the_control_plane_only():
    keys = holding("/etc/kubernetes/pki", read_only=True, nodeName="cp")
    control = node("cp", **{"node-role.kubernetes.io/control-plane": ""})
    assert "Sink:cluster-admin" in {target for _, _, target in steps(host.edges, keys, control)}
    assert "Sink:cluster-admin" not in {target for _, _, target in steps(host.edges, keys, node("cp"))}
    assert "Sink:cluster-admin" in {target for _, _, target in steps(host.edges, keys, node("cp"), conditional=True)}


def test_a_manifest_folder_makes_pods_of_the_kubelets():
    assert {"STATIC_POD", "HOSTPATH_WRITE"} <= of("/etc/kubernetes/manifests")
    assert "STATIC_POD" not in of("/etc/kubernetes/pki")


def test_a_plugin_folder_is_not_a_plugins_own():
    assert "CE_KUBELET_PLUGIN" in of("/var/lib/kubelet/plugins_registry")
    assert "CE_KUBELET_PLUGIN" in of("/var/lib/kubelet/device-plugins")
    assert "CE_KUBELET_PLUGIN" not in of("/var/lib/kubelet/plugins/csi.example")
    assert "CE_KUBELET_PLUGIN" in of("/var/lib/kubelet/pod-resources", conditional=True)


def test_devices_depend_on_rules_that_nobody_tells():
    assert "CE_RAWIO" in of("/dev/sda", conditional=True)
    assert "CE_RAWIO" in of("/dev", context={"capabilities": {"add": ["SYS_RAWIO"]}}, conditional=True)
    assert of("/dev/fuse", conditional=True) == set()


@pytest.mark.parametrize(
    ("path", "rights", "found"),
    [
        ("/var/log", rule("get", "pods/log"), True),
        ("/var", rule("get", "*"), True),
        ("/var/log/app", rule("get", "pods/log"), False),
        ("/var/log", rule("list", "pods/log"), False),
        ("/var/log", rule("get", "pods"), False),
        ("/var/log/app", rule("get", "nodes/proxy"), True),
    ],
)
def test_links_in_the_log_folder_need_the_right_to_read_logs(path, rights, found):
    told = holding(path, serviceAccountName="x")
    assert ("CE_VAR_LOG_SYMLINK" in kinds(host.edges, told, *may(rights))) is found
    assert "CE_VAR_LOG_SYMLINK" not in kinds(
        host.edges, holding(path, read_only=True, serviceAccountName="x"), *may(rights)
    )
    without = holding(path, serviceAccountName="x", automountServiceAccountToken=False)
    assert "CE_VAR_LOG_SYMLINK" not in kinds(host.edges, without, *may(rights))


def test_a_claim_is_the_path_behind_it():
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
    told = pod("p", container={"volumeMounts": [{"name": "v", "mountPath": "/x"}]}, volumes=[volume])
    claim = thing("PersistentVolumeClaim", "c", "a", spec={"volumeName": "pv"})
    etc, data = (thing("PersistentVolume", "pv", spec={"hostPath": {"path": path}}) for path in ("/etc", "/data"))
    assert {"PV_HOSTPATH", "HOSTPATH_WRITE"} <= kinds(host.edges, told, claim, etc)
    assert kinds(host.edges, told, claim, data) == set()
    one = next(one for one in edges(host.edges, told, claim, etc) if one.kind == "PV_HOSTPATH")
    assert {"Pod/a/p", "PersistentVolume/pv"} <= set(one.objects)


def test_a_volume_belongs_to_who_mounts_it():
    told = holding("/etc")
    told["spec"]["containers"].append({"name": "d"})
    assert {source for _, source, _ in steps(host.edges, told)} == {"Container:a/p/c"}

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

MOUNT = "spec.containers[0].volumeMounts[0]"


def with_volume(volume, mount="{name: v, mountPath: /x}"):
    return pod(f"volumes: [{{name: v, {volume}}}]", container=f"volumeMounts: [{mount}]")


def test_a_folder_of_the_node_counts_where_a_container_mounts_it():
    bad = with_volume("hostPath: {path: /var}")
    assert fields("kubescape_volumes.host_path", bad) == [MOUNT]
    assert fields("kubescape_volumes.host_path", pod("volumes: [{name: v, hostPath: {path: /var}}]")) == []
    assert fields("kubescape_volumes.host_path", with_volume("emptyDir: {}")) == []


def test_a_folder_of_the_node_that_is_read_only_cannot_be_written_to():
    assert fields("kubescape_volumes.writable_host_path", with_volume("hostPath: {path: /var}")) == [MOUNT]
    read = with_volume("hostPath: {path: /var}", "{name: v, readOnly: true}")
    assert fields("kubescape_volumes.writable_host_path", read) == []


@pytest.mark.parametrize("path", ["/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock/"])
def test_the_socket_of_a_runtime_is_one_without_a_mount_too(path):
    body = pod(f"volumes: [{{name: v, hostPath: {{path: {path}}}}}]")
    assert fields("kubescape_volumes.runtime_socket", body) == ["spec.volumes[0]"]
    assert fields("kubescape_volumes.runtime_socket", pod("volumes: [{hostPath: {path: /var/run/other}}]")) == []


def test_folders_of_credentials_matter_in_the_cloud_that_uses_them():
    body = pod("volumes: [{name: v, hostPath: {path: /.aws/}}]")
    aws, google = ("{kind: Node, spec: {providerID: '" + cloud + "://x'}}" for cloud in ("aws", "gce"))
    assert fields("kubescape_volumes.cloud_credentials", body, aws) == ["spec.volumes[0]"]
    assert fields("kubescape_volumes.cloud_credentials", body, google) == []
    assert fields("kubescape_volumes.cloud_credentials", body) == []


@pytest.mark.parametrize(
    ("test", "volume", "kind"),
    [
        ("secret", "secret: {secretName: s}", "Secret"),
        ("config_map", "configMap: {name: s}", "ConfigMap"),
        ("claim", "persistentVolumeClaim: {claimName: s}", "PersistentVolumeClaim"),
    ],
)
def test_what_is_mounted_is_named_where_it_is_in_the_namespace(test, volume, kind):
    here = f"{{kind: {kind}, metadata: {{name: s, namespace: shop}}}}"
    elsewhere = f"{{kind: {kind}, metadata: {{name: s, namespace: other}}}}"
    assert fields(f"kubescape_volumes.{test}", with_volume(volume), here) == ["spec.volumes"]
    assert fields(f"kubescape_volumes.{test}", with_volume(volume), elsewhere) == []


def test_a_store_of_secrets_is_used_or_not():
    used = with_volume("csi: {driver: x, volumeAttributes: {secretProviderClass: vault}}")
    assert fields("kubescape_volumes.no_external_secrets", used) == []
    assert fields("kubescape_volumes.no_external_secrets", pod()) == ["spec.volumes"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ("{type: gp3}", ["spec.storageClassName"]),
        ("{encrypted: 'false'}", ["spec.storageClassName"]),
        ("{encrypted: 'true'}", []),
        ("{diskEncryptionSetID: x}", []),
        ("{key: projects/p/cryptoKeys/k}", []),
    ],
)
def test_a_class_encrypts_or_not(parameters, found):
    volume = "{kind: PersistentVolume, metadata: {name: v}, spec: {storageClassName: fast}}"
    kind = f"{{kind: StorageClass, metadata: {{name: fast}}, parameters: {parameters}}}"
    assert fields("kubescape_volumes.unencrypted", volume, kind) == found
    assert fields("kubescape_volumes.unencrypted", volume) == []

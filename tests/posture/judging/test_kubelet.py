from __future__ import annotations

import pytest
import yaml

from plimsoll.posture.judging import kubelet
from plimsoll.posture.objects import Object
from tests.posture.judging.asking import fields

BAD = {
    "anonymous": {"authentication": {"anonymous": {"enabled": True}}},
    "authorization": {"authorization": {"mode": "AlwaysAllow"}},
    "client_authority": {},
    "read_only_port": {"readOnlyPort": 10255},
    "idle_timeout": {"streamingConnectionIdleTimeout": "0s"},
    "iptables": {"makeIPTablesUtilChains": False},
    "events": {"eventRecordQPS": 1},
    "rotation": {"rotateCertificates": False},
    "server_rotation": {"featureGates": {"RotateKubeletServerCertificate": False}},
    "ciphers": {"tlsCipherSuites": ["TLS_RSA_WITH_RC4_128_SHA"]},
    "processes": {"podPidsLimit": -1},
    "seccomp": {},
}
GOOD = {
    "authentication": {"x509": {"clientCAFile": "/ca.crt"}},
    "tlsCipherSuites": ["TLS_AES_128_GCM_SHA256"],
    "podPidsLimit": 4096,
    "seccompDefault": True,
    "streamingConnectionIdleTimeout": "4h",
    "eventRecordQPS": 0,
}


def file(settings):
    return {"kind": "KubeletConfiguration", **settings}


def config_map(settings):
    held = {"kubelet": yaml.safe_dump(file(settings))}
    return {"kind": "ConfigMap", "metadata": {"name": "kubelet-config", "namespace": "kube-system"}, "data": held}


@pytest.mark.parametrize("test", sorted(kubelet.ROWS))
def test_a_kubelet_is_set_as_it_should_be_or_not(test):
    assert fields(f"kubelet.{test}", file(BAD[test])) == [kubelet.ROWS[test].path]
    assert fields(f"kubelet.{test}", config_map(BAD[test])) == ["data.kubelet"]
    assert fields(f"kubelet.{test}", file(GOOD)) == fields(f"kubelet.{test}", config_map(GOOD)) == []


def test_a_certificate_comes_from_files_or_from_the_cluster():
    assert fields("kubelet.certificate", file({})) == ["tlsCertFile"]
    assert fields("kubelet.certificate", file({"serverTLSBootstrap": True})) == []
    assert fields("kubelet.certificate", file({"tlsCertFile": "a", "tlsPrivateKeyFile": "b"})) == []


@pytest.mark.parametrize(
    "told",
    [
        "kind: Other",
        "[",
        "a" * 1_000_000,
        "kind: KubeletConfiguration\na: &a [x]\nb: [*a, *a]",
        "{" * 5_000,
        "",
    ],
)
def test_other_texts_are_no_configuration(told):
    body = {"kind": "ConfigMap", "metadata": {"name": "kubelet-config"}, "data": {"kubelet": told}}
    assert kubelet.configuration(Object(body)) == {}
    assert fields("kubelet.seccomp", body) == []


def test_other_config_maps_are_not_read():
    body = config_map(BAD["read_only_port"])
    body["metadata"]["name"] = "mine"
    assert fields("kubelet.read_only_port", body) == []

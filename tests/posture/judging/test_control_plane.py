from __future__ import annotations

import json

import pytest

from plimsoll.posture.judging import control_plane
from plimsoll.posture.judging.control_plane import API_SERVER, CONTROLLERS, ETCD, SCHEDULER
from plimsoll.posture.objects import Object
from tests.posture.judging.asking import fields


def started(program, *given, args=None):
    container = {"name": "c", "command": [program, *given], **({"args": args} if args is not None else {})}
    return {"kind": "Pod", "metadata": {"name": program}, "spec": {"containers": [container]}}


GOOD = {
    API_SERVER: """--anonymous-auth=false
        --enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs,EventRateLimit,AlwaysPullImages,PodSecurityPolicy
        --kubelet-client-certificate=a --kubelet-client-key=b --kubelet-certificate-authority=c
        --authorization-mode=Node,RBAC --profiling=false --audit-log-path=/x --audit-log-maxage=30
        --audit-log-maxbackup=10 --audit-log-maxsize=100 --audit-policy-file=/p --service-account-key-file=k
        --service-account-extend-token-expiration=false --etcd-certfile=a --etcd-keyfile=b --etcd-cafile=c
        --tls-cert-file=a --tls-private-key-file=b --client-ca-file=c --encryption-provider-config=/e
        --tls-cipher-suites=TLS_AES_128_GCM_SHA256""",
    CONTROLLERS: """--terminated-pod-gc-threshold=10 --profiling=false --use-service-account-credentials=true
        --service-account-private-key-file=a --root-ca-file=b --bind-address=127.0.0.1""",
    SCHEDULER: "--profiling=false --bind-address=127.0.0.1",
    ETCD: """--cert-file=a --key-file=b --client-cert-auth=true --peer-cert-file=c --peer-key-file=d
        --peer-client-cert-auth=true --trusted-ca-file=/etcd.crt""",
}
BAD = {
    "token_auth_file": "--token-auth-file=/t",
    "authorization_always": "--authorization-mode=AlwaysAllow",
    "always_admit": "--enable-admission-plugins=AlwaysAdmit",
    "external_ips_denied": "--enable-admission-plugins=DenyServiceExternalIPs",
    "service_account_plugin": "--disable-admission-plugins=ServiceAccount",
    "namespace_lifecycle": "--disable-admission-plugins=a,NamespaceLifecycle",
    "insecure_port": "--insecure-port=8080",
    "secure_port": "--secure-port=0",
    "request_timeout_off": "--request-timeout=0",
    "request_timeout_to_review": "--request-timeout=300s",
    "account_lookup": "--service-account-lookup=false",
    "controllers_rotation": "--feature-gates=A=true,RotateKubeletServerCertificate=false",
    "etcd_self_signed": "--auto-tls=true",
    "etcd_peer_self_signed": "--peer-auto-tls",
    "weak_ciphers": "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA",
    "strong_ciphers": "--tls-cipher-suites=Foo",
    "audit_log_age": "--audit-log-maxage=29",
    "audit_log_size": "--audit-log-maxsize=many",
    "scheduler_address": "--bind-address=0.0.0.0",
}
ALWAYS = {"audit_log_backups_to_review", "controllers_pod_gc_to_review"}
"""Kubescape wants a look at these whatever they are."""


@pytest.mark.parametrize("test", sorted(control_plane.ROWS))
def test_a_program_is_started_as_it_should_be_or_not(test):
    program, _ = control_plane.ROWS[test]
    assert fields(f"control_plane.{test}", started(program, *BAD.get(test, "").split())) != []
    other = "external_ips_denied" if test == "external_ips_denied" else ""
    if test not in ALWAYS and not other:
        assert fields(f"control_plane.{test}", started(program, *GOOD[program].split())) == []
    assert fields(f"control_plane.{test}", started("nginx", *BAD.get(test, "").split())) == []


@pytest.mark.parametrize(
    "body",
    [
        started("/usr/local/bin/etcd", "--auto-tls", "true"),
        started("etcd", args=["--auto-tls=true"]),
        started("etcd --auto-tls=true"),
        started("sh", "-c", "exec /usr/bin/etcd --auto-tls=true >> log"),
        {"kind": "Pod", "spec": {"containers": [{"args": ["etcd", "--auto-tls"]}]}},
    ],
)
def test_flags_are_read_as_programs_read_them(body):
    found = control_plane.flags(Object(body))
    assert (found.program, found.given["auto-tls"]) == ("etcd", "true")


def test_a_flag_at_fault_is_named_where_it_stands_and_a_missing_one_where_it_should():
    assert fields("control_plane.etcd_self_signed", started("etcd", "--x=1", "--auto-tls=true")) == [
        "spec.containers[0].command[2]"
    ]
    assert fields("control_plane.etcd_client_certificates", started("etcd", args=["--x=1"])) == [
        "spec.containers[0].args"
    ]


def test_a_file_of_authorization_is_not_seen():
    assert fields("control_plane.authorization_rbac", started(API_SERVER, "--authorization-config=/a")) == []


@pytest.mark.parametrize(("authority", "found"), [("/ca.crt", 1), ("/etcd.crt", 0)])
def test_etcd_should_have_an_authority_of_its_own(authority, found):
    server = started(API_SERVER, "--client-ca-file=/ca.crt")
    etcd = started("etcd", f"--trusted-ca-file={authority}")
    assert len(fields("control_plane.etcd_shared_authority", etcd, server)) == found


@pytest.mark.parametrize(
    ("told", "found"),
    [("127.0.0.1:10249", 0), ('""', 0), ("0.0.0.0:10249", 1), ('"[::]:10249"', 1), ('"[::1]:10249"', 0)],
)
def test_kube_proxy_shows_its_metrics_to_its_node_only(told, found):
    held = f"kind: KubeProxyConfiguration\nmetricsBindAddress: {told}\nmode: x\n"
    for name, key in (("kube-proxy", "config.conf"), ("kube-proxy-config", "config")):
        body = {"kind": "ConfigMap", "metadata": {"name": name}, "data": {key: held}}
        assert fields("control_plane.proxy_metrics", body) == [f"data[{key}]"] * found
        assert fields("control_plane.proxy_metrics", {**body, "metadata": {"name": "mine"}}) == []


def test_hostile_command_lines_are_read_in_part():
    long = started("etcd", *(["--x=1"] * 100_000), "y " * 100_000)
    assert control_plane.flags(Object(long)).program == "etcd"
    odd = json.loads('{"kind": "Pod", "spec": {"containers": [{"command": [1, null, {}]}, 3, {"command": "etcd"}]}}')
    assert control_plane.flags(Object(odd)) is None

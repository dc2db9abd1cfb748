"""Names of the same thing are made equal, names of different things stay apart, and no text does harm."""

from __future__ import annotations

import doctest
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import normal

NAMES = "tmp temp log run proc so fsm sed fd redis x2k4q 7d9c5b8f6d AbCdE1 deadbeef01 b7 a 7 1234567 [7] é Ⅷ ٣ \udc80"
PARTS = (
    "2024-01-01 12:30:00 ..2024_01_01 87c52d60-fefd-45a9-a420-895256fc03b5 sh.helm.release.v1. -token- * .. . _ - / //"
)
WORDS = st.sampled_from([*NAMES.split(), *PARTS.split(), "", "\n", " (deleted)"])
HOSTILE = st.one_of(st.text(), st.lists(WORDS, max_size=14).map("".join), st.lists(WORDS, max_size=9).map("/".join))
RESOURCES = st.sampled_from(
    ["pods", "events", "secrets", "leases", "jobs", "replicasets", "certificaterequests", "", "widgets"]
)

LAW = settings(deadline=None)  # laws are about answers; time has its own tests
BIG = [
    text * (1_000_000 // len(text))
    for text in ("a", "7", "/", "*", "-a", "a-", "1.", "/a7", "/..", "/../a", "tmp/", "((", ":")
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/proc/1234/status", "/proc/*/status"),
        ("/proc/self/task/12/comm", "/proc/self/task/*/comm"),
        ("/proc/thread-self/attr/exec", "/proc/thread-self/attr/exec"),
        ("/proc/13/smaps", "/proc/*/smaps"),
        ("/proc/self/map_files/7f3a12000000-7f3a12021000", "/proc/self/map_files/*"),
        ("/dev/pts/3", "/dev/pts/*"),
        ("/dev/fd/63", "/dev/fd/*"),
        ("/data/temp-13.rdb", "/data/temp-*.rdb"),
        ("/data/temp-rewriteaof-bg-7.aof", "/data/temp-rewriteaof-bg-*.aof"),
        ("/data/appendonlydir/appendonly.aof.3.incr.aof", "/data/appendonlydir/appendonly.aof.*.incr.aof"),
        ("/var/lib/postgresql/data/base/16384/2619", "/var/lib/postgresql/data/base/*/*"),
        ("/var/lib/postgresql/data/base/1/2619_fsm", "/var/lib/postgresql/data/base/*/*_fsm"),
        ("/var/lib/postgresql/data/pg_wal/00000001000000000000000A", "/var/lib/postgresql/data/pg_wal/*"),
        ("/prometheus/01ARZ3NDEKTSV4RRFFQ69G5FAV/chunks/000001", "/prometheus/*/chunks/*"),
        ("/var/cache/nginx/c/29/b7f54b2df7773722d382f4809d65029c", "/var/cache/nginx/*/*/*"),
        ("/tmp/tmp.k3JxQ0aZ9b", "/tmp/tmp.*"),
        ("/srv/tmpabc123_x.json", "/srv/tmp*.json"),
        ("/tmp/Xk3vQ9", "/tmp/*"),
        ("/var/tmp/a1b2c3d4/x", "/var/tmp/*/x"),
        ("/tmp/fooBar.baz", "/tmp/*.baz"),
        ("/dev/shm/sem.Qw3rTy", "/dev/shm/sem.*"),
        ("/etc/nginx/sedeSzu0N", "/etc/nginx/sed*"),
        ("/srv/.report.csv.k3JxQ0", "/srv/.report.csv.*"),
        ("/var/log/syslog.1", "/var/log/syslog.*"),
        ("/srv/app.log.2.gz", "/srv/app.log.*.gz"),
        ("/var/log/nginx/access.log-20240101.gz", "/var/log/nginx/access.log-*.gz"),
        ("/backup/db-2024-01-01T10:00:00Z.sql", "/backup/db-*.sql"),
        ("/etc/conf/..2024_01_01_10_28_00.1936584358/app.yaml", "/etc/conf/..*/app.yaml"),
        ("/etc/conf/..data/app.yaml", "/etc/conf/..data/app.yaml"),
        ("/var/lib/docker/overlay2/" + "0b62" * 16 + "/merged/etc", "/var/lib/docker/overlay2/*/merged/etc"),
        ("/snapshots/1234/fs/bin/sh", "/snapshots/*/fs/bin/sh"),
        ("/run/kubepods-pod87c52d60_fefd_45a9_a420_895256fc03b5.slice", "/run/kubepods-pod*.slice"),
        ("/var/lib/kubelet/pods/87c52d60-fefd-45a9-a420-895256fc03b5/volumes", "/var/lib/kubelet/pods/*/volumes"),
        ("/srv/web-7d9c5b8f6d-x2k4q/out", "/srv/web-*/out"),
        (
            "/pods/logging_fluent-bit-x2k4q_87c52d60-fefd-45a9-a420-895256fc03b5/0.log",
            "/pods/logging_fluent-bit-*/*.log",
        ),
        ("pipe:[17]", "pipe:[*]"),
        ("/usr/bin/nginx (deleted)", "/usr/bin/nginx"),
        ("/opt//app/./bin/../lib/", "/opt/app/lib"),
        ("../../x/../y", "../../y"),
        ("/../etc", "/etc"),
        ("a/..", "."),
        ("", ""),
        ("/", "/"),
    ],
)
def test_what_varies_in_a_path_is_taken_out(text, expected):
    assert normal.path(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin/python3.11",
        "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13",
        "/etc/passwd",
        "/usr/local/bin/redis-server",
        "/api/v1",
        "/app/lib/log4j2.xml",
        "/app/lib/opencensus-contrib-log-correlation-log4j2-0.27.0.jar",
        "/usr/lib/jvm/java-8-openjdk-amd64/jre/bin/java",
        "/usr/bin/sha256sum",
        "/usr/bin/sediment",
        "/etc/ssl/template1.cnf",
        "/tmp/kinsing",
        "/tmp/.X11-unix/X0",
        "/run/secrets/kubernetes.io/serviceaccount/token",
        "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
        "/srv/deadbeef",
        "etc/hosts",
        "/proc/sys/net/ipv4/ip_forward",
    ],
)
def test_a_name_that_somebody_chose_stays(text):
    assert normal.path(text) == text


def test_a_directory_stands_for_what_is_in_it():
    assert normal.directory("/data/temp-13.rdb") == normal.directory("/data/dump.rdb") == "/data/*"
    assert normal.directory("/proc/13/smaps") == "/proc/*/*"
    assert normal.directory("/vmlinuz") == "/*"
    assert normal.directory("") == ""


@LAW
@given(HOSTILE)
def test_a_comparable_path_is_comparable(text):
    once = normal.path(text)
    assert normal.path(once) == once
    assert len(once) <= len(text)
    assert normal.directory(normal.directory(text)) == normal.directory(text)
    assert len(normal.directory(text)) <= len(text) + 2


@LAW
@given(st.integers(0, 2**22), st.integers(0, 2**22))
def test_two_processes_of_a_program_use_the_same_paths(one, other):
    for pattern in (
        "/proc/{}/smaps",
        "/data/temp-{}.rdb",
        "/tmp/hsperfdata_root/{}",
        "/dev/pts/{}",
        "/run/app-{}.sock",
    ):
        assert normal.path(pattern.format(one)) == normal.path(pattern.format(other))


@LAW
@given(st.uuids(), st.uuids())
def test_two_pods_of_a_workload_use_the_same_paths(one, other):
    for pattern in ("/var/lib/kubelet/pods/{}/etc-hosts", "/srv/{}.json", "/x/pod{}.slice"):
        assert normal.path(pattern.format(one)) == normal.path(pattern.format(other))


def test_an_address_is_known_by_its_network():
    assert normal.network("10.8.0.33") == "10.8.0.0/24"
    assert normal.network("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert normal.network("fe80::1%eth0") == "fe80::/64"
    assert normal.network("::ffff:203.0.113.9") == "203.0.113.0/24"
    assert normal.network("somewhere") == "somewhere"
    assert normal.network("") == ""


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("127.0.0.53", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.7.7", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("10.8.0.33", "private 10.8.0.0/16"),
        ("172.31.4.1", "private 172.31.0.0/16"),
        ("192.168.1.1", "private 192.168.0.0/16"),
        ("fd12:3456:789a:1::1", "private fd12:3456:789a::/48"),
        ("100.66.1.1", "cgnat 100.64.0.0/10"),
        ("203.0.113.7", "external 203.0.0.0/8"),
        ("172.32.0.1", "external 172.0.0.0/8"),
        ("2001:db8::1", "external 2001:db8::/32"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.251", "multicast"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_lies_in_a_zone(ip, expected):
    assert normal.zone(ip) == expected


@LAW
@given(st.one_of(st.ip_addresses().map(str), HOSTILE))
def test_a_network_is_its_own_network(ip):
    assert normal.network(normal.network(ip)) == normal.network(ip)
    assert normal.zone(normal.zone(ip)) == normal.zone(ip)
    assert len(normal.network(ip)) <= len(ip) + 8
    assert len(normal.zone(ip)) <= len(ip) + 24


@LAW
@given(st.ip_addresses(v=4))
def test_an_address_mapped_into_ipv6_is_the_address(ip):
    assert normal.network(f"::ffff:{ip}") == normal.network(str(ip))
    assert normal.zone(f"::ffff:{ip}") == normal.zone(str(ip))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kubectl/v1.34.1 (linux/amd64) kubernetes/5cb9f9c", ("kubectl", "v1.34", "linux/amd64")),
        (
            "kube-controller-manager/v1.34.1 (linux/amd64) kubernetes/5cb9f9c/system:serviceaccount:kube-system:job-controller",
            ("kube-controller-manager", "v1.34", "linux/amd64"),
        ),
        ("kubelet/v1.29.3-eks-ae9a62a (linux/arm64) kubernetes/abc", ("kubelet", "v1.29", "linux/arm64")),
        ("argocd-application-controller/v3.1.0", ("argocd-application-controller", "v3.1", "")),
        ("python-requests/2.32.3", ("python-requests", "2.32", "")),
        ("curl/8.5.0", ("curl", "8.5", "")),
        ("Go-http-client/2.0", ("Go-http-client", "2.0", "")),
        ("OpenAPI-Generator/30.1.0/python", ("OpenAPI-Generator", "30.1", "python")),
        ("Fluent-Bit", ("Fluent-Bit", "", "")),
        ("Kubernetes Java Client/19.0.1-SNAPSHOT", ("Kubernetes Java Client", "19.0", "")),
        ("aws-cli/2.15.30 Python/3.11.8 Linux/6.5.0 exe/x86_64", ("aws-cli", "2.15", "linux")),
        ("Mozilla/5.0 zgrab/0.x", ("zgrab", "0", "")),
        ("Mozilla/5.0 (Macintosh; x) Gecko/20100101 Firefox/128.0", ("Firefox", "128.0", "darwin")),
        ("Mozilla/5.0 (iPhone; x) AppleWebKit/605 Version/17.4 Mobile/15E148 Safari/604.1", ("Safari", "604.1", "ios")),
        ("Mozilla/5.0", ("Mozilla", "5.0", "")),
        ("__debug_bin3735928559/v0.0.0 (darwin/arm64)", ("__debug_bin*", "v0.0", "darwin/arm64")),
        ("velero-server/main", ("velero-server", "main", "")),
        ("", ("", "", "")),
        ("(linux/amd64)", ("", "", "linux/amd64")),
    ],
)
def test_a_client_is_product_version_and_platform(text, expected):
    assert normal.agent(text) == expected


@LAW
@given(HOSTILE)
def test_a_client_takes_no_more_room_than_its_text(text):
    assert all(len(part) <= max(len(text), 7) for part in normal.agent(text))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web-7d9c5b8f6d-x2k4q", ("Deployment", "web")),
        ("ledger-7875695486-lhcw4", ("Deployment", "ledger")),
        ("kube-state-metrics-749cbd6d64-s7rlg", ("Deployment", "kube-state-metrics")),
        ("report-28912345-abcde", ("CronJob", "report")),
        ("report-1612345678-x2k4q", ("CronJob", "report")),
        ("redis-0", ("StatefulSet", "redis")),
        ("redis-cluster-12", ("StatefulSet", "redis-cluster")),
        ("fluent-bit-x2k4q", ("DaemonSet", "fluent-bit")),
        ("gateway-https", ("Pod", "gateway-https")),
        ("node-maint", ("Pod", "node-maint")),
        ("import-20240101", ("Pod", "import-20240101")),
        ("-x2k4q", ("Pod", "-x2k4q")),
        ("", ("Pod", "")),
    ],
)
def test_a_pod_tells_its_workload_by_its_name(name, expected):
    assert normal.workload_of_pod(name) == expected


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("web-abc123-x2k4q", {"pod-template-hash": "abc123"}, ("Deployment", "web")),
        ("web-7d9c5b8f6d-x2k4q", {"rollouts-pod-template-hash": "7d9c5b8f6d"}, ("Rollout", "web")),
        ("a-x2k4q", {"controller-revision-hash": "d48d6c74", "pod-template-generation": "1"}, ("DaemonSet", "a")),
        (
            "db-0",
            {"controller-revision-hash": "db-1", "statefulset.kubernetes.io/pod-name": "db-0"},
            ("StatefulSet", "db"),
        ),
        ("migrate-0-x2k4q", {"batch.kubernetes.io/job-name": "migrate"}, ("Job", "migrate")),
        ("migrate-x2k4q-j7v9w", {"job-name": "migrate-x2k4q"}, ("Job", "migrate")),
        ("report-28912345-x2k4q", {"job-name": "report-28912345"}, ("CronJob", "report")),
        ("web-7d9c5b8f6d-x2k4q", {"pod-template-hash": "another"}, ("Deployment", "web")),
        ("web-7d9c5b8f6d-x2k4q", {"app": "web"}, ("Deployment", "web")),
    ],
)
def test_a_pods_labels_outweigh_its_name(name, labels, expected):
    assert normal.workload_of_pod(name, labels) == expected


def test_a_static_pod_goes_by_the_name_in_its_manifest():
    assert normal.workload_of_pod("etcd-node-1", None, "node-1") == ("Pod", "etcd")
    assert normal.workload_of_pod("etcd-node-1", None, "") == ("StatefulSet", "etcd-node")


@LAW
@given(
    HOSTILE,
    st.none()
    | st.dictionaries(st.sampled_from(["pod-template-hash", "job-name", "controller-revision-hash"]), HOSTILE),
)
def test_any_pod_has_a_workload(name, labels):
    kind, workload = normal.workload_of_pod(name, labels)
    assert kind
    longest = max([len(name), *map(len, (labels or {}).values())])
    assert len(workload) <= longest


def test_an_identity_says_what_it_is():
    assert normal.identity("system:serviceaccount:ci:deployer", ["system:serviceaccounts"]) == "sa:ci/deployer"
    assert normal.identity("system:node:ip-10-0-1-2", ["system:nodes", "system:authenticated"]) == "node:ip-10-0-1-2"
    assert normal.identity("system:node:fake", ["system:authenticated"]) == "user:system:node:fake"
    assert normal.identity("alice@acme.io", []) == "user:alice@acme.io"
    assert normal.identity("system:anonymous", ["system:unauthenticated"]) == "user:system:anonymous"
    assert normal.identity("system:serviceaccount:ci", None) == "user:system:serviceaccount:ci"
    assert normal.identity("system:serviceaccount:a:b:c", None) == "user:system:serviceaccount:a:b:c"
    assert normal.identity("system:serviceaccount:a/b:c", None) == "user:system:serviceaccount:a/b:c"
    assert normal.identity("", None) == "user:"


@LAW
@given(HOSTILE, HOSTILE)
def test_two_names_never_become_one_identity(one, other):
    assert (normal.identity(one) == normal.identity(other)) == (one == other)
    assert len(normal.identity(one)) <= len(one) + 5


@pytest.mark.parametrize(
    ("resource", "name", "expected"),
    [
        ("pods", "web-7d9c5b8f6d-x2k4q", "web-*"),
        ("pods", "fluent-bit-22m8z", "fluent-bit-*"),
        ("pods", "redis-0", "redis-0"),
        ("replicasets", "web-7d9c5b8f6d", "web-*"),
        ("controllerrevisions", "fluent-bit-d48d6c74", "fluent-bit-*"),
        ("jobs", "report-28912345", "report-*"),
        ("jobs", "migrate", "migrate"),
        ("events", "web-7d9c5b8f6d-x2k4q.17a3b2c4d5e6f708", "web-*"),
        ("events", "redis-0.17a3b2c4d5e6f708", "redis-0.*"),
        ("leases", "ip-10-20-1-20", "ip-*"),
        ("leases", "apiserver-bxulypabshdqsibbw6xj5nbj64", "apiserver-*"),
        ("leases", "cert-manager-controller", "cert-manager-controller"),
        ("nodes", "aks-pool1-12345678-vmss000001", "aks-pool*-vmss*"),
        ("secrets", "default-token-abcde", "default-token-*"),
        ("secrets", "bootstrap-token-07401b", "bootstrap-token-*"),
        ("secrets", "sh.helm.release.v1.web.v12", "sh.helm.release.v1.web.v*"),
        ("secrets", "payments-db", "payments-db"),
        ("secrets", "tls-web-3", "tls-web-3"),
        ("configmaps", "app-config-7f8g9h2k4d", "app-config-*"),
        ("configmaps", "kube-root-ca.crt", "kube-root-ca.crt"),
        ("endpointslices", "orders-web-78gx8", "orders-web-*"),
        ("certificatesigningrequests", "csr-x2k4q", "csr-*"),
        ("persistentvolumes", "pvc-87c52d60-fefd-45a9-a420-895256fc03b5", "pvc-*"),
        ("backups", "daily-1795443342", "daily-*"),
        ("apiservices", "v1beta1.metrics.k8s.io", "v1beta1.metrics.k8s.io"),
        ("clusterroles", "system:controller:job-controller", "system:controller:job-controller"),
        ("", "", ""),
    ],
)
def test_generated_parts_of_an_objects_name_are_taken_out(resource, name, expected):
    assert normal.object_name(resource, name) == expected


@LAW
@given(RESOURCES, HOSTILE)
def test_a_comparable_object_name_is_comparable(resource, name):
    once = normal.object_name(resource, name)
    assert normal.object_name(resource, once) == once
    assert len(once) <= len(name) + 2


@pytest.mark.parametrize("text", BIG, ids=[text[:5] for text in BIG])
def test_a_megabyte_takes_no_time(text):
    began = time.process_time()
    normal.path(text)
    normal.directory(text)
    normal.network(text)
    normal.zone(text)
    normal.agent(text)
    normal.identity(text)
    normal.workload_of_pod(text)
    for resource in ("pods", "events", "secrets", "widgets"):
        normal.object_name(resource, text)
    assert time.process_time() - began < 1


@settings(LAW, max_examples=20)
@given(st.text("a7-/.*_(T:", min_size=1, max_size=8))
def test_no_repeated_text_takes_long(text):
    longest = text * (4096 // len(text))
    began = time.process_time()
    normal.path(longest)
    normal.agent(longest)
    normal.object_name("pods", longest[:255])
    assert time.process_time() - began < 0.5


def test_the_examples_hold():
    assert doctest.testmod(normal).failed == 0

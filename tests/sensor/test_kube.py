"""The pods of a node, from a made-up API server that lists, watches and refuses."""

import base64
import http.server
import json
import shutil
import ssl
import subprocess
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.errors import InputError
from plimsoll.sensor import kube


def pod(
    uid, name="web-5d8f7c-abcde", *, version="1", owner=("ReplicaSet", "web-5d8f7c"), annotations=None, labels=None
):
    status = {"name": "app", "image": "web:1", "imageID": f"web@sha256:{'c' * 64}", "containerID": "containerd://c1"}
    meta = {
        "uid": uid,
        "namespace": "shop",
        "name": name,
        "resourceVersion": version,
        "labels": labels or {"pod-template-hash": "5d8f7c"},
        "annotations": {"other": "x" * 100_000} | (annotations or {}),
        "ownerReferences": [{"kind": "Node", "name": "n"}, {"kind": owner[0], "name": owner[1], "controller": True}],
    }
    return {"metadata": meta, "spec": {"secret": "not kept"}, "status": {"containerStatuses": [status]}}


def event(kind, told):
    return json.dumps({"type": kind, "object": told}).encode() + b"\n"


class Server:
    """Answers each list with the pages, and each watch with the next of the streams."""

    def __init__(self):
        self.pages = [{"metadata": {"resourceVersion": "7"}, "items": [pod("u1")]}]
        self.streams, self.status, self.asked, self.tokens = [], 200, [], []
        self.held = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler):
        query = {key: value[0] for key, value in parse_qs(urlsplit(handler.path).query).items()}
        self.asked.append(query | {"path": urlsplit(handler.path).path})
        self.tokens.append(handler.headers.get("Authorization"))
        handler.send_response(self.status)
        handler.end_headers()
        if self.status != 200:
            return
        if "watch" not in query:
            handler.wfile.write(json.dumps(self.pages[int(query.get("continue", 0))]).encode())
        elif self.streams:
            handler.wfile.write(self.streams.pop(0))
        else:
            self.held.wait(10)

    def close(self):
        self.held.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    one = Server()
    yield one
    one.close()


@pytest.fixture
def watch(server):
    opened = []

    def start(token="", prefix=""):
        way = kube.Access(f"http://127.0.0.1:{server.server.server_port}{prefix}", ssl.create_default_context(), token)
        opened.append(kube.Pods(way, "node-1"))
        return opened[-1]

    yield start
    for pods in opened:
        pods.close()


def wait(what):
    until = time.monotonic() + 5
    while not what() and time.monotonic() < until:
        time.sleep(0.01)
    return what()


def test_the_pods_of_the_node_are_listed_page_by_page(server, watch):
    server.pages = [
        {"metadata": {"continue": "1"}, "items": [pod("u1")]},
        {"metadata": {"resourceVersion": "7"}, "items": [pod("u2"), {"metadata": 7}]},
    ]
    pods = watch("secret", "/prefix")
    assert wait(lambda: pods.ready)
    assert len(pods) == 2
    assert server.asked[0]["fieldSelector"] == "spec.nodeName=node-1"
    assert server.asked[0]["path"] == "/prefix/api/v1/pods"
    assert server.tokens[0] == "Bearer secret"
    found = pods.find("u1")
    assert kube.workload(found) == ("Deployment", "web")
    assert found.names == {"c1": "app"}
    assert found.annotations == {}


def test_what_happens_to_them_is_followed(server, watch):
    server.streams = [
        event("ADDED", pod("u2", version="8")) + event("DELETED", pod("u1", version="9")),
        event("BOOKMARK", {"metadata": {"resourceVersion": "12"}}),
    ]
    pods = watch()
    assert wait(lambda: len(server.asked) == 4)
    assert pods.find("u2").name == "web-5d8f7c-abcde"
    assert pods.find("u1") is None
    assert [asked["resourceVersion"] for asked in server.asked[1:]] == ["7", "9", "12"]


def test_a_watch_that_is_too_old_begins_anew(server, watch):
    server.streams = [event("ERROR", {"kind": "Status", "code": 410})]
    watch()
    assert wait(lambda: len(server.asked) == 4)
    assert "watch" not in server.asked[2]


def test_a_refusal_says_what_is_missing(server, watch):
    server.status = 403
    pods = watch()
    assert wait(lambda: pods.error)
    assert "list and watch on pods" in pods.error
    assert not pods.ready


@pytest.mark.parametrize("stream", [b"{\n", b"[]\n", b'{"object":7}\n', b"\xff\n", b'{"type":"ADDED","object":{}}\n'])
def test_a_broken_stream_ends_no_thread(server, watch, stream):
    server.streams = [stream]
    pods = watch()
    assert wait(lambda: len(server.asked) >= 3)
    assert pods.find("u1")


def test_a_static_pod_is_found_by_the_hash_its_cgroup_bears(server, watch):
    told = {"kubernetes.io/config.hash": "cafe", "kubernetes.io/config.source": "file"}
    server.pages[0]["items"] = [pod("u1", "etcd-node-1", owner=("Node", "node-1"), annotations=told)]
    pods = watch()
    assert wait(lambda: pods.ready)
    found = pods.find("cafe")
    assert found.static
    assert kube.workload(found) == ("Pod", "etcd")


def owned(kind="", name="", labels=None, **more):
    return kube.Pod("u", "shop", more.pop("pod", "web-5d8f7c-abcde"), labels or {}, {}, kind, name, **more)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (owned("ReplicaSet", "web-5d8f7c6b9d"), ("Deployment", "web")),
        (owned("ReplicaSet", "web", {}), ("ReplicaSet", "web")),
        (owned("ReplicaSet", "web-5d8f7c", {"rollouts-pod-template-hash": "5d8f7c"}), ("Rollout", "web")),
        (owned("Job", "report-28912345", pod="report-28912345-abcde"), ("CronJob", "report")),
        (owned("StatefulSet", "db"), ("StatefulSet", "db")),
        (owned("ReplicationController", "a-1", {"deploymentconfig": "a"}), ("DeploymentConfig", "a")),
        (owned(pod="run-abcde", generated="run-"), ("Pod", "run")),
        (owned(pod="web-0"), ("Pod", "web-0")),
    ],
)
def test_a_workload_outlives_its_pods(told, expected):
    assert kube.workload(told) == expected


@given(st.binary())
def test_any_object_is_a_pod_or_none(data):
    assert kube.pod_of(data) is None or isinstance(kube.pod_of(data), kube.Pod)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for a made-up authority, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("pki")
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-subj", "/CN=x", "-days", "9", *files], check=True, capture_output=True)
    return folder


def test_a_pod_uses_its_service_account(tmp_path, certificate):
    (tmp_path / "token").write_text("t1\n")
    shutil.copy(certificate / "cert.pem", tmp_path / "ca.crt")
    way = kube.access({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}, tmp_path)
    assert way.server == "https://[fd00::1]:6443"
    assert way.headers()["Authorization"] == "Bearer t1"
    (tmp_path / "token").write_text("t2\n")
    assert way.headers()["Authorization"] == "Bearer t2"


def config(**user):
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443"}}],
        "users": [{"name": "u", "user": user}],
    }


def test_a_kubeconfig_gives_token_or_certificate(tmp_path, certificate):
    encoded = {
        f"client-{name}-data": base64.b64encode((certificate / f"{file}.pem").read_bytes()).decode()
        for name, file in (("certificate", "cert"), ("key", "key"))
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(config(token="t", **encoded)))
    way = kube.access({"KUBECONFIG": f"/nowhere:{file}"}, tmp_path)
    assert (way.server, way.headers()["Authorization"]) == ("https://127.0.0.1:6443", "Bearer t")


def test_a_kubeconfig_in_yaml_is_read_too(tmp_path):
    pytest.importorskip("yaml")
    file = tmp_path / "config"
    file.write_text(
        "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
        "clusters: [{name: k, cluster: {server: 'http://localhost'}}]\n"
    )
    assert kube.of_kubeconfig(file).server == "http://localhost"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"current-context":"c"}', json.dumps(config() | {"current-context": "other"})]
)
def test_a_kubeconfig_that_names_no_cluster_is_an_error_that_says_so(tmp_path, text):
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(InputError, match="config"):
        kube.of_kubeconfig(file)


def test_certificates_that_are_none_are_an_error(tmp_path):
    file = tmp_path / "config"
    bad = base64.b64encode(b"no certificate").decode()
    file.write_text(json.dumps(config(**{"client-certificate-data": bad, "client-key-data": bad})))
    with pytest.raises(InputError, match="certificates"):
        kube.of_kubeconfig(file)


def test_without_a_cluster_there_is_no_way():
    assert kube.access({}) is None

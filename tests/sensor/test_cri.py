"""What CRI tells, from bytes and from a real containerd."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import cgroups, cri, identity, unary
from plimsoll.sensor.containers import Runtimes


def field(number, value):
    if isinstance(value, int):
        return bytes([number << 3, value])
    data = value.encode() if isinstance(value, str) else value
    size = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 0x7F | 0x80, len(data) >> 7])
    return bytes([number << 3 | 2]) + size + data


def message(*fields):
    return b"".join(field(*one) for one in fields)


def pairs(number, told):
    return [(number, message((1, key), (2, value))) for key, value in told.items()]


SANDBOX = message((1, "s1"), (2, message((1, "web-0"), (2, "uid-1"), (3, "shop"))), (3, 0), *pairs(5, {"app": "web"}))
CONTAINER = message((1, "c1"), (2, "s1"), (3, message((1, "app"))), (4, message((1, "web:1"))), (5, "sha256:ab"))


def answers(monkeypatch, versions=("v1",)):
    def call(socket, method, sent, *, timeout):
        if method.split(".")[1] not in versions:
            raise unary.Unanswered(method)
        return message((1, SANDBOX if method.endswith("ListPodSandbox") else CONTAINER))

    monkeypatch.setattr(unary, "call", call)


@pytest.mark.parametrize("version", ["v1", "v1alpha2"])
def test_containers_carry_the_labels_of_their_pod(monkeypatch, version):
    answers(monkeypatch, (version,))
    found = cri.containers("/s")
    assert found["s1"].sandbox
    one = found["c1"]
    assert (one.namespace, one.pod, one.pod_uid, one.name) == ("shop", "web-0", "uid-1", "app")
    assert (one.image, one.image_digest, one.labels) == ("web:1", "sha256:ab", {"app": "web"})


def test_a_runtime_that_refuses_is_an_error(monkeypatch):
    answers(monkeypatch, ())
    with pytest.raises(unary.Unanswered):
        cri.containers("/s")


def test_asking_does_not_wait_for_the_answer(monkeypatch):
    answers(monkeypatch)
    runtime = cri.Runtime("/s")
    until = time.monotonic() + 5
    while runtime.find("c1") is None and time.monotonic() < until:
        time.sleep(0.01)
    assert runtime.find("c1").name == "app"
    runtime.close()


def test_why_nothing_is_told_is_said(monkeypatch):
    answers(monkeypatch, ())
    runtime = cri.Runtime("/s")
    until = time.monotonic() + 5
    while not runtime.error and time.monotonic() < until:
        assert runtime.find("c1") is None
        time.sleep(0.01)
    assert "ListPodSandbox" in runtime.error
    runtime.close()


@given(st.binary())
def test_any_bytes_are_fields_or_none(data):
    for values in cri.fields(data).values():
        assert all(value in data for value in values)


def test_a_number_without_end_ends_the_message():
    assert cri.fields(b"\xff" * 40) == {}
    assert cri.fields(b"\x0a\xff\xff\xff\xff\x7fx") == {}


def image(name, binary):
    """A docker archive with one static program in it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(binary, arcname="bin/busybox")
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Cmd": ["/bin/busybox", "sleep", "60"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    parts = {"config.json": config, "manifest.json": manifest}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for file, data in [*((k, json.dumps(v).encode()) for k, v in parts.items()), ("layer.tar", layer.getvalue())]:
            head = tarfile.TarInfo(file)
            head.size = len(data)
            tar.addfile(head, io.BytesIO(data))
    return archive.getvalue()


CONFIG = """version = 2
root = "{root}/root"
state = "{root}/run/containerd"
[grpc]
  address = "{root}/c.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_tcp_service = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{root}/cni"
    conf_dir = "{root}/cni"
"""


@pytest.fixture
def containerd(containers, tmp_path):
    """A containerd of our own with an image; its socket."""
    if not all(map(shutil.which, ("containerd", "ctr"))):
        pytest.skip("no containerd: apt-get install containerd")
    (tmp_path / "config.toml").write_text(CONFIG.format(root=tmp_path))
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen(["containerd", "-c", str(tmp_path / "config.toml")], stdout=log, stderr=log)
    socket = str(tmp_path / "c.sock")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            cri.containers(socket)
            break
        except unary.Unanswered:
            time.sleep(0.1)
    for name in ("localhost/pause:1", "localhost/web:1"):
        command = ["ctr", "-a", socket, "-n", "k8s.io", "images", "import", "--snapshotter", "native", "-"]
        subprocess.run(command, input=image(name, "/bin/busybox"), check=True, capture_output=True)
    yield socket
    daemon.terminate()
    daemon.wait(20)
    for folder in ("runc/k8s.io", "runc", "s", ""):
        with suppress(OSError):  # what others use is not empty
            (Path("/run/containerd") / folder).rmdir()


def test_a_real_pod_of_containerd_is_known_by_its_bundle_and_by_cri(containerd, tmp_path):
    service, uid = "/runtime.v1.RuntimeService", str(uuid.uuid4())
    labels = {"app": "web", "pod-template-hash": "5d8f7c", "io.kubernetes.pod.uid": uid}
    meta = message((1, "web-5d8f7c-abcde"), (2, uid), (3, "shop"))
    linux = message((1, f"/kubepods/besteffort/pod{uid}"), (2, message((1, message((1, 2))))))
    config = message((1, meta), (3, "/tmp"), *pairs(6, labels), (8, linux))
    sandbox = cri.fields(unary.call(containerd, f"{service}/RunPodSandbox", message((1, config)), timeout=60))[1][0]
    try:
        own = message((1, message((1, "app"))), (2, message((1, "localhost/web:1"))), (15, b""))
        asked = message((1, sandbox), (2, own), (3, config))
        made = cri.fields(unary.call(containerd, f"{service}/CreateContainer", asked, timeout=60))[1][0]
        # StartContainer answers with an empty message.
        assert unary.call(containerd, f"{service}/StartContainer", message((1, made)), timeout=60) == b""
        told = cri.containers(containerd)[made.decode()]
        assert (told.namespace, told.pod, told.name, told.labels["app"]) == ("shop", "web-5d8f7c-abcde", "app", "web")
        assert told.image_digest.startswith("sha256:")
        known = identity.Identities(cgroups.Cgroups(), Runtimes(tmp_path), runtime=cri.Runtime(containerd))
        until = time.monotonic() + 5
        ours = {made.decode(), sandbox.decode()}
        while not ours <= {one.container_id for one in known.seed().values()} and time.monotonic() < until:
            time.sleep(0.01)
        known.runtime.close()
        found = {one.container_id: one for one in known.all().values()}
        assert found[made.decode()].subject == "shop/Deployment/web:app"
        assert found[made.decode()].labels["app"] == "web"
        assert not found[made.decode()].protected
        assert found[sandbox.decode()].sandbox
    finally:
        for verb in ("StopPodSandbox", "RemovePodSandbox"):
            unary.call(containerd, f"{service}/{verb}", message((1, sandbox)), timeout=60)
        for folder in Path("/sys/fs/cgroup").glob(f"**/pod{uid}"):
            folder.rmdir()

from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields


def sandbox(spec):
    return {"kind": "SandboxTemplate", "metadata": {"name": "s"}, "spec": spec}


def reaches(*peers):
    return sandbox({"networkPolicyManagement": "Managed", "networkPolicy": {"egress": [{"to": list(peers)}]}})


TEAM = {"matchLabels": {"team": "a"}}


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": {}},
        {"namespaceSelector": {}},
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}},
        {"ipBlock": {"cidr": "::/0"}},
        {},
    ],
)
def test_a_peer_that_is_everybody_is_nobodys_choice(peer):
    assert fields("kubescape_sandboxes.egress", reaches(peer)) == ["spec.networkPolicy.egress"]


@pytest.mark.parametrize(
    "peer",
    [{"namespaceSelector": TEAM}, {"namespaceSelector": {}, "podSelector": TEAM}, {"ipBlock": {"cidr": "1.0.0.0/8"}}],
)
def test_a_peer_that_is_somebody_may_be_reached(peer):
    assert fields("kubescape_sandboxes.egress", reaches(peer)) == []


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"networkPolicy": {}}, []),
        ({"networkPolicyManagement": "Unmanaged", "networkPolicy": {}}, ["spec.networkPolicyManagement"]),
        ({"networkPolicyManagement": "Managed"}, ["spec.networkPolicy"]),
        ({"networkPolicy": {"egress": [{"ports": [{"port": 53}]}]}}, ["spec.networkPolicy.egress"]),
    ],
)
def test_a_sandbox_has_a_policy_of_its_own_or_not(spec, found):
    assert fields("kubescape_sandboxes.egress", sandbox(spec)) == found


def pod(**spec):
    return sandbox({"podTemplate": {"spec": spec}})


def test_the_runtime_is_hardened_or_not():
    assert fields("kubescape_sandboxes.runtime", pod(runtimeClassName="gvisor")) == []
    for name in (None, "", "runc"):
        assert fields("kubescape_sandboxes.runtime", pod(runtimeClassName=name)) == [
            "spec.podTemplate.spec.runtimeClassName"
        ]


def test_an_image_names_a_version_or_not():
    held = [{"image": "a:latest"}, {"image": "r:5000/a"}, {"image": "a:1"}, {"image": "a@sha256:b"}]
    found = [f"spec.podTemplate.spec.containers[{n}].image" for n in (0, 1)]
    assert fields("kubescape_sandboxes.floating_image", pod(containers=held)) == found


@pytest.mark.parametrize("what", ["cpu", "memory"])
def test_a_container_has_limits_or_not(what):
    field = f"spec.podTemplate.spec.containers[0].resources.limits.{what}"
    assert fields(f"kubescape_sandboxes.{what}", pod(containers=[{}])) == [field]
    assert fields(f"kubescape_sandboxes.{what}", pod(containers=[{"resources": {"limits": {what: "1"}}}])) == []

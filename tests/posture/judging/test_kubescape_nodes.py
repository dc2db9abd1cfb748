from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod


def node(name="n", **told):
    return {"kind": "Node", "metadata": {"name": name}, "status": {"nodeInfo": told}}


@pytest.mark.parametrize(("running", "found"), [("v1.20.7", 1), ("v1.37.0-gke.1", 0), ("", 0), ("v2.0.0", 0)])
def test_a_kubelet_is_outdated_or_not(running, found):
    assert len(fields("kubescape_nodes.outdated", node(kubeletVersion=running))) == found


@pytest.mark.parametrize(
    ("running", "found"),
    [("v1.18.20", 1), ("v1.19.14", 1), ("v1.19.15", 0), ("v1.20.7", 1), ("v1.22.1", 1), ("v1.22.2", 0), ("v1.30.0", 0)],
)
def test_a_sub_path_leads_out_where_a_node_follows_links(running, found):
    mounts = pod(container="volumeMounts: [{name: v, subPath: a}]")
    assert len(fields("kubescape_nodes.links_out_of_volumes", mounts, node(kubeletVersion=running))) == found
    assert fields("kubescape_nodes.links_out_of_volumes", pod(), node(kubeletVersion=running)) == []


@pytest.mark.parametrize(
    ("running", "found"),
    [
        ("containerd://1.4.12", 1),
        ("containerd://1.3.0", 1),
        ("containerd://1.6.1", 0),
        ("containerd://1.7.0", 0),
        ("cri-o://1.4.0", 0),
    ],
)
def test_containerd_reads_the_host_or_not(running, found):
    assert len(fields("kubescape_nodes.containerd_reads_host", node(containerRuntimeVersion=running))) == found


def test_a_system_for_containers_or_fargate_is_used_somewhere_or_nowhere():
    general, own = node(osImage="Ubuntu 24.04"), node("fargate-1", osImage="Bottlerocket OS 1.20")
    for test in ("general_system", "no_fargate"):
        assert len(fields(f"kubescape_nodes.{test}", general)) == 1
        assert fields(f"kubescape_nodes.{test}", general, own) == []

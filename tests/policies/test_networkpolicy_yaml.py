"""Policies as YAML that every reader takes for the same."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import generate, networkpolicy_yaml
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow


def written(*edges: dict[str, Any], objects: tuple[dict[str, Any], ...] = SHOP) -> dict[str, str]:
    return networkpolicy_yaml.files(generate.generate(flows.seen(*edges), flows.cluster(*objects)))


def test_a_policy_is_what_the_api_server_reads() -> None:
    files = written(flow(WEB, REDIS, 6379))
    assert yaml.safe_load(files["shop/deployment-redis.yaml"]) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": "deployment-redis",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "plimsoll"},
        },
        "spec": {
            "podSelector": {"matchLabels": {"app": "redis"}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
                    "ports": [{"protocol": "TCP", "port": "redis"}],
                }
            ],
            "egress": [],
        },
    }


def test_every_peer_says_why_it_is_there() -> None:
    text = written(flow(WEB, REDIS, 6379), flow("203.0.113.9", WEB, 8080))["shop/deployment-web.yaml"]
    peers = [
        line
        for line in text.splitlines()
        if line.lstrip().startswith(("- podSelector", "- namespaceSelector", "- ipBlock"))
    ]
    assert peers
    assert all("seen" in line or "recorded" in line for line in peers)


def test_a_peer_of_another_namespace_is_named_by_the_label_that_every_namespace_has() -> None:
    dns = flows.pod("kube-system", "dns", {"k8s-app": "kube-dns"})
    policy = yaml.safe_load(
        written(flow(WEB, ("kube-system", "Deployment", "dns"), 53, "UDP"), objects=(*SHOP, dns))[
            "shop/deployment-web.yaml"
        ]
    )
    (peer,) = policy["spec"]["egress"][0]["to"]
    assert peer == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }


def test_a_namespace_is_closed_by_default() -> None:
    spec = yaml.safe_load(written(flow(WEB, REDIS, 6379))["shop/default-deny.yaml"])["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_labels_that_yaml_takes_for_something_else_stay_texts() -> None:
    odd = flows.pod("shop", "odd", {"y": "no", "app": "1e3", "x: y": '"#\n\u2028'})
    files = written(flow(("shop", "Deployment", "odd"), REDIS, 6379), objects=(*SHOP, odd))
    spec = yaml.safe_load(files["shop/deployment-odd.yaml"])["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app": "1e3"}}


@given(st.text(max_size=30))
def test_any_text_is_read_back(text: str) -> None:
    usual = text.encode("utf-8", "replace").decode()
    assert yaml.safe_load(networkpolicy_yaml.quoted(usual)) == usual


@given(name=st.text(min_size=1, max_size=20), namespace=st.text(min_size=1, max_size=20), value=st.text(max_size=20))
def test_hostile_names_stay_in_their_place(name: str, namespace: str, value: str) -> None:
    name, namespace, value = (text.encode("utf-8", "replace").decode() for text in (name, namespace, value))
    odd = flows.pod(namespace, name, {"app": value})
    files = written(flow((namespace, "Deployment", name), REDIS, 6379), objects=(*SHOP, odd))
    for path, text in files.items():
        assert path.count("/") == 1
        assert not path.startswith((".", "/"))
        assert yaml.safe_load(text)["kind"] == "NetworkPolicy"

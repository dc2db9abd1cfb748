"""Calico's NetworkPolicy documents."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import calico_documents, calico_yaml, generate, selectors
from plimsoll.policies.separating import Selector
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow

KEYS = st.from_regex(r"\A([a-z]{1,5}\.[a-z]{1,3}/)?[a-z][a-z0-9_.-]{0,8}[a-z0-9]\Z")
VALUES = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?\Z")


def web(*edges: dict[str, Any]) -> str:
    made = generate.generate(flows.seen(*edges, times=9), flows.cluster(*SHOP), calico_yaml.DIALECT)
    return calico_yaml.files(made)["shop/deployment-web.yaml"]


def test_a_policy_has_these_bytes() -> None:
    assert web(flow(REDIS, WEB, 8080), flow(WEB, "203.0.113.7", 53, "UDP")) == (
        "# Written by plimsoll policies generate; what is edited here is lost when it runs again.\n"
        "# For shop/Deployment/web.\n"
        "apiVersion: projectcalico.org/v3\n"
        "kind: NetworkPolicy\n"
        "metadata:\n"
        '  name: "deployment-web"\n'
        '  namespace: "shop"\n'
        "  labels:\n"
        '    app.kubernetes.io/managed-by: "plimsoll"\n'
        "spec:\n"
        "  selector: \"app == 'web'\"\n"
        "  types:\n"
        "    - Ingress\n"
        "    - Egress\n"
        "  ingress:\n"
        "    - action: Allow\n"
        '      protocol: "TCP"\n'
        "      source:  # shop/Deployment/redis: seen less than 10 times on 1 day\n"
        "        selector: \"app == 'redis'\"\n"
        "      destination:\n"
        "        ports:\n"
        '          - "http"\n'
        "  egress:\n"
        "    - action: Allow\n"
        '      protocol: "TCP"\n'
        "      destination:  # outside the cluster: seen less than 10 times on 1 day\n"
        "        nets:\n"
        '          - "203.0.113.7/32"\n'
        "        ports:\n"
        "          - 53\n"
        "    - action: Allow\n"
        '      protocol: "UDP"\n'
        "      destination:  # outside the cluster: seen less than 10 times on 1 day\n"
        "        nets:\n"
        '          - "203.0.113.7/32"\n'
        "        ports:\n"
        "          - 53\n"
    )


def test_many_high_ports_are_a_range() -> None:
    edges = [flow(WEB, REDIS, 40_000 + number) for number in range(9)]
    spec = yaml.safe_load(web(*edges, flow(REDIS, "203.0.113.7", 53, "UDP")))["spec"]
    assert spec["egress"][0]["destination"]["ports"] == ["40000:40008"]


def test_a_namespace_is_closed_by_a_policy_without_rules() -> None:
    spec = yaml.safe_load(calico_yaml.default_deny("shop", "every pod"))["spec"]
    assert spec == {"selector": "all()", "types": ["Ingress", "Egress"]}


@given(st.dictionaries(KEYS, VALUES, max_size=3), st.sets(KEYS, max_size=2))
def test_a_selector_that_is_written_is_read_back(labels: dict[str, str], absent: set[str]) -> None:
    text = calico_yaml.selector(Selector(tuple(labels.items()), tuple(absent - labels.keys())))
    told = selectors.Document(labels, [selectors.Expression(key, "DoesNotExist") for key in absent - labels.keys()])
    assert calico_documents.selector(text) == selectors.selector(told)


@given(st.text(max_size=20), st.text(max_size=20))
def test_labels_that_no_cluster_takes_do_not_end_the_selector_they_are_in(key: str, value: str) -> None:
    text = calico_yaml.selector(Selector(((key, value),)))
    assert text.count("'") == 2
    assert not {"&&", "||"} & set(text.partition(" == ")[0].split())

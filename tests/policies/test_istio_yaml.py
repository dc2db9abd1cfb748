"""AuthorizationPolicy documents."""

from __future__ import annotations

from typing import Any

import yaml

from plimsoll.policies import edges, generate, istio_yaml
from tests.policies import flows
from tests.policies.flows import REDIS, WEB, flow

SHOP = (
    flows.pod("shop", "web", {"app": "web"}, serviceAccountName="web"),
    flows.pod("shop", "redis", {"app": "redis"}, serviceAccountName="redis"),
)


def written(*calls: dict[str, Any], objects: tuple[dict[str, Any], ...] = SHOP) -> dict[str, str]:
    made = generate.generate(flows.seen(*calls, times=9), flows.cluster(*objects), istio_yaml.DIALECT)
    return istio_yaml.files(made)


def redis(*calls: dict[str, Any], objects: tuple[dict[str, Any], ...] = SHOP) -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load(written(*calls, objects=objects)["shop/deployment-redis.yaml"])["spec"]
    return spec


def test_a_policy_has_these_bytes() -> None:
    assert written(flow(WEB, REDIS, 6379))["shop/deployment-redis.yaml"] == (
        "# Written by plimsoll policies generate; what is edited here is lost when it runs again.\n"
        "# For shop/Deployment/redis.\n"
        "apiVersion: security.istio.io/v1\n"
        "kind: AuthorizationPolicy\n"
        "metadata:\n"
        '  name: "deployment-redis"\n'
        '  namespace: "shop"\n'
        "  labels:\n"
        '    app.kubernetes.io/managed-by: "plimsoll"\n'
        "spec:\n"
        "  selector:\n"
        "    matchLabels:\n"
        '      "app": "redis"\n'
        "  action: ALLOW\n"
        "  rules:\n"
        "    - from:\n"
        "        - source:  # shop/Deployment/web: seen less than 10 times on 1 day\n"
        "            principals:\n"
        '              - "cluster.local/ns/shop/sa/web"\n'
        "      to:\n"
        "        - operation:\n"
        "            ports:\n"
        '              - "6379"\n'
    )


def test_a_namespace_is_closed_by_a_policy_that_allows_nobody() -> None:
    text = istio_yaml.default_deny("shop", "every pod")
    assert yaml.safe_load(text)["spec"] == {}


def test_who_was_called_by_nobody_over_tcp_has_no_rules() -> None:
    text = written(flow(WEB, REDIS, 53, "UDP"))["shop/deployment-redis.yaml"]
    assert "rules" not in yaml.safe_load(text)["spec"] or all(
        rule["to"] == [{"operation": {"ports": ["53"]}}] for rule in yaml.safe_load(text)["spec"]["rules"]
    )
    assert "# Not said, as Istio rules TCP alone: UDP 53" in text


def test_who_shares_a_service_account_is_named() -> None:
    twin = flows.pod("shop", "twin", {"app": "twin"}, serviceAccountName="web")
    calls = (flow(WEB, REDIS, 6379), flow(("shop", "Deployment", "twin"), "203.0.113.7", 443))
    text = written(*calls, objects=(*SHOP, twin))["shop/deployment-redis.yaml"]
    assert '- "cluster.local/ns/shop/sa/web"  # also of shop/Deployment/twin' in text


def test_who_is_known_from_flows_alone_is_known_by_its_namespace() -> None:
    told = edges.labels_of(flows.events(flow(WEB, REDIS, 6379, source_labels=["app=web"])))
    made = generate.generate(flows.seen(flow(WEB, REDIS, 6379)), flows.cluster(SHOP[1], told=told), istio_yaml.DIALECT)
    (rule,) = yaml.safe_load(istio_yaml.files(made)["shop/deployment-redis.yaml"])["spec"]["rules"]
    assert rule["from"] == [{"source": {"namespaces": ["shop"]}}]


def test_addresses_are_blocks_without_what_they_leave_out() -> None:
    public = flows.service("shop", "redis", {"app": "redis"}, (6379, 6379), type="LoadBalancer")
    (rule,) = redis(flow("203.0.113.9", REDIS, 6379), objects=(*SHOP, public))["rules"]
    (source,) = rule["from"]
    assert source["source"]["ipBlocks"] == ["0.0.0.0/0"]
    assert "10.0.0.0/8" in source["source"]["notIpBlocks"]


def test_a_range_is_written_out_and_a_long_one_is_every_port() -> None:
    short = redis(*[flow(WEB, REDIS, 40_000 + number) for number in range(9)])
    assert len(short["rules"][0]["to"][0]["operation"]["ports"]) == 9
    long = redis(*[flow(WEB, REDIS, 40_000 + 100 * number) for number in range(9)])
    assert "to" not in long["rules"][0]


def test_a_workload_without_labels_has_no_policy_as_it_would_be_one_for_all() -> None:
    bare = flows.pod("shop", "bare", {})
    files = written(flow(WEB, ("shop", "Deployment", "bare"), 80), objects=(SHOP[0], bare))
    assert "shop/deployment-bare.yaml" not in files

"""What holds of every test behind the checks."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll.posture import rows
from plimsoll.posture.check import TESTS
from plimsoll.posture.objects import Cluster, Object

KEYS = st.sampled_from(
    [
        "metadata",
        "spec",
        "data",
        "rules",
        "subjects",
        "roleRef",
        "template",
        "jobTemplate",
        "containers",
        "initContainers",
        "volumes",
        "volumeMounts",
        "env",
        "envFrom",
        "valueFrom",
        "secretKeyRef",
        "securityContext",
        "capabilities",
        "add",
        "drop",
        "hostPath",
        "path",
        "name",
        "namespace",
        "kind",
        "selector",
        "matchLabels",
        "matchExpressions",
        "labels",
        "annotations",
        "ports",
        "command",
        "args",
        "image",
        "resources",
        "limits",
        "webhooks",
        "verbs",
        "apiGroups",
        "resourceNames",
        "sysctls",
        "backendRefs",
        "paths",
        "http",
        "backend",
        "service",
        "tls",
        "gateways",
        "egress",
        "to",
        "ipBlock",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | KEYS
SHAPES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=30
)
BODIES = st.dictionaries(KEYS, SHAPES, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 10_000), BODIES), min_size=1, max_size=4))
def test_no_shape_of_an_object_breaks_a_test(told):
    rows.own()
    kinds = sorted({kind for one in TESTS.values() for kind in one.kinds if kind != "*"})
    cluster = Cluster([Object({**body, "kind": kinds[number % len(kinds)]}) for number, body in told])
    for one in cluster.objects:
        for test in TESTS.values():
            if one.kind in test.kinds and test.run.__module__.startswith("plimsoll."):
                for found in test.run(one, cluster):
                    assert isinstance(found.field, str)
                    assert found.message

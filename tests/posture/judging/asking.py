"""A test asked about objects written as YAML: the fields it names."""

from __future__ import annotations

import yaml

from plimsoll.posture import rows
from plimsoll.posture.check import TESTS
from plimsoll.posture.objects import Cluster, Object


def fields(test, *texts):
    """What a test names in the first of these objects, which together are the cluster."""
    rows.own()
    objects = [Object(yaml.safe_load(text) if isinstance(text, str) else text) for text in texts]
    cluster = Cluster(objects)
    registered = TESTS[test]
    first, *_ = objects
    if first.kind not in registered.kinds:
        return []
    return [found.field for found in registered.run(first, cluster)]


def pod(spec="", *, labels="{}", context="{}", container="", place="shop", name="web"):
    """A pod with one container, as YAML in the flow style."""
    more = f", {spec}" if spec else ""
    inner = f", {container}" if container else ""
    return (
        f"{{kind: Pod, metadata: {{name: {name}, namespace: {place}, labels: {labels}}},"
        f" spec: {{containers: [{{name: c, image: 'app:1', securityContext: {context}{inner}}}]{more}}}}}"
    )

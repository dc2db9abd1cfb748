"""Sigma rules as the tests write them."""

from __future__ import annotations

from plimsoll.detect.sigma import rule

HEAD = """\
title: A rule
id: 0c9b3bda-0000-4000-8000-000000000001
description: It watches.
level: high
tags: [attack.execution, attack.t1609, attack.T1552.007, cve.2020-1]
logsource: {product: kubernetes, service: audit}
detection:
"""


def text(detection: str) -> str:
    """A rule with this detection, indented by two."""
    return HEAD + "".join(f"  {line}\n" for line in detection.strip().splitlines())


def one(detection: str) -> rule.Rule:
    (found,) = rule.rules(text(detection), "name")
    assert isinstance(found, rule.Rule)
    return found

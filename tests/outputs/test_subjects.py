"""A subject's name in its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.outputs import subjects


@pytest.mark.parametrize(
    ("subject", "parts"),
    [
        ("shop/StatefulSet/redis:redis", ("StatefulSet", "redis", "shop", "redis")),
        ("host/Container/4f2a:4f2a", ("Container", "4f2a", "host", "4f2a")),
        ("shop/Deployment/web", ("Deployment", "web", "shop", "")),
        ("sa:ci/deployer", ("ServiceAccount", "deployer", "ci", "")),
        ("user:https://issuer/alice", ("User", "https://issuer/alice", "", "")),
        ("node:worker-1", ("Node", "worker-1", "", "")),
        ("JTI=0c9e", ("", "JTI=0c9e", "", "")),
    ],
)
def test_a_subject_is_read_into_its_parts(subject, parts):
    assert subjects.of(subject) == parts


@given(st.text())
def test_any_text_is_a_subject(subject):
    assert isinstance(subjects.of(subject).username, str)

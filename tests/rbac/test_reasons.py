"""The API server's reasons, read back."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rbac import reasons

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(NAMES)
def test_a_subject_of_any_name_is_read_as_go_quoted_it(name: str) -> None:
    quoted = re.sub(r"\\ud[0-9a-f]{3}\\ud[0-9a-f]{3}", "x", json.dumps(name))  # Go has one escape for these
    text = f'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User {quoted}'
    found = reasons.read(text)
    assert found is not None
    assert found.subject == f"user:{json.loads(quoted)}"


@given(st.text())
def test_any_text_is_a_reason_or_none(text: str) -> None:
    assert reasons.read(text) is None
    assert reasons.read(reasons.PREFIX + text) is None


def test_an_accounts_namespace_comes_last() -> None:
    found = reasons.read('RBAC: allowed by RoleBinding "a:b/kube-system" of Role "r" to ServiceAccount "x/ns"')
    assert found == ("RoleBinding", "kube-system", "a:b", "Role", "r", "sa:ns/x")


def test_a_name_cannot_pretend_to_be_another_reason() -> None:
    text = r'RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to User "x\" of Role \"y"'
    found = reasons.read(text)
    assert found is not None
    assert found.subject == 'user:x" of Role "y'


def test_half_a_character_is_none() -> None:
    found = reasons.read(r'RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to User "\ud800\x41\U0001f600"')
    assert found is not None
    assert found.subject == "user:\ufffdA\U0001f600"

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.context.statements import Said, Silent
from tests.context.said import said

BOUND = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: platform}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: Group, name: "oidc:platform-admins", apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: ann@acme.example, apiGroup: rbac.authorization.k8s.io}
- {kind: ServiceAccount, name: deployer, namespace: ci}
- {kind: Group, name: "system:authenticated", apiGroup: rbac.authorization.k8s.io}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: shop-admins, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: Group, name: shop-team, apiGroup: rbac.authorization.k8s.io}]
"""


def read(folder: Path, text: str, **options: object) -> Said:
    (folder / "rbac.yaml").write_text(text)
    return said("rbac_groups", objects=[str(folder / "rbac.yaml")], **options)


def test_whoever_is_bound_to_such_a_role_administrates_that_place(tmp_path: Path) -> None:
    first, second = read(tmp_path, BOUND, roles=["cluster-admin", "admin"]).statements
    assert first.subjects == ("oidc:platform-admins", "ann@acme.example", "system:serviceaccount:ci:deployer")
    assert (first.scope, first.strong, first.id) == (("*/*/*",), False, "ClusterRoleBinding/platform")
    assert (second.subjects, second.scope) == (("shop-team",), ("shop/*/*",))


def test_other_roles_make_no_administrators(tmp_path: Path) -> None:
    assert len(read(tmp_path, BOUND).statements) == 1


def test_everybody_is_no_administrator(tmp_path: Path) -> None:
    text = BOUND.partition("subjects:")[0] + 'subjects: [{kind: Group, name: "system:authenticated"}]\n'
    assert read(tmp_path, text).statements == []


def test_objects_that_are_not_there_are_silence() -> None:
    with pytest.raises(Silent):
        said("rbac_groups", objects=["/nowhere"])

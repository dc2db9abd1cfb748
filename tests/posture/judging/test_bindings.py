from __future__ import annotations

from plimsoll.posture.judging.bindings import bound, bound_by
from plimsoll.posture.objects import Cluster, Object


def role(kind, place=""):
    return Object({"kind": kind, "metadata": {"name": "r", "namespace": place}})


def binding(kind, place, role_kind, *subjects):
    told = {"kind": kind, "metadata": {"name": "b", "namespace": place}, "subjects": list(subjects)}
    return Object({**told, "roleRef": {"kind": role_kind, "name": "r"}})


JANE = {"kind": "User", "name": "jane"}


def test_a_role_of_another_namespace_with_the_same_name_is_not_meant():
    here, elsewhere = binding("RoleBinding", "a", "Role", JANE), role("Role", "b")
    assert bound(Cluster([here, elsewhere]), "User", "", "jane")[0].role is None
    assert bound(Cluster([here, elsewhere, role("Role", "a")]), "User", "", "jane")[0].role is not None


def test_a_role_of_the_default_namespace_is_not_meant_elsewhere():
    here = binding("RoleBinding", "a", "Role", JANE)
    assert bound(Cluster([here, role("Role")]), "User", "", "jane")[0].role is None


def test_a_role_binding_gives_rights_in_its_namespace_and_the_other_kind_everywhere():
    two = [binding("RoleBinding", "a", "ClusterRole", JANE), binding("ClusterRoleBinding", "", "ClusterRole", JANE)]
    assert [one.where for one in bound(Cluster([*two, role("ClusterRole")]), "User", "", "jane")] == ["a", ""]


def test_a_service_account_without_a_namespace_is_that_of_the_binding():
    one = binding("RoleBinding", "a", "Role", {"kind": "ServiceAccount", "name": "s"})
    assert [found.subject for found in bound_by(one, Cluster([one]))] == [("ServiceAccount", "a", "s")]


def test_subjects_of_any_type_break_nothing():
    one = Object({"kind": "RoleBinding", "subjects": [1, None, {"kind": 3}], "roleRef": []})
    assert [found.field for found in bound_by(one, Cluster([one]))] == ["subjects[0]", "subjects[1]", "subjects[2]"]

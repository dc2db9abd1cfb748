"""What connections say of both their ends."""

from __future__ import annotations

import pytest

from tests import told


def test_both_ends_of_a_connection_learn_of_each_other():
    assert told.stated("flow", told.flow()) == {
        ("shop/Deployment/web", "connect", "", "shop/Deployment/redis:6379/tcp"),
        ("shop/Deployment/redis", "accept", "6379/tcp", "shop/Deployment/web"),
    }


@pytest.mark.parametrize("columns", [{"is_reply": True}, {"verdict": "DROPPED"}, {"verdict": "ERROR"}])
def test_replies_and_what_did_not_pass_teach_nothing(columns):
    assert told.stated("flow", told.flow(**columns)) == set()


def test_an_end_outside_the_cluster_goes_by_its_name_else_by_its_network():
    outside = {"destination_namespace": None, "destination_pod_name": None, "destination_ip": "203.0.113.9"}
    named = told.flow(**outside, destination_names=["api.example.com"], destination_port=443)
    assert told.said("flow", "connect", named) == {("", "api.example.com:443/tcp")}
    assert told.said("flow", "connect", told.flow(**outside)) == {("", "203.0.113.0/24:6379/tcp")}
    assert told.said("flow", "connect", told.flow(**outside, destination_identity="kube-apiserver")) == {
        ("", "kube-apiserver:6379/tcp")
    }

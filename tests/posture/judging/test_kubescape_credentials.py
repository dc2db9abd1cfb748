from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

AWS = "AKIA" + "A" * 16


def env(name, value):
    return pod(container=f"env: [{{name: {name}, value: '{value}'}}]")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "x"),
        ("myToken", "x"),
        ("URL", AWS),
        ("X", "a_secret_b"),
        ("Y", "eyJhbGciOi"),
        ("Z", "UFJJVkFURSBLRVk="),
    ],
)
def test_a_variable_has_the_name_or_the_look_of_a_credential(name, value):
    assert fields("kubescape_credentials.in_environment", env(name, value)) == ["spec.containers[0].env[0]"]


@pytest.mark.parametrize(("name", "value"), [("PORT", "80"), ("KEY_FILE", "/etc/key"), ("PASSWORD", ""), ("A", "AKIA")])
def test_a_variable_without_them_is_none(name, value):
    assert fields("kubescape_credentials.in_environment", env(name, value)) == []


def test_a_reference_to_a_secret_is_no_plain_text_but_all_of_a_secret_is_in_the_environment():
    reference = pod(container="env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}]")
    whole = pod(container="envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s}}]")
    assert fields("kubescape_credentials.in_environment", reference) == []
    assert fields("kubescape_credentials.secret_in_environment", reference) == ["spec.containers[0].env[0]"]
    for test in ("in_environment", "secret_in_environment"):
        assert fields(f"kubescape_credentials.{test}", whole) == ["spec.containers[0].envFrom[1].secretRef"]


def test_a_config_map_is_read_by_keys_and_values():
    body = {"kind": "ConfigMap", "data": {"pwd": "x", "colour": "red", "url": AWS, "token": ""}}
    assert fields("kubescape_credentials.in_config_map", body) == ["data"]


def test_a_long_value_is_looked_at_in_its_first_part():
    body = {"kind": "ConfigMap", "data": {"x": "a" * 3_000_000 + "PRIVATE KEY"}}
    assert fields("kubescape_credentials.in_config_map", body) == []

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.posture import engine, frameworks, rows
from plimsoll.posture.objects import Cluster, Object


def judge(body, *names):
    chosen = frameworks.chosen(rows.own(), [frameworks.framework(name) for name in names])
    one = Object(body)
    return list(engine.Engine(chosen).of(one, Cluster([one])))


def refused(framework, spec=None, context=None, metadata=None):
    """The controls of Pod Security that a pod with one container breaks."""
    spec = {"containers": [{"name": "c", "securityContext": context or {}}], **(spec or {})}
    found = judge({"kind": "Pod", "metadata": metadata or {}, "spec": spec}, framework)
    return {control for one in found for control in one.controls if control.startswith("pss:")}


GOOD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.mark.parametrize("minor", range(38))
def test_a_pod_as_the_standard_wants_it_is_admitted_by_every_version(minor):
    assert refused(f"pss-restricted@1.{minor}", context=GOOD) == set()
    assert refused(f"pss-baseline@1.{minor}") == set()


@pytest.mark.parametrize(
    ("spec", "context", "control", "first"),
    [
        ({"hostPID": True}, {}, "hostNamespaces", 0),
        ({"volumes": [{"name": "v", "hostPath": {}}]}, {}, "hostPathVolumes", 0),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, {}, "sysctls", 0),
        ({"containers": [{"ports": [{"hostPort": 80}]}]}, {}, "hostPorts", 0),
        ({"initContainers": [{"livenessProbe": {"httpGet": {"host": "a"}}}]}, {}, "hostProbesAndHostLifecycle", 34),
        (
            {"containers": [{"lifecycle": {"preStop": {"tcpSocket": {"host": "a"}}}}]},
            {},
            "hostProbesAndHostLifecycle",
            34,
        ),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, {}, "windowsHostProcess", 0),
        ({}, {"privileged": True}, "privileged", 0),
        ({}, {"capabilities": {"add": ["NET_RAW"]}}, "capabilities_baseline", 0),
        ({}, {"procMount": "Unmasked"}, "procMount", 0),
        ({}, {"seLinuxOptions": {"role": "x"}}, "seLinuxOptions", 0),
        ({}, {"seccompProfile": {"type": "Unconfined"}}, "seccompProfile_baseline", 19),
        ({}, {"appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile", 0),
        ({"ephemeralContainers": [{"securityContext": {"privileged": True}}]}, {}, "privileged", 0),
    ],
)
def test_baseline_refuses_from_its_version_on(spec, context, control, first):
    for minor in range(38):
        told = f"pss:{control}" in refused(f"pss-baseline@1.{minor}", spec, context)
        assert told == (minor >= first), minor


@pytest.mark.parametrize(
    ("context", "control", "first"),
    [
        ({"allowPrivilegeEscalation": None}, "allowPrivilegeEscalation", 8),
        ({"capabilities": {}}, "capabilities_restricted", 22),
        ({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}, "capabilities_restricted", 22),
        ({"runAsNonRoot": None}, "runAsNonRoot", 0),
        ({"runAsUser": 0}, "runAsUser", 23),
        ({"seccompProfile": None}, "seccompProfile_restricted", 19),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile_restricted", 19),
    ],
)
def test_restricted_refuses_from_its_version_on(context, control, first):
    for minor in range(38):
        told = f"pss:{control}" in refused(f"pss-restricted@1.{minor}", context=GOOD | context)
        assert told == (minor >= first), minor


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("net.ipv4.tcp_syncookies", 0),
        ("net.ipv4.ip_local_reserved_ports", 27),
        ("net.ipv4.tcp_fin_timeout", 29),
        ("net.ipv4.tcp_rmem", 32),
        ("net.ipv4.tcp_notsent_lowat", 37),
        ("net.ipv4.forward", 99),
    ],
)
def test_sysctls_become_safe(name, first):
    spec = {"securityContext": {"sysctls": [{"name": name}]}}
    for minor in range(38):
        assert (refused(f"pss-baseline@1.{minor}", spec) == set()) == (minor >= first), minor


def test_a_pod_of_windows_needs_no_linux_settings_from_1_25_on():
    spec, context = {"os": {"name": "windows"}}, {"runAsNonRoot": True}
    assert refused("pss-restricted@1.25", spec, context) == set()
    assert refused("pss-restricted@1.24", spec, context) == {
        "pss:allowPrivilegeEscalation",
        "pss:capabilities_restricted",
        "pss:seccompProfile_restricted",
    }


def test_a_user_namespace_relaxes_from_1_35_on():
    spec, context = {"hostUsers": False}, GOOD | {"runAsNonRoot": False, "runAsUser": 0}
    assert refused("pss-restricted@1.35", spec, context) == set()
    assert refused("pss-restricted@1.34", spec, context) == {"pss:runAsNonRoot", "pss:runAsUser"}
    unmasked = {"procMount": "Unmasked"}
    assert refused("pss-baseline@1.35", spec, unmasked) == set()
    assert refused("pss-baseline@1.34", spec, unmasked) == {"pss:procMount"}
    assert refused("pss-restricted@1.35", spec, GOOD | unmasked) == {"pss:procMount_restricted"}


def test_a_type_of_selinux_is_a_containers_from_1_31_on():
    context = {"seLinuxOptions": {"type": "container_engine_t"}}
    assert refused("pss-baseline@1.30", context=context) == {"pss:seLinuxOptions"}
    assert refused("pss-baseline@1.31", context=context) == set()


def test_annotations_counted_until_there_were_fields():
    metadata = {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}
    assert refused("pss-baseline@1.18", metadata=metadata) == {"pss:seccompProfile_baseline"}
    assert refused("pss-baseline@1.19", metadata=metadata) == set()
    metadata = {"annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}}
    assert refused("pss-baseline@1.37", metadata=metadata) == {"pss:appArmorProfile"}


def test_a_volume_without_a_kind_is_an_empty_folder():
    assert refused("pss-restricted", {"volumes": [{"name": "v"}]}, GOOD) == set()
    assert refused("pss-restricted", {"volumes": [{"name": "v", "nfs": {}}]}, GOOD) == {"pss:restrictedVolumes"}


def test_the_pod_speaks_for_its_containers():
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    own = {name: GOOD[name] for name in ("allowPrivilegeEscalation", "capabilities")}
    assert refused("pss-restricted", {"securityContext": context}, own) == set()


def test_a_finding_names_its_field():
    spec = {
        "jobTemplate": {
            "spec": {"template": {"spec": {"containers": [{"name": "c", "procMount": "x"}], "hostIPC": True}}}
        }
    }
    (one,) = judge({"kind": "CronJob", "spec": spec}, "pss-baseline")
    assert (one.field, one.message) == ("spec.jobTemplate.spec.template.spec.hostIPC", "hostIPC is true")


@given(
    st.integers(0, 37),
    st.dictionaries(
        st.sampled_from([*GOOD, "privileged", "procMount", "runAsUser"]),
        st.sampled_from([None, True, False, 0, 1, "ALL", "Unmasked", {}, {"add": ["X"]}, {"type": "Unconfined"}, []]),
    ),
)
def test_what_restricted_admits_baseline_admits(minor, context):
    if not refused(f"pss-restricted@1.{minor}", context=context):
        assert not refused(f"pss-baseline@1.{minor}", context=context)


def test_kyverno_knows_no_exemptions():
    spec = {"os": {"name": "windows"}, "hostUsers": False}
    context = {"procMount": "Unmasked", "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}}
    body = {"kind": "Pod", "spec": {**spec, "containers": [{"name": "c", "securityContext": context}]}}
    found = {control for one in judge(body, "kyverno") for control in one.controls}
    assert {
        "kyverno:disallow-proc-mount",
        "kyverno:require-run-as-nonroot",
        "kyverno:require-run-as-non-root-user",
        "kyverno:disallow-privilege-escalation",
        "kyverno:disallow-capabilities-strict",
        "kyverno:restrict-seccomp-strict",
    } <= found
    refused_by = {control for one in judge(body, "pss-restricted") for control in one.controls}
    assert "pss:procMount_restricted" in refused_by
    assert not {"pss:runAsUser", "pss:capabilities_restricted", "pss:seccompProfile_restricted"} & refused_by


@pytest.mark.data
def test_upstream_agrees_on_its_own_fixtures(shared_data):
    folder = shared_data / "kspm" / "pss"
    for line in (folder / "index.jsonl").read_text().splitlines():
        case = json.loads(line)
        pod = yaml.safe_load((folder / case["path"]).read_text())
        found = judge(pod, f"pss-{case['level']}@{case['version']}")
        controls = {control for one in found for control in one.controls}
        if case["expected"] == "pass":
            assert not found, case["path"]
        else:
            assert not case["check"] or f"pss:{case['check']}" in controls, case["path"]
            assert found, case["path"]

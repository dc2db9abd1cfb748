from __future__ import annotations

import pytest

from tests.posture.judging.asking import fields, pod

CONTAINER = "spec.containers[0]"
CONTEXT = f"{CONTAINER}.securityContext"
WINDOWS = "os: {name: windows}"


@pytest.mark.parametrize(
    ("test", "bad", "good", "field"),
    [
        ("host_network", pod("hostNetwork: true"), pod("hostNetwork: false"), "spec.hostNetwork"),
        ("host_pid", pod("hostPID: true"), pod("hostIPC: true"), "spec.hostPID"),
        ("host_ipc", pod("hostIPC: true"), pod("hostPID: true"), "spec.hostIPC"),
        ("host_pid_or_ipc", pod("hostIPC: true"), pod("hostNetwork: true"), "spec.hostIPC"),
        (
            "host_port",
            pod(container="ports: [{containerPort: 1}, {hostPort: 80}]"),
            pod(container="ports: [{containerPort: 80, hostPort: 0}]"),
            f"{CONTAINER}.ports[1].hostPort",
        ),
        (
            "host_process",
            pod("securityContext: {windowsOptions: {hostProcess: true}}"),
            pod(context="{windowsOptions: {hostProcess: false}}"),
            "spec.securityContext.windowsOptions.hostProcess",
        ),
        ("privileged", pod(context="{privileged: true}"), pod(context="{privileged: 'yes'}"), f"{CONTEXT}.privileged"),
        (
            "administers_system",
            pod(context="{capabilities: {add: [CAP_SYS_ADMIN]}}"),
            pod(context="{capabilities: {add: [SYS_TIME], drop: [SYS_ADMIN]}}"),
            f"{CONTEXT}.capabilities.add[0]",
        ),
        (
            "insecure_capabilities",
            pod(context="{capabilities: {add: [SYS_TIME, bpf]}}"),
            pod(context="{capabilities: {add: [NET_BIND_SERVICE]}}"),
            f"{CONTEXT}.capabilities.add[1]",
        ),
        ("raw_sockets", pod(), pod(context="{capabilities: {drop: [all]}}"), f"{CONTEXT}.capabilities.drop"),
        (
            "raw_sockets",
            pod(context="{capabilities: {add: [NET_RAW], drop: [ALL]}}"),
            pod(context="{capabilities: {drop: [NET_RAW]}}"),
            f"{CONTEXT}.capabilities.add",
        ),
        (
            "escalation",
            pod(),
            pod(context="{allowPrivilegeEscalation: false}"),
            f"{CONTEXT}.allowPrivilegeEscalation",
        ),
        ("root", pod(), pod(context="{runAsNonRoot: true, runAsGroup: 1}"), CONTEXT),
        ("root", pod(context="{runAsUser: 0, runAsGroup: 1}"), pod(context="{runAsUser: 5, runAsGroup: 1}"), CONTEXT),
        (
            "root",
            pod("securityContext: {runAsNonRoot: true}", context="{runAsNonRoot: false, runAsGroup: 1}"),
            pod("securityContext: {runAsNonRoot: true, runAsGroup: 1}"),
            CONTEXT,
        ),
        ("root", pod(context="{runAsNonRoot: true}"), pod(context="{runAsUser: 1, runAsGroup: 1}"), CONTEXT),
        (
            "writable_root",
            pod(),
            pod(context="{readOnlyRootFilesystem: true}"),
            f"{CONTEXT}.readOnlyRootFilesystem",
        ),
        ("unhardened", pod(), pod(context="{seccompProfile: {type: RuntimeDefault}}"), CONTEXT),
        (
            "unhardened",
            pod("securityContext: {seccompProfile: {type: Unconfined}}"),
            pod("securityContext: {seLinuxOptions: {type: container_t}}"),
            CONTEXT,
        ),
        ("no_seccomp", pod(), pod("securityContext: {seccompProfile: {type: Localhost}}"), CONTEXT),
        ("no_selinux", pod(), pod(context="{seLinuxOptions: {level: s0}}"), CONTEXT),
        (
            "seccomp_of_another_kind",
            pod("securityContext: {seccompProfile: {type: RuntimeDefault}}", context="{seccompProfile: {type: X}}"),
            pod("securityContext: {seccompProfile: {type: RuntimeDefault}}"),
            CONTEXT,
        ),
        (
            "no_volume_group",
            pod("securityContext: {fsGroup: -1}"),
            pod("securityContext: {fsGroup: 2000}"),
            "spec.securityContext",
        ),
        ("no_volume_group", pod("securityContext: null"), pod(), "spec.securityContext"),
        (
            "no_volume_group_policy",
            pod("securityContext: {fsGroup: 1}"),
            pod("securityContext: {fsGroupChangePolicy: OnRootMismatch}"),
            "spec.securityContext",
        ),
        (
            "root_among_groups",
            pod("securityContext: {supplementalGroups: [5, 0]}"),
            pod("securityContext: {supplementalGroups: [5]}"),
            "spec.securityContext.supplementalGroups",
        ),
        (
            "unsafe_sysctls",
            pod("securityContext: {sysctls: [{name: kernel.msgmax}]}"),
            pod("securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies}]}"),
            "spec.securityContext.sysctls",
        ),
        (
            "no_windows_user",
            pod(WINDOWS),
            pod(WINDOWS, context="{windowsOptions: {runAsUserName: ContainerUser}}"),
            CONTEXT,
        ),
        (
            "no_windows_group_account",
            pod("nodeSelector: {kubernetes.io/os: windows}"),
            pod("nodeSelector: {kubernetes.io/os: linux}"),
            CONTEXT,
        ),
        (
            "sudo",
            pod(container="command: [sh, -c, 'cd / && sudo run']"),
            pod(container="args: [--pseudo]"),
            f"{CONTAINER}.command[2]",
        ),
    ],
)
def test_a_pod_breaks_a_rule_or_keeps_it(test, bad, good, field):
    assert fields(f"kubescape_pods.{test}", bad) == [field]
    assert fields(f"kubescape_pods.{test}", good) == []


def test_a_policy_that_forbids_escalation_speaks_for_the_pods():
    policy = "{kind: PodSecurityPolicy, metadata: {name: p}, spec: {allowPrivilegeEscalation: false}}"
    assert fields("kubescape_pods.escalation", pod(), policy) == []


def test_a_mask_of_proc_is_asked_for_where_the_cluster_can_take_it_away():
    report = "{kind: ControlPlaneInfo, data: {APIServerInfo: {cmdLine: --feature-gates=ProcMountType=true}}}"
    assert fields("kubescape_pods.proc_mount", pod()) == []
    assert fields("kubescape_pods.proc_mount", pod(), report) == [CONTEXT]
    assert fields("kubescape_pods.proc_mount", pod(context="{procMount: Default}"), report) == []


def test_init_containers_are_looked_at_where_they_can_do_harm():
    body = "{kind: Pod, spec: {initContainers: [{name: a, securityContext: {privileged: true}}]}}"
    assert fields("kubescape_pods.privileged", body) == ["spec.initContainers[0].securityContext.privileged"]


def test_an_old_annotation_of_apparmor_is_hardening():
    body = (
        "{kind: Pod, metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/c: runtime/default}},"
        " spec: {containers: [{name: c}]}}"
    )
    assert fields("kubescape_pods.unhardened", body) == []

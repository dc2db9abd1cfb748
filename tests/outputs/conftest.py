"""A few alerts, written by hand: the usual, the rule's, and one whose every value is an attack on the reader."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from plimsoll.outputs import findings
from plimsoll.paths.answer import Answer, Question
from plimsoll.posture.check import Check, Judged
from plimsoll.posture.engine import Finding
from plimsoll.posture.objects import Object
from tests.paths.clusters import bind, model, pod, thing


@pytest.fixture
def stolen_token():
    return {
        "id": "3fa9c1d27e",
        "time": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "subject": "sa:ci/deployer",
        "title": "Reads secrets of a namespace it has never touched",
        "severity": "critical",
        "bits": 27.43,
        "why": [
            "never before: list secrets in kube-system; 3,120 requests since 2025-12-19, all in ci and shop",
            "none of its 11 peers does it",
            "from 203.0.113.0/24, where it was never seen",
            "with a client it never used: curl",
            "at night",
        ],
        "evidence": ["8a1f0c6e-0001", "8a1f0c6e-0002"],
        "attack": ["T1552.007", "T1078"],
        "kind": "deviation",
        "controls": [],
        "maturity": "learning",
        "facts": ["request list secrets"],
    }


@pytest.fixture
def webhook_created():
    return {
        "id": "b0",
        "time": datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
        "subject": "user:mallory@example.org",
        "title": "Admission webhook created",
        "severity": "medium",
        "bits": None,
        "why": ["create validatingwebhookconfigurations"],
        "evidence": ["77"],
        "attack": ["T1546"],
        "kind": "rule",
        "controls": ["panther:Kubernetes.AdmissionController.Created"],
        "maturity": "unknown",
        "facts": ["request list secrets"],
    }


@pytest.fixture
def hostile():
    return {
        "id": "c1\x1b[2J",
        "time": datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC),
        "subject": "shop/Deployment/web:app",
        "title": "[bold]ran[/bold] \x1b[31m/bin/sh\nH  2026-01-02 \u202egnp.exe :skull: \x9b31m\x7f",
        "severity": "high",
        "bits": 12.0,
        "why": ["x" * 130, "\ud800 <script>alert(1)</script>"],
        "evidence": [],
        "attack": ["T0000"],
        "kind": "chain",
        "controls": [],
        "maturity": "mature",
        "facts": ["request list secrets"],
    }


@pytest.fixture
def some_alerts(stolen_token, webhook_created, hostile):
    return [stolen_token, webhook_created, hostile]


@pytest.fixture
def scanned():
    """What a scan found: the usual, and what is an attack on the reader."""
    grave = Check(
        "A container is privileged",
        "Root in it is root on the node.",
        "Take privileged away.",
        "critical",
        (Judged("pods.privileged", ("pss:privileged", "cis:5.2.2")),),
        ("T1611",),
        {"securityContext": {"privileged": False}},
        "container-privileged",
    )
    low = Check("Odd <b>name</b>", "It is odd.", "Name it well.", "low", (), id="odd-name")
    silent = Check("Nothing", "Nothing.", "Nothing.", "high", (), id="silent")
    web = Object(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}, "a.yaml", 3
    )
    evil = {"kind": "Pod\x1b", "metadata": {"name": "<script>alert(1)</script>\n\u202e", "namespace": "]]>&\x00\ud800"}}
    hostile = Object(evil, "../é \x07.yaml")
    found = [
        Finding(low, hostile, "metadata.name", "named '\"><img src=x>'", ()),
        Finding(grave, web, "spec.template.spec.containers[0]", "container app is privileged", ("pss:privileged",), 9),
        Finding(low, web, "", "odd", ("own:1",)),
    ]
    coverage = findings.Coverage(2, 3, 1, 4, ("b.yaml:7: no <YAML>",), 1)
    return findings.Report(found, lambda: coverage, (grave, low, silent), datetime(2026, 6, 1, tzinfo=UTC), "/repo")


@pytest.fixture
def nothing_found(scanned):
    return scanned._replace(findings=[], coverage=lambda: findings.Coverage(2, 3))


@pytest.fixture
def found() -> Answer:
    """Return what leads from the Internet to all rights of a small cluster."""
    service = thing(
        "Service", "s", "a", spec={"type": "LoadBalancer", "selector": {"app": "p"}, "ports": [{"port": 80}]}
    )
    told = model(pod("p", serviceAccountName="x"), service, bind("b", "ClusterRole/cluster-admin", "SA:a/x"))
    return Answer(told, Question(("Internet",), ("Sink:cluster-admin",)))

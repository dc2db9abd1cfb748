from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plimsoll.context.statements import Said, Silent
from tests.context.said import at, said


def audit(verb: str = "patch", when: str = "2026-03-04T11:00:00.000000Z", **fields: Any) -> dict[str, Any]:
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "a1",
        "stage": "ResponseComplete",
        "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web",
        "verb": verb,
        "user": {"username": "ann@acme.example", "groups": ["system:authenticated"]},
        "sourceIPs": ["203.0.113.7"],
        "objectRef": {
            "resource": "deployments",
            "namespace": "shop",
            "name": "web",
            "apiGroup": "apps",
            "apiVersion": "v1",
        },
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": when,
        "stageTimestamp": when,
        **fields,
    }


def of_log(folder: Path, *events: dict[str, Any]) -> Said:
    (folder / "audit.log").write_text("".join(json.dumps(one) + "\n" for one in events))
    return said("rollouts", audit=[str(folder / "audit.log")])


def of_objects(folder: Path, *objects: dict[str, Any]) -> Said:
    (folder / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return said("rollouts", objects=[str(folder / "objects.json")])


def test_whoever_changed_a_workload_rolled_it_out(tmp_path: Path) -> None:
    told = of_log(tmp_path, audit()).statements[0]
    assert (told.kind, told.creator, told.scope) == ("rollout", "ann@acme.example", ("shop/Deployment/web",))
    assert (told.since, told.until) == (at("2026-03-04T11:00"), at("2026-03-04T11:30"))


@pytest.mark.parametrize(
    "event",
    [
        audit("get"),
        audit("delete"),
        audit(stage="RequestReceived"),
        audit(responseStatus={"code": 403}),
        audit(when="2026-01-01T00:00:00Z"),
        audit(when="2026-03-05T00:00:00Z"),
        audit(objectRef={"resource": "deployments", "subresource": "scale", "namespace": "shop", "name": "web"}),
        audit(objectRef={"resource": "configmaps", "namespace": "shop", "name": "web"}),
    ],
)
def test_what_changes_no_workload_now_is_no_rollout(event: dict[str, Any], tmp_path: Path) -> None:
    assert of_log(tmp_path, event).statements == []


def test_an_application_of_argo_says_what_it_applied(tmp_path: Path) -> None:
    status = {
        "operationState": {
            "phase": "Succeeded",
            "finishedAt": "2026-03-04T11:00:00Z",
            "syncResult": {"revision": "abc"},
        },
        "resources": [
            {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"},
            {"kind": "ConfigMap", "namespace": "shop", "name": "x"},
        ],
    }
    app = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
    }
    told = of_objects(tmp_path, app | {"status": status}).statements
    assert [(one.scope, one.creator) for one in told] == [(("shop/Deployment/web",), "Application/argocd/shop")]
    assert told[0].until == at("2026-03-04T11:00") + timedelta(minutes=30)
    status["operationState"]["phase"] = "Failed"  # type: ignore[index]
    assert of_objects(tmp_path, app | {"status": status}).statements == []


def application(**operation: Any) -> dict[str, Any]:
    state = {"phase": "Succeeded", "finishedAt": "2026-03-04T11:00:00Z", "operation": operation}
    resources = [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"}]
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    return head | {
        "metadata": {"name": "shop", "namespace": "argocd"},
        "status": {"operationState": state, "resources": resources},
    }


@pytest.mark.parametrize(
    ("began", "creator"),
    [
        ({"automated": True}, ["Application/argocd/shop"]),
        ({"username": "ann@acme.example"}, ["ann@acme.example"]),
        ({"username": "somebody"}, []),
        ({}, ["Application/argocd/shop"]),
    ],
)
def test_a_sync_begun_by_hand_is_that_persons_and_of_nobody_where_he_cannot_be_named(
    began: dict[str, Any], creator: list[str], tmp_path: Path
) -> None:
    assert [one.creator for one in of_objects(tmp_path, application(initiatedBy=began)).statements] == creator


LABELS = {
    "argocd.argoproj.io/instance": "shop",
    "kustomize.toolkit.fluxcd.io/name": "shop",
    "kustomize.toolkit.fluxcd.io/namespace": "argocd",
    "helm.toolkit.fluxcd.io/name": "shop",
    "helm.toolkit.fluxcd.io/namespace": "argocd",
}


def test_labels_alone_make_nothing_part_of_an_application(tmp_path: Path) -> None:
    forged = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "evil", "namespace": "shop", "labels": LABELS},
        "spec": {"template": {"metadata": {"labels": LABELS}}},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "evil", "namespace": "shop", "labels": LABELS}}
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "status": {"history": [{"status": "deployed", "lastDeployed": "2026-03-04T10:00:00Z"}]},
    }
    told = of_objects(tmp_path, application(), release, forged, pod).statements
    assert [one.scope for one in told] == [("shop/Deployment/web",)]


def test_a_kustomization_and_a_release_of_flux_say_what_they_applied(tmp_path: Path) -> None:
    kustomization = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "shop", "namespace": "flux-system"},
        "status": {
            "lastAppliedRevision": "main@sha1:abc",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-04T11:00:00Z"}],
            "inventory": {
                "entries": [{"id": "shop_web_apps_Deployment", "v": "v1"}, {"id": "shop_x__ConfigMap", "v": "v1"}]
            },
        },
    }
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "db", "namespace": "shop"},
        "status": {
            "history": [{"status": "deployed", "lastDeployed": "2026-03-04T10:00:00Z", "chartVersion": "1.2.3"}]
        },
    }
    owner = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "name": "db",
        "uid": "u",
        "controller": True,
    }
    db = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "ownerReferences": [owner]},
    }
    told = of_objects(tmp_path, kustomization, release, db).statements
    assert [one.scope for one in told] == [("shop/StatefulSet/db",), ("shop/Deployment/web",)]


@pytest.mark.parametrize("status", [None, {}, 7, {"operationState": "x"}, {"operationState": {"phase": "Succeeded"}}])
def test_a_status_that_is_none_is_no_rollout(status: Any, tmp_path: Path) -> None:
    app = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "status": status}
    assert of_objects(tmp_path, app).statements == []


def test_a_log_that_is_none_is_silence(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nothing\n")
    with pytest.raises(Silent):
        said("rollouts", audit=[str(tmp_path / "x")])
    with pytest.raises(ValueError, match="audit"):
        said("rollouts")

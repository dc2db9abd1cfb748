from __future__ import annotations

import re

import yaml

from plimsoll.outputs import openreports, places


def documents(report):
    return list(yaml.safe_load_all("".join(openreports.report(report, places.Place()))))


def test_each_object_has_a_report(scanned):
    web, hostile = documents(scanned)
    assert (web["apiVersion"], web["kind"], web["metadata"]["namespace"]) == (
        "openreports.io/v1alpha1",
        "Report",
        "shop",
    )
    assert web["scope"] == {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"}
    assert web["summary"] == {"pass": 0, "fail": 2, "warn": 0, "error": 0, "skip": 0}
    assert re.fullmatch(r"[a-z0-9-]+", hostile["metadata"]["name"])


def test_results_have_what_the_api_demands(scanned):
    for report in documents(scanned):
        for result in report["results"]:
            assert result["policy"]
            assert result["result"] == "fail"
            assert result["severity"] in {"critical", "high", "medium", "low", "info"}
            assert result["timestamp"] == {"seconds": 1780272000, "nanos": 0}
            assert all(isinstance(value, str) for value in result["properties"].values())


def test_a_report_stays_below_what_the_cluster_holds(scanned, monkeypatch):
    monkeypatch.setattr(openreports, "MOST", 1)
    web, _ = documents(scanned)
    assert len(web["results"]) == 1
    assert web["summary"]["fail"] == 2


def test_without_findings_there_is_no_report(nothing_found):
    assert documents(nothing_found) == []

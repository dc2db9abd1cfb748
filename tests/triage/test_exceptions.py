"""Exceptions that Falco would load, and none where one would be dangerous."""

from __future__ import annotations

from plimsoll.outputs import yaml_document
from plimsoll.rules import ruleset
from plimsoll.triage import exceptions
from plimsoll.triage.memory import Case, Part

DETAILS = (("command", "sh -c id *"), ("exe", "/bin/sh"), ("image", "registry/web"), ("parent", "/usr/bin/app"))


def case(title="Run shell untrusted", *, verdict="benign", details=DETAILS, actor="", workload="shop/Deployment/web"):
    part = Part(keys=("", "", "", ""), title=title, rule="shell", severity="low", details=details)
    return Case("c", "signature", title, workload, actor, "low", 0, 0, verdict=verdict, parts={"k": part})


def test_an_exception_has_the_fields_a_verdict_spoke_of():
    [entry] = exceptions.suggested([case()])
    [one] = entry["exceptions"]
    assert one["fields"] == [
        "k8s.ns.name",
        "container.image.repository",
        "proc.exepath",
        "proc.pexepath",
        "proc.cmdline",
    ]
    assert one["comps"] == ["=", "=", "=", "=", "glob"]
    assert one["values"] == [["shop", "registry/web", "/bin/sh", "/usr/bin/app", "sh -c id *"]]


def test_falcos_own_loader_takes_it():
    rule = "- rule: Run shell untrusted\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: NOTICE\n"
    suggested = yaml_document.document(
        exceptions.suggested([case(), case(workload="lab/Pod/x", verdict="false_positive")])
    )
    rules = ruleset.load([("stock.yaml", rule), ("suggested.yaml", suggested)])
    assert rules.loads, rules.problems


def test_nothing_is_suggested_for_what_must_stay_loud():
    refused = [
        case("Clear Log Activities"),
        case(verdict="true_positive"),
        case(verdict=""),
        case(actor="bob"),
        case(details=()),
        case(details=(("image", "registry/web"),)),
    ]
    assert exceptions.suggested(refused) == []


def test_the_same_is_suggested_once():
    [entry] = exceptions.suggested([case(), case()])
    assert len(entry["exceptions"][0]["values"]) == 1

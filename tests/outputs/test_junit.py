from __future__ import annotations

from xml.etree import ElementTree

from plimsoll.outputs import junit, places


def suites(report):
    return ElementTree.fromstring("".join(junit.report(report, places.Place())))


def test_counts_are_those_of_the_cases(scanned, nothing_found):
    for report in (scanned, nothing_found):
        top = suites(report)
        assert int(top.get("tests")) == len(top.findall(".//testcase"))
        assert int(top.get("failures")) == len(top.findall(".//failure"))
        assert int(top.get("errors")) == len(top.findall(".//error"))
        for suite in top:
            assert int(suite.get("tests")) == len(suite.findall("testcase"))


def test_a_check_without_findings_has_passed(scanned):
    (silent,) = [suite for suite in suites(scanned) if suite.get("name").startswith("silent")]
    assert [case.find("failure") for case in silent] == [None]


def test_a_failure_says_where_and_what_to_do(scanned):
    (failure,) = [one for one in suites(scanned).iter("failure") if one.get("type") == "critical"]
    assert failure.get("message") == "container app is privileged"
    assert "a.yaml:9" in failure.text
    assert "Take privileged away." in failure.text

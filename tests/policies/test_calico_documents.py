"""What Calico's NetworkPolicy says, and what of it is not judged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import addresses, calico_documents, policy, ports, selectors
from plimsoll.policies.policy import Block, Pods, Workload


def read(**spec: Any) -> policy.Policy:
    return calico_documents.read(json.dumps({"spec": spec}), "shop", "web")


def ingress(**rule: Any) -> policy.Rule:
    (found,) = read(ingress=[{"action": "Allow", **rule}]).ingress or ()
    return found


@pytest.mark.parametrize(
    ("spec", "ways"),
    [
        ({}, (True, False)),
        ({"egress": [{"action": "Allow"}]}, (False, True)),
        ({"ingress": [{"action": "Allow"}], "egress": [{"action": "Allow"}]}, (True, True)),
        ({"types": ["Egress"]}, (False, True)),
    ],
)
def test_ways_that_are_not_told_are_those_that_have_rules(spec: dict[str, Any], ways: tuple[bool, bool]) -> None:
    told = read(**spec)
    assert (told.ingress is not None, told.egress is not None) == ways


def test_a_selector_is_of_its_own_namespace_unless_it_names_others() -> None:
    (near,) = ingress(source={"selector": "app == 'x'"}).peers or ()
    (far,) = ingress(source={"selector": "app == 'x'", "namespaceSelector": "team == 'a'"}).peers or ()
    assert isinstance(near, Pods)
    assert isinstance(far, Pods)
    one = Workload("data", "Pod", "x", (("app", "x"),))
    assert (near.has(one, {}), far.has(one, {"team": "a"})) == (False, True)
    assert ingress().peers is None


def test_nets_are_addresses_without_some() -> None:
    (block,) = ingress(source={"nets": ["10.0.0.0/30"], "notNets": ["10.0.0.0/31"]}).peers or ()
    assert isinstance(block, Block)
    assert addresses.written(block.addresses) == ["10.0.0.2-10.0.0.3"]


def test_ports_are_numbers_names_and_ranges_of_a_protocol() -> None:
    rule = ingress(protocol="TCP", destination={"ports": [80, "8000:8100", "http"]})
    web = Workload("shop", "Pod", "web", ports=(policy.NamedPort("http", "TCP", 8080),))
    assert ports.written(rule.of(web)) == "TCP 80,8000-8100"
    assert ports.written(ingress(protocol=17).of(web)) == "UDP 1-65535"
    assert ingress(protocol="ICMP").of(web) == ()
    assert ingress().of(web) == ports.ALL_PORTS


@pytest.mark.parametrize(
    ("text", "selects"),
    [
        ("", True),
        ("all()", True),
        ("app == 'web' && tier != \"db\"", True),
        ("app in {'web', 'api'} && has(app)", True),
        ("app not in {'api'} && !has(old)", True),
        ("!has(app)", False),
    ],
)
def test_terms_must_all_hold(text: str, selects: bool) -> None:
    assert selectors.selects(calico_documents.selector(text), {"app": "web"}) is selects


@pytest.mark.parametrize(
    "text",
    ["a == 'b' || c == 'd'", "(a == 'b')", "a contains 'b'", "a ==", "a in {'b'", "a == b", "&&", "\u00e9 == 'x'"],
)
def test_what_is_more_than_terms_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        calico_documents.selector(text)


@given(st.text(alphabet="ab()!&|{}'\", =has", max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        calico_documents.selector(text)
    except ValueError:
        return


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "Deny"},
        {"action": "Allow", "source": {"serviceAccounts": {}}},
        {"action": "Allow", "destination": {"selector": "all()"}},
        {"action": "Allow", "protocol": "TCP", "source": {"ports": [80]}},
        {"action": "Allow", "source": {"nets": ["10.0.0.0/8"], "selector": "all()"}},
        {"action": "Allow", "destination": {"ports": [80]}},
        {"action": "Allow", "protocol": "TCP", "destination": {"ports": ["9:1"]}},
    ],
)
def test_what_is_not_judged_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(ingress=[rule])

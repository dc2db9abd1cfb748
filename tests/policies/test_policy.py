"""What a policy is made of."""

from __future__ import annotations

from plimsoll.policies import addresses, policy, ports

WEB = policy.Workload("shop", "Deployment", "web", policy.labels({"app": "web"}))


def test_ends_are_written_as_others_write_them() -> None:
    assert WEB.text == "shop/web[Deployment]"
    assert policy.External(addresses.network("10.0.0.0/8")).text == "10.0.0.0-10.255.255.255[External]"


def test_a_rule_without_ports_speaks_of_all_and_one_with_unknown_names_of_none() -> None:
    everything = policy.Rule("r", "allow", None, None)
    named = policy.Rule("r", "allow", None, (policy.PortRange("TCP", name="http"),))
    assert everything.of(WEB) == ports.ALL_PORTS
    assert named.of(WEB) == named.of(policy.External(addresses.IPV4)) == ports.NO_PORTS


def test_a_cluster_wide_policy_has_no_namespace_in_its_name() -> None:
    subject = policy.Pods(None, (), ())
    wide = policy.Policy("AdminNetworkPolicy", "", "deny", "admin", 1, subject, (), None)
    assert (wide.text, wide.rules("ingress"), wide.rules("egress")) == ("AdminNetworkPolicy deny", (), None)
    assert subject.has(WEB, {})
    assert not subject.has(policy.External(addresses.IPV4), {})

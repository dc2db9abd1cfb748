"""Small clusters made at random, and a naive judge of single connections straight from the documents."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, NamedTuple

import polars as pl
from hypothesis import strategies as st

from plimsoll import frames, tables

Document = dict[str, Any]
NAMES, KEYS, VALUES = ("a", "b"), ("app", "tier"), ("x", "y")
PORTS = (80, 81, 443)
PORT_NAMES = ("http", "web")
PROTOCOLS = ("TCP", "UDP", "SCTP")
BLOCKS = ("10.0.0.0/8", "10.0.0.0/24", "10.0.0.1/32", "0.0.0.0/0", "192.0.2.0/24")
OUTSIDE = ("10.0.0.9", "192.0.2.7", "8.8.8.8")

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
requirements = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn")),
        st.lists(st.sampled_from(VALUES), min_size=1, unique=True),
    ),
    st.builds(
        lambda key, operator: {"key": key, "operator": operator},
        st.sampled_from(KEYS),
        st.sampled_from(("Exists", "DoesNotExist")),
    ),
)
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": labels, "matchExpressions": st.lists(requirements, max_size=2)}
)
blocks = st.sampled_from(BLOCKS).map(
    lambda cidr: {"cidr": cidr, **({"except": ["10.0.0.0/30"]} if cidr in BLOCKS[:2] else {})}
)
peers = st.one_of(
    selectors.map(lambda one: {"podSelector": one}),
    selectors.map(lambda one: {"namespaceSelector": one}),
    st.builds(lambda one, other: {"namespaceSelector": one, "podSelector": other}, selectors, selectors),
    blocks.map(lambda one: {"ipBlock": one}),
)
protocols = st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(PROTOCOLS)})
ports = st.one_of(
    protocols,
    st.builds(lambda one, port: {**one, "port": port}, protocols, st.sampled_from((*PORTS, *PORT_NAMES))),
    protocols.map(lambda one: {**one, "port": 80, "endPort": 90}),
)


def rules(way: str) -> st.SearchStrategy[list[Document]]:
    """Rules of a NetworkPolicy."""
    one = st.fixed_dictionaries({}, optional={way: st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)})
    return st.lists(one, max_size=2)


specs = st.fixed_dictionaries(
    {"podSelector": selectors},
    optional={
        "ingress": rules("from"),
        "egress": rules("to"),
        "policyTypes": st.lists(st.sampled_from(("Ingress", "Egress")), unique=True, min_size=1),
    },
)
policies = st.builds(
    lambda namespace, spec: _object("NetworkPolicy", "it", namespace, "networking.k8s.io/v1", spec=spec),
    st.sampled_from(NAMES),
    specs,
)
wide_peers = st.one_of(
    selectors.map(lambda one: {"namespaces": one}),
    st.builds(lambda one, other: {"pods": {"namespaceSelector": one, "podSelector": other}}, selectors, selectors),
)
wide_ports = st.one_of(
    st.builds(
        lambda port, protocol: {"portNumber": {"port": port, "protocol": protocol}},
        st.sampled_from(PORTS),
        st.sampled_from(PROTOCOLS),
    ),
    st.sampled_from(PORT_NAMES).map(lambda name: {"namedPort": name}),
    st.just({"portRange": {"start": 80, "end": 90, "protocol": "TCP"}}),
)


def wide_rules(way: str, others: st.SearchStrategy[Document]) -> st.SearchStrategy[list[Document]]:
    """Rules of a cluster-wide policy."""
    one = st.fixed_dictionaries(
        {"action": st.sampled_from(("Allow", "Deny", "Pass")), way: st.lists(others, min_size=1, max_size=2)},
        optional={"ports": st.lists(wide_ports, max_size=2)},
    )
    return st.lists(one, max_size=3)


networks = st.sampled_from(BLOCKS).map(lambda cidr: {"networks": [cidr]})
wide_specs = st.fixed_dictionaries(
    {"subject": wide_peers, "priority": st.integers(0, 3)},
    optional={"ingress": wide_rules("from", wide_peers), "egress": wide_rules("to", st.one_of(wide_peers, networks))},
)
wide_policies = st.builds(
    lambda kind, spec: _object(kind, "wide", "", "policy.networking.k8s.io/v1alpha1", spec=spec),
    st.sampled_from(("AdminNetworkPolicy", "BaselineAdminNetworkPolicy")),
    wide_specs,
)
pods = st.lists(
    st.builds(
        lambda namespace, told, named: (namespace, told, named),
        st.sampled_from(NAMES),
        labels,
        st.lists(
            st.builds(
                lambda name, port, protocol: {"name": name, "containerPort": port, "protocol": protocol},
                st.sampled_from(PORT_NAMES),
                st.sampled_from(PORTS),
                st.sampled_from(PROTOCOLS),
            ),
            max_size=2,
        ),
    ),
    min_size=1,
    max_size=4,
).map(lambda told: [_pod(number, *one) for number, one in enumerate(told)])
namespaces = st.tuples(labels, labels).map(
    lambda told: [_object("Namespace", name, "", "v1", labels=one) for name, one in zip(NAMES, told, strict=True)]
)
clusters = st.builds(
    lambda *parts: [document for part in parts for document in part],
    namespaces,
    pods,
    st.lists(policies, max_size=3),
    st.lists(wide_policies, max_size=2, unique_by=lambda one: (one["kind"], one["spec"]["priority"])),
)


def _object(
    kind: str, name: str, namespace: str, api: str, *, labels: Document | None = None, **rest: object
) -> Document:
    metadata = {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        **({"labels": labels} if labels else {}),
    }
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def _pod(number: int, namespace: str, told: Document, named: list[Document]) -> Document:
    spec = {"containers": [{"name": "c", "ports": named}]}
    status = {"podIP": f"10.0.0.{number + 1}"}
    return _object("Pod", f"p{number}", namespace, "v1", labels=told, spec=spec, status=status)


def frame(documents: list[Document]) -> pl.DataFrame:
    """The documents as a frame of tables.OBJECTS, as plimsoll.cluster makes it."""
    rows = [
        {
            "apiVersion": one["apiVersion"],
            "kind": one["kind"],
            "namespace": one["metadata"].get("namespace", ""),
            "name": one["metadata"]["name"],
            "labels": [f"{key}={value}" for key, value in one["metadata"].get("labels", {}).items()],
            "ips": [one["status"]["podIP"]] if "podIP" in one.get("status", {}) else [],
            "object": json.dumps(one),
        }
        for one in documents
    ]
    return frames.of_rows(tables.OBJECTS, rows)


class Judge(NamedTuple):
    """Judges one connection at a time by reading the documents anew, rule by rule."""

    documents: list[Document]
    ip_blocks: str = "external-only"

    def allows(self, source: Document | str, destination: Document | str, protocol: str, port: int) -> bool:
        """Both ways must allow it."""
        asked = (destination, protocol, port)
        return self._way("egress", "to", source, destination, asked) and self._way(
            "ingress", "from", destination, source, asked
        )

    def _way(self, way: str, key: str, subject: Any, peer: Any, asked: Any) -> bool:
        if isinstance(subject, str):
            return True
        said = self._ordered("AdminNetworkPolicy", way, key, subject, peer, asked)
        if said in ("Allow", "Deny"):
            return said == "Allow"
        about = [one for one in self.documents if one["kind"] == "NetworkPolicy" and self._is_about(one, way, subject)]
        if about:
            return any(self._granted(one, rule, key, peer, asked) for one in about for rule in one["spec"].get(way, []))
        return self._ordered("BaselineAdminNetworkPolicy", way, key, subject, peer, asked) != "Deny"

    def _ordered(self, kind: str, way: str, key: str, subject: Any, peer: Any, asked: Any) -> str:
        wide = [one for one in self.documents if one["kind"] == kind and self._wide(one["spec"]["subject"], subject)]
        for one in sorted(wide, key=lambda one: one["spec"]["priority"]):
            for rule in one["spec"].get(way, []):
                if any(self._wide(other, peer) for other in rule[key]) and (
                    not rule.get("ports") or any(_wide_port(port, *asked) for port in rule["ports"])
                ):
                    return rule["action"]
        return "nothing"

    def _wide(self, peer: Document, end: Any) -> bool:
        if "networks" in peer:
            return any(self._in_block({"cidr": cidr}, end) for cidr in peer["networks"])
        if isinstance(end, str):
            return False
        chosen = peer.get("pods") or {"namespaceSelector": peer["namespaces"], "podSelector": {}}
        return _selects(chosen["namespaceSelector"], self._namespace(end)) and _selects(
            chosen["podSelector"], end["metadata"].get("labels", {})
        )

    def _is_about(self, policy: Document, way: str, pod: Document) -> bool:
        spec = policy["spec"]
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        same = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        return way.capitalize() in types and same and _selects(spec["podSelector"], pod["metadata"].get("labels", {}))

    def _granted(self, policy: Document, rule: Document, key: str, peer: Any, asked: Any) -> bool:
        fits = not rule.get(key) or any(self._peer(policy, one, peer) for one in rule[key])
        return fits and (not rule.get("ports") or any(_port(one, *asked) for one in rule["ports"]))

    def _peer(self, policy: Document, peer: Document, end: Any) -> bool:
        if "ipBlock" in peer:
            return self._in_block(peer["ipBlock"], end)
        if isinstance(end, str):
            return False
        if "namespaceSelector" in peer:
            if not _selects(peer["namespaceSelector"], self._namespace(end)):
                return False
        elif end["metadata"]["namespace"] != policy["metadata"]["namespace"]:
            return False
        return _selects(peer.get("podSelector", {}), end["metadata"].get("labels", {}))

    def _in_block(self, block: Document, end: Any) -> bool:
        if not isinstance(end, str):
            if self.ip_blocks != "all":
                return False
            end = end["status"]["podIP"]
        address = ipaddress.ip_address(end)
        inside = address in ipaddress.ip_network(block["cidr"])
        return inside and not any(address in ipaddress.ip_network(cidr) for cidr in block.get("except", []))

    def _namespace(self, pod: Document) -> Document:
        name = pod["metadata"]["namespace"]
        told = next(one for one in self.documents if one["kind"] == "Namespace" and one["metadata"]["name"] == name)
        return {"kubernetes.io/metadata.name": name, **told["metadata"].get("labels", {})}


def _selects(selector: Document, told: Document) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if told.get(key) != value:
            return False
    for term in selector.get("matchExpressions", []):
        key, values = term["key"], term.get("values", [])
        match term["operator"]:
            case "In" if told.get(key) not in values:
                return False
            case "NotIn" if key in told and told[key] in values:
                return False
            case "Exists" if key not in told:
                return False
            case "DoesNotExist" if key in told:
                return False
    return True


def _named(end: Any, name: str, protocol: str, port: int) -> bool:
    told = [] if isinstance(end, str) else end["spec"]["containers"][0]["ports"]
    return {"name": name, "containerPort": port, "protocol": protocol} in told


def _port(entry: Document, end: Any, protocol: str, port: int) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    wanted = entry.get("port")
    if isinstance(wanted, str):
        return _named(end, wanted, protocol, port)
    return wanted is None or wanted <= port <= entry.get("endPort", wanted)


def _wide_port(entry: Document, end: Any, protocol: str, port: int) -> bool:
    if "portNumber" in entry:
        return entry["portNumber"] == {"port": port, "protocol": protocol}
    if "portRange" in entry:
        return protocol == "TCP" and 80 <= port <= 90
    return _named(end, entry["namedPort"], protocol, port)

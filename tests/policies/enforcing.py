"""Pods as network namespaces around a node's, with NetworkPolicies compiled to nftables in the node's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml

SERVE = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    chosen.register(socket.create_server(("", port)), selectors.EVENT_READ)
print("up", flush=True)
while True:
    for key, _ in chosen.select():
        key.fileobj.accept()[0].close()
"""
CALL = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5).close()"
ROUTER = "169.254.1.1"


class Pod(NamedTuple):
    """A pod of the test."""

    namespace: str
    name: str
    address: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]


def missing() -> str:
    """Say what this machine lacks for it, nothing where it lacks nothing."""
    lacking = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if lacking or os.geteuid() != 0:
        return f"{' and '.join(lacking)} not found" if lacking else "only root may make network namespaces"
    name = f"plimsoll-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        return "network namespaces cannot be made here"
    loads = subprocess.run(
        ["ip", "netns", "exec", name, "nft", "add", "table", "inet", "probe"], capture_output=True, check=False
    )
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return "nftables cannot be loaded here" if loads.returncode else ""


class Net:
    """A node, pods on it, and a world outside: all ends are routed through the node, as Calico does it."""

    def __init__(self, ends: Mapping[str, str], ports: tuple[int, ...]) -> None:
        self._prefix, self._ends, self._ports = f"plimsoll-{os.getpid()}", ends, ports
        self._servers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self._ns("node"))
        self._in("node", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for number, (name, address) in enumerate(self._ends.items()):
            self._join(name, address, f"v{number}")
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.kill()
            server.communicate()
        for name in ("node", *self._ends):
            subprocess.run(["ip", "netns", "delete", self._ns(name)], capture_output=True, check=False)

    def _ns(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def _in(self, name: str, *command: str, **more: Any) -> None:
        _run("ip", "netns", "exec", self._ns(name), *command, **more)

    def _join(self, name: str, address: str, link: str) -> None:
        """Make an end with one link to the node, through which it reaches everybody."""
        _run("ip", "netns", "add", self._ns(name))
        pair = ("type", "veth", "peer", "name", "eth0", "netns", self._ns(name))
        _run("ip", "-n", self._ns("node"), "link", "add", link, *pair)
        _run("ip", "-n", self._ns("node"), "address", "add", f"{ROUTER}/32", "dev", link)
        _run("ip", "-n", self._ns("node"), "link", "set", link, "up")
        _run("ip", "-n", self._ns("node"), "route", "add", address, "dev", link)
        _run("ip", "-n", self._ns(name), "address", "add", f"{address}/32", "dev", "eth0")
        _run("ip", "-n", self._ns(name), "link", "set", "eth0", "up")
        _run("ip", "-n", self._ns(name), "route", "add", ROUTER, "dev", "eth0", "scope", "link")
        _run("ip", "-n", self._ns(name), "route", "add", "default", "via", ROUTER, "dev", "eth0")
        command = ["ip", "netns", "exec", self._ns(name), sys.executable, "-S", "-c", SERVE, *map(str, self._ports)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == b"up\n"

    def reaches(self, source: str, destination: str, port: int) -> bool:
        """Say whether one end can open a connection to another."""
        call = [sys.executable, "-S", "-c", CALL, self._ends[destination], str(port)]
        done = subprocess.run(["ip", "netns", "exec", self._ns(source), *call], capture_output=True, check=False)
        return done.returncode == 0

    def enforce(self, rules: str) -> None:
        """Load rules into the node."""
        self._in("node", "nft", "-f", "-", input=rules.encode())


def _run(*command: str, **more: Any) -> None:
    subprocess.run(command, check=True, capture_output=True, **more)


def rules(folder: Path, pods: list[Pod]) -> str:
    """Return the policies of a folder as nftables rules over these pods: each has a chain for each way."""
    policies = [policy for path in sorted(folder.rglob("*.yaml")) for policy in yaml.safe_load_all(path.read_text())]
    hooks, chains = [], []
    for number, pod in enumerate(pods):
        for way, address in (("Egress", "saddr"), ("Ingress", "daddr")):
            ruling = [policy for policy in policies if _about(policy, pod, way)]
            if ruling:
                name = f"{way.lower()}{number}"
                hooks.append(f"ip {address} {pod.address} jump {name}")
                allowed = [f"{line} return" for policy in ruling for line in _allowed(policy, way, pod, pods)]
                chains.append("\n".join([f"chain {name} {{", *allowed, "drop", "}"]))
    head = "type filter hook forward priority 0; policy accept;\nct state established,related accept"
    return "\n".join(["table inet plimsoll {", *chains, "chain forward {", head, *hooks, "}", "}"])


def _about(policy: dict[str, Any], pod: Pod, way: str) -> bool:
    spec = policy["spec"]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and way in spec["policyTypes"]
        and _selects(spec["podSelector"], pod.labels)
    )


def _selects(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    terms = selector.get("matchExpressions", [])
    assert all(term["operator"] == "DoesNotExist" for term in terms)
    wanted = selector.get("matchLabels", {}).items()
    return all(labels.get(key) == value for key, value in wanted) and not any(term["key"] in labels for term in terms)


def _allowed(policy: dict[str, Any], way: str, pod: Pod, pods: list[Pod]) -> Iterator[str]:
    """Yield what a policy allows of one way of a pod."""
    side, address = ("from", "saddr") if way == "Ingress" else ("to", "daddr")
    for rule in policy["spec"].get(way.lower(), []):
        for peer in rule[side]:
            for port in rule["ports"]:
                protocol = port["protocol"].lower()
                if "ipBlock" in peer:
                    number = pod.ports.get(port["port"], port["port"]) if way == "Ingress" else port["port"]
                    cut = (
                        f" ip {address} != {{ {', '.join(peer['ipBlock']['except'])} }}"
                        if "except" in peer["ipBlock"]
                        else ""
                    )
                    yield f"ip {address} {peer['ipBlock']['cidr']}{cut} {protocol} dport {number}"
                    continue
                for other in pods:
                    if _is_peer(peer, other, policy["metadata"]["namespace"]):
                        number = (pod if way == "Ingress" else other).ports.get(port["port"], port["port"])
                        yield f"ip {address} {other.address} {protocol} dport {number}"


def _is_peer(peer: dict[str, Any], pod: Pod, namespace: str) -> bool:
    spaces = peer.get("namespaceSelector", {"matchLabels": {"kubernetes.io/metadata.name": namespace}})
    named = {"kubernetes.io/metadata.name": pod.namespace}
    return _selects(spaces, named) and _selects(peer.get("podSelector", {}), pod.labels)

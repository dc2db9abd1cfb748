"""The token ledger: where each credential belongs, and who may show it. It needs no learning, only memory.

A token bound to a pod (claim pod-uid, Kubernetes 1.22 and later) comes from that pod's address; a node's certificate
comes from the node and is shown by its kubelet; a token bound to nothing stays in the part of the network where it was
first used, one without an id in the very /24 (the first-use lock that Netflix published in 2018 for cloud
credentials). Anything else is a credential in other hands. Who issued it is in `issuance`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll import facts, normal
from plimsoll.detect import changes, issuance

MOST = 4_000_000
"""Addresses remembered; beyond it the ledger stops growing and says nothing of new credentials."""
SETTLED = 2
"""Credentials of a net from which on it is known that the cluster lives there, too."""
SHARED = 20
"""Credentials of an address from which on it is taken for that of a translator or proxy."""
KUBELETS = ("kubelet", "kubeadm", "k3s", "rke2", "k0s", "microk8s", "kubelite", "hyperkube")
"""Clients that show a node's certificate by trade: kubelets, what holds one, and who sets one up."""
PLACE_OF = {"at": "object", "used": "given"}
"""The column of a fact that holds the place of a credential, by its verb."""


class Memory(msgspec.Struct):
    """What a ledger knows, for a restart to begin with."""

    places: dict[str, dict[str, int]] = {}
    """Of each credential its places: addresses of what is bound, zones of free tokens, nets of those without id."""
    clients: dict[str, set[str]] = {}
    """The clients that showed a node's certificate."""
    issued: issuance.Memory = msgspec.field(default_factory=issuance.Memory)


class _Use(NamedTuple):
    """A credential in use."""

    credential: str
    address: str
    network: str
    zone: str
    product: str
    subject: str
    pod: str
    node: str
    at: datetime
    times: int
    accepted: bool

    @property
    def place(self) -> str:
        """What the credential is locked to."""
        kind = self.credential.partition(":")[0]
        return {"token": self.zone, "legacy": self.network}.get(kind, self.address)

    @property
    def home(self) -> str:
        """The surroundings of that place, where others live."""
        return self.zone if self.credential.startswith("token:") else self.network


class Ledger:
    """What is known of each credential, and what is wrong with a use of it."""

    def __init__(self, credentials: pl.DataFrame, known: changes.Changes | None = None) -> None:
        """Begin with what a profile knows of credentials (rows of tables.PROFILE) and with changes that explain moves."""
        self._memory = Memory()
        self._changes = known or changes.Changes()
        self._homes: dict[str, set[str]] = {}
        self._tenants: dict[str, set[str]] = {}
        self._size = 0
        self.issued = issuance.Issuance(self._memory.issued, credentials)
        held = credentials.filter(pl.col("verb").is_in([*PLACE_OF, "client"]))
        known_rows = held.group_by("subject", "verb", "given", "object").agg(pl.col("count").sum())
        for row in known_rows.iter_rows(named=True):
            self._recall(row)

    def memory(self) -> Memory:
        """Return what it knows; to be written down before it learns more."""
        return self._memory

    def restore(self, memory: Memory) -> None:
        """Add what an earlier ledger knew."""
        for credential, places in memory.places.items():
            for place, count in places.items():
                self._remember(credential, place, count)
        for credential, clients in memory.clients.items():
            self._memory.clients.setdefault(credential, set()).update(clients)
        self.issued.restore(memory.issued)

    def take(self, events: pl.DataFrame) -> None:
        """Remember which tokens these audit events issued."""
        self.issued.take(events)

    def findings(self, act: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the credential of an act; remember where it was.

        `act` has the columns of facts.acts, and `credential_subject`.
        """
        use = _use(act)
        if not use.credential or not use.address:
            return []
        held = use.credential.startswith("token:") and use.credential in self._memory.places
        forged = self.issued.unknown(act["user_credential_id"], use.at, held=held)
        return [wrong for wrong in (self._displaced(use), self._strange_client(use), forged) if wrong]

    def usual(self, credential: str, place: str, product: str, fingerprint: str | None, count: int) -> bool:
        """Say whether there is nothing to ask of a use: credential, place and client are known. It is counted, then."""
        places = self._memory.places.get(credential, {})
        if place not in places or not self.issued.knows(fingerprint):
            return False
        if credential.startswith("kubelet:") and product not in KUBELETS:
            return False
        places[place] += count
        return True

    def _displaced(self, use: _Use) -> str:
        known = self._memory.places.get(use.credential, {})
        if use.place in known:
            self._remember(use.credential, use.place, use.times)
            return ""
        if (wrong := self._wrong(use, known)) and not self._explained(use, known):
            return wrong
        if use.accepted and self._size < MOST:
            self._remember(use.credential, use.place, use.times, use.home)
        return ""

    def _wrong(self, use: _Use, known: Mapping[str, int]) -> str:
        """Say what is wrong with a place that the credential was never seen at; nothing where it may be the first."""
        if host := self._other_node(use):
            return f"the token is bound to pod {use.pod or use.credential} on {use.node}, and was used from node {host}"
        if not known or self._second_family(use, known):
            return ""
        usual = _listed(known)
        if use.credential.startswith("pod:"):
            return f"the token is bound to pod {use.pod or use.credential}, always at {usual}, and was used from {use.address}"
        if use.credential.startswith("kubelet:"):
            return f"the credential of {use.subject} was always used from {usual}, and now from {use.address}"
        where = f"{use.address}, {use.zone}"
        kind = "token without id" if use.credential.startswith("legacy:") else "token"
        return f"the {kind} was always used from {usual}, and now from {where}"

    def _other_node(self, use: _Use) -> str:
        """Return the node whose own address it is, where that is not the one the token is bound to."""
        tenants = [one for one in self._tenants.get(use.address, ()) if one.startswith("kubelet:")]
        own = f"kubelet:{use.node}"
        elsewhere = len(tenants) == 1 and tenants[0] != own and own in self._memory.places
        return tenants[0].partition(":")[2] if use.credential.startswith("pod:") and use.node and elsewhere else ""

    def _second_family(self, use: _Use, known: Mapping[str, int]) -> bool:
        """Say whether it is the first place of the other address family, where others of the cluster live as well."""
        if any(_family(place) == _family(use.place) for place in known):
            return False
        return len(self._homes.get(use.home, set()) - {use.credential}) >= SETTLED

    def _explained(self, use: _Use, known: Mapping[str, int]) -> bool:
        """Say whether it is known why a credential moved: it began anew, or an address translator serves many."""
        kind, namespace = use.credential.partition(":")[0], use.subject.removeprefix("sa:").partition("/")[0]
        if kind in ("pod", "kubelet") and all(len(self._tenants.get(one, ())) >= SHARED for one in (*known, use.place)):
            return True
        if kind == "pod":
            beside = any(normal.network(place) == use.network for place in known)
            return beside and not self._other_node(use) and self._changes.restarted(namespace, use.pod, use.at)
        if kind == "kubelet":
            free = not self._tenants.get(use.address)
            return free and self._changes.registered(use.subject, use.at)
        within = any(normal.zone(place.partition("/")[0]) == use.zone for place in known)
        return kind == "legacy" and within and self._changes.placed(namespace)

    def _strange_client(self, use: _Use) -> str:
        """Say so where a node's credential is shown by what is no kubelet, and no client of nodes here."""
        if not use.credential.startswith("kubelet:") or use.product in KUBELETS:
            return ""
        clients = self._memory.clients
        if use.product in clients.get(use.credential, ()):
            return ""
        if sum(use.product in shown for shown in clients.values()) >= SETTLED:
            clients.setdefault(use.credential, set()).add(use.product)
            return ""
        return f"the credential of {use.subject} was shown by {use.product or 'a client without name'}, which is no kubelet"

    def _recall(self, row: Mapping[str, Any]) -> None:
        subject, verb = row["subject"], row["verb"]
        if verb == "client":
            self._memory.clients.setdefault(subject, set()).add(row["object"])
            return
        place = row["object"] if subject.startswith("legacy:") else row[PLACE_OF[verb]]
        self._remember(subject, place, row["count"])

    def _remember(self, credential: str, place: str, count: int, home: str = "") -> None:
        places = self._memory.places.setdefault(credential, {})
        if place not in places:
            self._size += 1
            self._tenants.setdefault(place, set()).add(credential)
            self._homes.setdefault(home or _home(credential, place), set()).add(credential)
        places[place] = places.get(place, 0) + count


def _use(act: Mapping[str, Any]) -> _Use:
    return _Use(
        act["credential_subject"], act["source_ip"], act["network"], act["zone"], act["product"], act["subject"],
        act["user_pod_name"] or "", act["user_node_name"] or "", act["first"], act["count"], act["outcome"] != "denied",
    )  # fmt: skip


def _home(credential: str, place: str) -> str:
    return place if credential.startswith(("token:", "legacy:")) else _network(place)


_network = functools.lru_cache(65_536)(normal.network)


def _family(place: str) -> bool:
    return ":" in place


def _listed(places: Mapping[str, int]) -> str:
    often = sorted(places, key=lambda place: (-places[place], place))
    return ", ".join(often[:3]) + (f" and {len(often) - 3} more" if len(often) > 3 else "")


_ASKED = (
    "credential_subject", "source_ip", "network", "zone", "product", "subject", "count", "first", "outcome",
    "user_pod_name", "user_node_name", "user_credential_id", "action", "namespace", "name",
)  # fmt: skip
_SUBJECT = pl.col("credential_subject")
_PLACE = (
    pl.when(_SUBJECT.str.starts_with("token:"))
    .then("zone")
    .when(_SUBJECT.str.starts_with("legacy:"))
    .then("network")
    .otherwise("source_ip")
    .alias("place")
)
_OWNED = (_SUBJECT != "") & (pl.col("source_ip") != "")
_MINTS = pl.col("action") == issuance.REQUEST


def judged(happened: pl.DataFrame, ledger: Ledger, powerful: Callable[[str], bool]) -> pl.DataFrame:
    """Return acts (of the audit stream) with a column `findings`, a list of what the ledger says of each.

    `powerful` says of an account (as a subject) whether its tokens are worth taking.
    """
    used = happened.with_columns(credential_subject=facts.CREDENTIAL).filter(_OWNED | _MINTS)
    shown = used.select("credential_subject", _PLACE, "product", "user_credential_id", "count")
    usual = pl.Series([ledger.usual(*use) for use in shown.rows()], dtype=pl.Boolean)
    asked = used.filter(~usual | _MINTS).sort("first", "act").select("act", *_ASKED)
    found: dict[int, list[str]] = {}
    for row in asked.iter_rows(named=True):
        if wrong := [*ledger.findings(row), *ledger.issued.given_away(row, powerful)]:
            found[row["act"]] = wrong
    told = pl.DataFrame(list(found.items()), {"act": happened.schema["act"], "findings": _LIST}, orient="row")
    return happened.join(told, on="act", how="left", maintain_order="left").with_columns(
        pl.col("findings").fill_null(_NONE)
    )


_LIST = pl.List(pl.String)
_NONE = pl.lit([], _LIST)

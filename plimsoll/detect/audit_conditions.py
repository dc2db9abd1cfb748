"""What rules over audit events speak of: who asked, what for, how it ended, what the body says; and which events matter.

`prepared` picks the few events that any rule could be about and adds what a condition needs beyond the stream's
columns. Texts that are missing are empty there, so that no condition is null.
"""

from __future__ import annotations

import functools
import operator
import re

import polars as pl

from plimsoll.detect import audit_addresses, audit_bodies

col = pl.col
VERB, USER, AGENT = col("verb"), col("user_username"), col("userAgent")
RESOURCE, SUB = col("objectRef_resource"), col("objectRef_subresource")
NAMESPACE, NAME, URI = col("objectRef_namespace"), col("objectRef_name"), col("requestURI")
CODE, DECISION = col("responseStatus_code"), col("annotations_decision")

PODS = ("pods", "podtemplates")
WORKLOADS = ("deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs")
BINDINGS = ("rolebindings", "clusterrolebindings")
ROLES = ("roles", "clusterroles")
WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
POLICIES = (
    "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
    "validatingadmissionpolicies", "validatingadmissionpolicybindings",
)  # fmt: skip
NETWORK_POLICIES = (
    "networkpolicies", "globalnetworkpolicies", "ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies",
    "adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies",
)  # fmt: skip
STORAGE = ("persistentvolumeclaims", "persistentvolumes")
CONFIGURATION = ("configmaps", "secrets", "serviceaccounts", "services", "ingresses", "namespaces", "nodes")
REVIEWS = ("selfsubjectrulesreviews", "selfsubjectaccessreviews")
OTHERS = ("events", "certificatesigningrequests", "apiservices", "customresourcedefinitions", "auditsinks")
WATCHED = (
    *PODS, *WORKLOADS, *BINDINGS, *ROLES, *WEBHOOKS, *POLICIES, *NETWORK_POLICIES, *STORAGE, *CONFIGURATION, *REVIEWS,
    *OTHERS,
)  # fmt: skip
"""Resources whose writing some rule is about."""
CONNECTING = ("exec", "attach", "portforward", "proxy")
"""Subresources that reach into a pod, a Service or a node; they arrive as `get` over WebSocket, as `create` over SPDY."""
SUBRESOURCES = ("", "ephemeralcontainers", "token", "approval")
"""What else is written about some rule; the rest is what controllers do all day: status, binding, scale, finalize."""

SETTINGS = (
    "aws-auth", "coredns", "coredns-custom", "kube-dns", "node-local-dns", "kube-proxy", "kube-proxy-config",
    "cilium-config", "kubeadm-config", "extension-apiserver-authentication",
)  # fmt: skip
"""ConfigMaps that steer the cluster itself."""
SYSTEM_NAMESPACES = (
    "kube-system", "kube-public", "kube-node-lease", "gke-system", "gke-managed-system", "gmp-system", "gmp-public",
    "aks-system", "calico-system", "tigera-operator",
)  # fmt: skip
CONTROLLERS = tuple(
    f"system:serviceaccount:kube-system:{name}"
    for name in (
        "attachdetach-controller", "certificate-controller", "clusterrole-aggregation-controller", "cronjob-controller",
        "daemon-set-controller", "deployment-controller", "disruption-controller", "endpoint-controller",
        "endpointslice-controller", "endpointslicemirroring-controller", "ephemeral-volume-controller",
        "expand-controller", "generic-garbage-collector", "horizontal-pod-autoscaler", "job-controller",
        "legacy-service-account-token-cleaner", "namespace-controller", "node-controller", "persistent-volume-binder",
        "pod-garbage-collector", "pv-protection-controller", "pvc-protection-controller", "replicaset-controller",
        "replication-controller", "resourcequota-controller", "root-ca-cert-publisher", "service-account-controller",
        "service-controller", "statefulset-controller", "ttl-after-finished-controller", "ttl-controller",
        "validatingadmissionpolicy-status-controller",
    )
)  # fmt: skip
"""The accounts of the controller manager's own loops: they act for somebody whose request was judged already."""

BY_HAND_AGENTS = r"(?i)^(?:kubectl|oc/|curl|wget|python-requests|httpie|mozilla|powershell)"
SCANNERS = (
    r"(?i)kube-?hunter|rakkess|access_matrix|trufflehog|azurehound|micro-scanner|kubiscan|peirates|kubeletctl|kdigger|"
    r"zgrab|masscan|nmap|nikto|gobuster|dirbuster|sqlmap|nuclei|kubestriker"
)
_SCANNER = re.compile(SCANNERS)
_OK, _REFUSED = CODE < 400, CODE.is_in([401, 403])
_FORBIDS = DECISION == "forbid"
_VERBS = {"reading": ["get", "list", "watch"], "writing": ["create", "update", "patch"]}
_OURS = USER.str.starts_with("system:")
_NO_NAME = USER.is_in(["system:anonymous", "system:unauthenticated"])
_SIMPLE: dict[str, pl.Expr] = {
    "target": pl.when(SUB == "").then(RESOURCE).otherwise(RESOURCE + "/" + SUB),
    "ok": _OK & ~_FORBIDS,
    "refused": _REFUSED | _FORBIDS,
    "forbidden": (CODE == 403) | _FORBIDS,
    "reading": VERB.is_in(_VERBS["reading"]),
    "writing": VERB.is_in(_VERBS["writing"]),
    "anonymous": _NO_NAME | ((USER == "") & (RESOURCE != "") & (CODE != 401)),
    "account": USER.str.starts_with("system:serviceaccount:"),
    "node": USER.str.starts_with("system:node:"),
    "system_namespace": NAMESPACE.is_in(SYSTEM_NAMESPACES),
    "controller": USER.is_in(CONTROLLERS)
    & AGENT.str.contains("^(?:kube-controller-manager|cloud-controller-manager|$)"),
    "by_hand": AGENT.str.contains(BY_HAND_AGENTS),
    "scans": AGENT.str.contains(SCANNERS),
    "health": URI.str.contains("^/(?:healthz|livez|readyz)") | AGENT.str.contains("^(?:GoogleHC|kube-probe|ELB-)"),
}
TARGET = col("target")
"""Resource, with its subresource after a slash."""
OK, REFUSED, FORBIDDEN = col("ok"), col("refused"), col("forbidden")
READING, WRITING = col("reading"), col("writing")
ANONYMOUS = col("anonymous")
"""GKE leaves the name of whoever did not log in empty; so does a refused token, which is answered 401."""
ACCOUNT, NODE, CONTROLLER = col("account"), col("node"), col("controller")
SYSTEM_NAMESPACE, BY_HAND, SCANS, HEALTH = col("system_namespace"), col("by_hand"), col("scans"), col("health")

_FROM_SIMPLE: dict[str, pl.Expr] = {
    "platform": (_OURS & ~ACCOUNT & ~ANONYMOUS & (USER != "system:admin"))
    | USER.str.starts_with("system:serviceaccount:kube-system:")
    | USER.str.contains("^(?:eks|aks|gke):"),
    "made": OK & ((VERB == "create") | ((VERB == "patch") & (CODE == 201))),
    "changed": OK & VERB.is_in(["update", "patch"]) & (CODE != 201),
    "written": OK & WRITING,
    "deleted": OK & VERB.is_in(["delete", "deletecollection"]),
    "connected": OK & VERB.is_in(["get", "create"]),
}
PLATFORM = col("platform")
"""The cluster's own: control plane, nodes, what lives in kube-system, the provider's management."""
MADE, CHANGED, WRITTEN, DELETED, CONNECTED = (
    col(name) for name in ("made", "changed", "written", "deleted", "connected")
)
"""Made: created, or applied by the server, which is a patch answered 201. Connected: by either protocol."""

_FROM_THESE: dict[str, pl.Expr] = {
    "person": ~PLATFORM & ~ACCOUNT & ~ANONYMOUS & (USER != ""),
    "own_business": PLATFORM & SYSTEM_NAMESPACE,
    "placed": ~CONTROLLER
    & ~(PLATFORM & SYSTEM_NAMESPACE)
    & ((MADE & TARGET.is_in(PODS)) | (WRITTEN & TARGET.is_in(WORKLOADS))),
}
PERSON, OWN_BUSINESS = col("person"), col("own_business")
PLACED = col("placed")
"""A pod was created, or a workload's template written, by whoever wanted it (not by the controller that follows)."""
OUTSIDE, CLOUD, TOR = col("from_outside"), col("from_cloud"), col("from_tor")
FORGED, COLLIDES = col("forged"), col("collides")


def says(*words: str) -> pl.Expr:
    """Return whether the body says one of these words (audit_bodies.WORDS); a word there is none of is an error.

    >>> says("hostpid")
    Traceback (most recent call last):
    KeyError: 'hostpid'
    """
    said = [col("says").str.contains(_known(word), literal=True) for word in words]
    return functools.reduce(operator.or_, said)


def answers(word: str) -> pl.Expr:
    """Return whether the answer says this word."""
    return col("answers").str.contains(_known(word), literal=True)


def _known(word: str) -> str:
    audit_bodies.WORDS[word]
    return _joined([word])


def _joined(words: list[str]) -> str:
    return f"|{'|'.join(words)}|" if words else ""


def on(*targets: str) -> pl.Expr:
    """Return whether the request is about one of these resources, or of these with their subresource."""
    return TARGET.is_in(targets) if len(targets) > 1 else TARGET.eq(targets[0])


def named(*names: str) -> pl.Expr:
    """Return whether the object has one of these names."""
    return NAME.is_in(names)


_TEXTS = (
    "auditID", "verb", "requestURI", "user_username", "impersonatedUser_username", "source_ip", "userAgent",
    "objectRef_resource", "objectRef_subresource", "objectRef_namespace", "objectRef_name", "annotations_decision",
)  # fmt: skip
_KEPT = (*_TEXTS, "user_groups", "impersonatedUser_groups", "sourceIPs", "responseStatus_code", "level", "requestObject", "responseObject")  # fmt: skip


_SEVERAL = (col("sourceIPs").list.len() > 1).fill_null(value=False)
_ODD = (CODE.is_in([401, 403]), DECISION == "forbid", col("impersonatedUser_username").is_not_null())
"""What is worth a look whatever was asked."""
_TELLS_MORE = (
    col("requestObject").is_not_null(),
    col("responseObject").is_not_null(),
    _SEVERAL,
    SUB.is_in(CONNECTING),
    *_ODD,
)
"""Rules see more in these than what tells acts apart (facts.audit.KEYS): bodies, proxies, what the URI asks to be run."""


def prepared(events: pl.DataFrame, cleared: pl.Series | None = None) -> pl.DataFrame:
    """Return the events that a rule could be about, with `row` and the columns that conditions need beyond the stream's.

    Without those that are `cleared` and tell no more than their key does (audit_rules.hits).

    from_outside, from_cloud, from_tor   some address of the chain is one of the Internet, a cloud, a Tor exit
    forged                               the chain claims to begin inside, and a later address is outside
    collides                             its auditID stands for another request too
    says, answers                        words of the body and of the answer (audit_bodies)
    target, ok, platform, made, …        what is asked most, by name

    Where there is no such event, these columns are missing too.
    """
    unsettled = _unsettled(events if "collides" in events.columns else collided(events), cleared)
    if unsettled.is_empty():
        return unsettled
    odd = unsettled.filter(functools.reduce(operator.or_, (col("collides"), _SEVERAL, *_ODD)))["row"]
    touching, strange = _suspects(unsettled)
    strange = pl.concat([strange, odd])
    suspects = unsettled.filter(col("row").is_in(pl.concat([touching, strange]).implode()))
    texts = suspects.filter(
        col("stage").ne_missing("RequestReceived"), ~_DULL | col("row").is_in(strange.unique().implode())
    )
    if texts.is_empty():
        return texts
    texts = texts.with_columns(col(*_TEXTS).fill_null(""), col("responseStatus_code").fill_null(0), *_chains(texts))
    marked = texts.with_columns(**_SIMPLE).with_columns(**_FROM_SIMPLE).with_columns(**_FROM_THESE)
    return marked.with_columns(*_bodies(marked))


def collided(events: pl.DataFrame) -> pl.DataFrame:
    """Return the events with a column `collides`: one for all that came together, whatever is judged together later."""
    return events.with_columns(collides=col("auditID").is_in(_collisions(events).implode()).fill_null(value=False))


def tells_more() -> pl.Expr:
    """Return in which events (`collided`) a rule might see more than in others of the same key (facts.key)."""
    return functools.reduce(operator.or_, _TELLS_MORE).fill_null(value=False) | col("collides")


def _unsettled(events: pl.DataFrame, cleared: pl.Series | None) -> pl.DataFrame:
    """Return the events that have to be looked at, with their `row`."""
    asked = events.select(*_KEPT, "stage", "collides").with_row_index("row")
    return asked if cleared is None else asked.filter(~cleared | tells_more())


def _suspects(events: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the rows of events that touch what rules are about, and of those by somebody strange."""
    addresses, agents = (events[name].drop_nulls().unique() for name in ("source_ip", "userAgent"))
    outside = pl.Series(list(filter(audit_addresses.outside, addresses)), dtype=pl.String)
    scanners = pl.Series(list(filter(_scans, agents)), dtype=pl.String)
    judged = events.select("row", touching=_TOUCHING, strange=_strange(outside, scanners))
    touching, strange = (judged.filter(col(name))["row"] for name in ("touching", "strange"))
    return touching, strange


@functools.lru_cache(4096)
def _scans(agent: str) -> bool:
    return bool(_SCANNER.search(agent))


_KUBELET, _MANAGER = AGENT.str.starts_with("kubelet/"), AGENT.str.starts_with("kube-controller-manager/")
_NODE, _CONTROLLER = USER.str.starts_with("system:node:"), USER.is_in(CONTROLLERS)


_FOLLOWS = ((_NODE & _KUBELET) | (_CONTROLLER & _MANAGER)).fill_null(value=False)
_WRITES = ~VERB.is_in(_VERBS["reading"]) & RESOURCE.is_in(WATCHED) & (SUB.is_null() | SUB.is_in(SUBRESOURCES))
_TOUCHING = ((_WRITES | (RESOURCE == "secrets")) & ~_FOLLOWS) | SUB.is_in(CONNECTING)
"""A request touches what some rule is about; null where it does not."""


def _strange(outside: pl.Series, scanners: pl.Series) -> pl.Expr:
    """Return whether a request is strange whatever is asked for; null where it is not."""
    address = col("source_ip")
    conditions = (
        USER.is_null() | USER.is_in(["", "system:anonymous", "system:unauthenticated"]),
        address.is_in(outside.implode()) & USER.str.contains("^(?:system|eks|aks|gke):"),
        address.is_in([one for one in outside if audit_addresses.tor(one)]),
        AGENT.is_in(scanners.implode()),
        _NODE & ~_KUBELET,
        _CONTROLLER & ~_MANAGER,
    )
    return functools.reduce(operator.or_, conditions)


_STEERS = NAME.is_in(SETTINGS) | VERB.str.starts_with("delete") | (CODE >= 400)
_OWN_READING = (
    VERB.is_in(_VERBS["reading"])
    & USER.str.starts_with("system:")
    & ~USER.is_in(["system:anonymous", "system:unauthenticated", "system:admin"])
    & ~AGENT.str.contains(BY_HAND_AGENTS)
    & (CODE < 400)
    & (NAMESPACE != "")
)
_DULL = (((RESOURCE == "configmaps") & ~_STEERS) | ((RESOURCE == "secrets") & _OWN_READING)).fill_null(value=False)
"""What is written and read all day long: it touches nothing that a rule is about after all."""


def _collisions(events: pl.DataFrame) -> pl.Series:
    """Return the auditIDs that stand for different requests; the stages of one request have the same words."""
    words = ("verb", "requestURI", "user_username")
    again = events.select("auditID", *words).filter(events["auditID"].is_duplicated()).unique()
    return again.filter(again["auditID"].is_duplicated())["auditID"].drop_nulls().unique()


def _chains(rows: pl.DataFrame) -> list[pl.Series]:
    """Return what is said of each chain of addresses."""
    chains = [tuple(chain or ()) for chain in rows["sourceIPs"].to_list()]
    told = [_told((*chain[:1], *chain[1:][-15:])) for chain in chains]  # the client may write all but the last
    names = ("from_outside", "from_cloud", "from_tor", "forged")
    return [pl.Series(name, [one[place] for one in told], pl.Boolean) for place, name in enumerate(names)]


@functools.lru_cache(16_384)
def _told(chain: tuple[str | None, ...]) -> tuple[bool, bool, bool, bool]:
    addresses = [one for one in chain if one]
    outside = [one for one in addresses if audit_addresses.outside(one)]
    return (
        bool(outside),
        bool(outside) and all(map(audit_addresses.cloud, outside)),
        any(map(audit_addresses.tor, outside)),
        bool(outside) and audit_addresses.inside(addresses[0]),
    )


def _bodies(rows: pl.DataFrame) -> list[pl.Series]:
    """Return what bodies and answers say; read only where somebody wrote or ran a command."""
    wanted = (WRITING & TARGET.is_in(list(audit_bodies.READERS))) | on("pods/exec", "pods/attach")
    asked = rows.with_columns(place=pl.int_range(pl.len())).filter(wanted)
    said, replied = [""] * rows.height, [""] * rows.height
    for resource, sub, uri, request, response, place in asked.select(*_READ, "place").iter_rows():
        said[place] = _joined(audit_bodies.says(resource, sub, uri, request, response))
        replied[place] = _joined(audit_bodies.answered(resource, response))
    return [pl.Series("says", said, pl.String), pl.Series("answers", replied, pl.String)]


_READ = ("objectRef_resource", "objectRef_subresource", "requestURI", "requestObject", "responseObject")

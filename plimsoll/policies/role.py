"""From what an identity asked the API for to the RBAC Roles that allow just that."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

CLUSTER = "(cluster)"
CONNECTS = {"exec", "attach", "portforward"}
"""Subresources that are asked for by get over WebSocket and by create over SPDY: clients need both."""
Document = dict[str, object]


def roles(profile: pl.DataFrame) -> list[Document]:
    """Return Roles, ClusterRoles and their bindings, as objects, for the identities of a profile (tables.PROFILE).

    What was only ever denied is left out, and so are nodes and the control plane's own users, whom RBAC does not rule.
    """
    used = profile.filter((pl.col("verb") == "within") & pl.col("subject").str.contains("^(sa|user):"))
    allowed = (
        profile.filter((pl.col("verb") == "outcome") & (pl.col("object") != "denied"))
        .select("subject", "given")
        .unique()
    )
    kept = used.join(allowed, on=["subject", "given"], how="semi").select("subject", "given", "object").unique()
    by_place: dict[tuple[str, str], list[str]] = {}
    for subject, request, namespace in kept.sort("subject", "object", "given").iter_rows():
        by_place.setdefault((subject, namespace), []).append(request)
    return [
        document
        for (subject, place), asked in by_place.items()
        if subject != "user:" and not subject.startswith("user:system:")
        for document in bound(subject, place, [*_rules(asked)])
    ]


def bound(
    subject: str, namespace: str, rules: Sequence[Document], annotations: Mapping[str, str] | None = None
) -> Iterator[Document]:
    """Yield a Role and its binding, of the whole cluster where the namespace is `CLUSTER`; nothing without rules."""
    if not rules:
        return
    wide = namespace == CLUSTER
    metadata: Document = {"name": _name(subject)}
    if not wide:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    kind = "ClusterRole" if wide else "Role"
    group = "rbac.authorization.k8s.io"
    yield {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "rules": [*rules]}
    yield {
        "apiVersion": f"{group}/v1",
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": kind, "name": metadata["name"]},
        "subjects": [_subject(subject)],
    }


def _rules(asked: Iterable[str]) -> Iterator[Document]:
    """Yield rules, verbs of one resource together."""
    verbs: dict[tuple[str, str], set[str]] = {}
    paths: dict[str, set[str]] = {}
    for request in asked:
        verb, _, what = request.partition(" ")
        if what.startswith("/"):
            paths.setdefault(what, set()).add(verb)
            continue
        resource, _, sub = what.partition("/")
        name, _, group = resource.partition(".")
        # Over WebSocket a connection is asked for by get, over SPDY by create: clients need both.
        wanted = {"get", "create"} if sub in CONNECTS else {verb}
        verbs.setdefault((group, name + (f"/{sub}" if sub else "")), set()).update(wanted)
    for (group, resource), seen in sorted(verbs.items()):
        yield {"apiGroups": [group], "resources": [resource], "verbs": sorted(seen)}
    for path, seen in sorted(paths.items()):
        yield {"nonResourceURLs": [path], "verbs": sorted(seen)}


def _subject(subject: str) -> Document:
    kind, _, name = subject.partition(":")
    if kind == "sa":
        namespace, _, account = name.partition("/")
        return {"kind": "ServiceAccount", "namespace": namespace, "name": account}
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind.capitalize(), "name": name}


def _name(subject: str) -> str:
    """Return a name that an object may have, and no other subject's object has.

    >>> _name("sa:ci/ci-deployer"), _name("user:alice@acme.io")
    ('used-by-ci-ci-deployer-15a9850a9574', 'used-by-alice-acme.io-1a2ae8fc49ef')
    """
    plain = re.sub(r"[^a-z0-9.-]+", "-", subject.partition(":")[2].lower()).strip("-.")[:200]
    return f"used-by-{plain}-{hashlib.sha256(subject.encode()).hexdigest()[:12]}"

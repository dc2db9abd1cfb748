"""What RBAC objects grant: each binding with its subjects and the rules that its role comes to.

The meaning of wildcards, resourceNames and non-resource URLs is that of Kubernetes (pkg/apis/rbac/v1,
evaluation_helpers.go). An aggregated ClusterRole has the rules of those that its selectors choose, as the
controller would fill in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

ALL = "*"
DEFAULTS = "kubernetes.io/bootstrapping=rbac-defaults"
"""The label of what the API server itself made."""
GROUP = "rbac.authorization.k8s.io"
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
UNNAMED = ("create", "deletecollection")
"""Verbs that come without a name, save those of subresources."""


class Rule(NamedTuple):
    """A PolicyRule."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def as_document(self) -> dict[str, object]:
        """Return it as a Role holds it."""
        told = {
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.urls,
            "verbs": self.verbs,
        }
        return {name: [*values] for name, values in told.items() if values}


class Binding(NamedTuple):
    """A RoleBinding or ClusterRoleBinding."""

    kind: str
    namespace: str
    """Where it holds; empty for everywhere."""
    name: str
    role_kind: str
    role: str
    subjects: tuple[str, ...]
    rules: tuple[Rule, ...] | None
    """None where the role is not among the objects."""
    builtin: bool
    """The API server made it, not a person."""


class Request(NamedTuple):
    """What is asked for; without a resource, `name` is the path."""

    verb: str
    group: str
    resource: str
    """With its subresource after a slash."""
    namespace: str
    name: str


def allows(rule: Rule, request: Request) -> bool:
    """Say whether a rule allows a request, its namespace aside.

    >>> allows(Rule(("get",), ("",), ("*/log",)), Request("get", "", "pods/log", "a", "web"))
    True
    >>> allows(Rule(("*",), ("",), ("secrets",), ("tls",)), Request("list", "", "secrets", "a", ""))
    False
    >>> allows(Rule(("get",), urls=("/healthz/*",)), Request("get", "", "", "", "/healthz/ping"))
    True
    """
    return any(verb in (ALL, request.verb) for verb in rule.verbs) and (
        any(_url_matches(url, request.name) for url in rule.urls)
        if not request.resource
        else bool(covering(rule.groups, request.group))
        and bool(matching(rule.resources, request.resource))
        and (not rule.names or authorized_name(request) in rule.names)
    )


def covering(given: Sequence[str], wanted: str) -> tuple[str, ...]:
    """Return the text that is wanted if it, or the wildcard, is given.

    >>> covering(["*"], "apps"), covering(["batch"], "apps")
    (('apps',), ())
    """
    return (wanted,) if wanted in given or ALL in given else ()


def matching(resources: Sequence[str], wanted: str) -> tuple[str, ...]:
    """Return which of a rule's resources stand for this one.

    >>> matching(["*", "pods", "*/exec", "pods/exec"], "pods/exec")
    ('*', '*/exec', 'pods/exec')
    """
    sub = wanted.partition("/")[2]
    return tuple(one for one in resources if one in (ALL, wanted) or (sub and one == f"*/{sub}"))


def authorized_name(request: Request) -> str:
    """Return the name that the authorizer saw: none where the log took it from the body of what was created.

    >>> authorized_name(Request("create", "", "secrets", "a", "tls")), authorized_name(Request("get", "", "secrets", "a", "tls"))
    ('', 'tls')
    """
    return "" if request.verb in UNNAMED and "/" not in request.resource else request.name


def _url_matches(pattern: str, path: str) -> bool:
    return pattern in (ALL, path) or (pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL)))


def urls_matching(urls: Sequence[str], path: str) -> tuple[str, ...]:
    """Return which of a rule's URLs stand for this path.

    >>> urls_matching(["/api/*", "/healthz"], "/api/v1")
    ('/api/*',)
    """
    return tuple(url for url in urls if _url_matches(url, path))


class _Role(NamedTuple):
    own: tuple[Rule, ...]
    selectors: tuple[Mapping[str, Any], ...]
    labels: frozenset[str]


class Granted(NamedTuple):
    """What RBAC objects grant."""

    bindings: list[Binding]
    """In order."""
    roles: dict[tuple[str, str, str], tuple[Rule, ...]]
    """What each role comes to, by its kind, namespace and name, in order."""


def bindings(objects: pl.DataFrame) -> list[Binding]:
    """Return the bindings that hold in the end (tables.OBJECTS), in order; what is broken grants nothing."""
    return granted(objects).bindings


def granted(objects: pl.DataFrame) -> Granted:
    """Return the bindings and roles that hold in the end (tables.OBJECTS); what is broken grants nothing."""
    rows = [*_rows(objects)]
    own = {row[:3]: _role(row[4], row[3]) for row in rows if row[0] in _ROLES}
    rules = _Aggregated(own)
    found = {
        (kind, place, name): _binding(kind, place, name, told, labels, rules)
        for kind, place, name, labels, told in rows
        if kind in _BINDINGS
    }
    return Granted([found[key] for key in sorted(found)], {key: rules.get(key) or () for key in sorted(own)})


_Row = tuple[str, str, str, frozenset[str], Mapping[str, Any]]


def _rows(objects: pl.DataFrame) -> Iterator[_Row]:
    """Yield kind, namespace, name, labels and body of what is about rights."""
    held = objects.filter(pl.col("until").is_null() & pl.col("apiVersion").str.starts_with(f"{GROUP}/"))
    for kind, place, name, labels, told in held.select("kind", "namespace", "name", "labels", "object").iter_rows():
        yield kind, place, name, frozenset(labels or ()), _decoded(told)


_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def _decoded(text: str | None) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(text or "")
    except _BROKEN:
        return {}
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _role(told: Mapping[str, Any], labels: frozenset[str]) -> _Role:
    rules = tuple(
        Rule(
            _texts(one.get("verbs")),
            _texts(one.get("apiGroups")),
            _texts(one.get("resources")),
            _texts(one.get("resourceNames")),
            _texts(one.get("nonResourceURLs")),
        )
        for one in _objects(told.get("rules"))
    )
    aggregation = told.get("aggregationRule")
    selectors = _objects(aggregation.get("clusterRoleSelectors")) if isinstance(aggregation, dict) else []
    return _Role(rules, tuple(selectors), labels)


class _Aggregated:
    """The rules of each role, those of the ClusterRoles that it gathers included."""

    def __init__(self, roles: Mapping[tuple[str, str, str], _Role]) -> None:
        self._roles = roles
        self._made: dict[tuple[str, str, str], tuple[Rule, ...]] = {}
        self._labelled: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for key in sorted(roles):
            for label in roles[key].labels if key[0] == "ClusterRole" else ():
                self._labelled[label].append(key)

    def get(self, key: tuple[str, str, str]) -> tuple[Rule, ...] | None:
        """Return a role's rules, None where there is no such role."""
        if key not in self._roles:
            return None
        if key not in self._made:
            self._made[key] = tuple(dict.fromkeys(rule for one in self._gathered(key) for rule in self._roles[one].own))
        return self._made[key]

    def _gathered(self, key: tuple[str, str, str]) -> list[tuple[str, str, str]]:
        """Return the role and all those it gathers, each once: edit gathers view, admin gathers edit."""
        found, waiting = dict.fromkeys([key]), [key]
        while waiting:
            for selector in self._roles[waiting.pop()].selectors:
                fresh = [one for one in self._chosen(selector) if one not in found]
                found |= dict.fromkeys(fresh)
                waiting += fresh
        return [key, *sorted(one for one in found if one != key)]

    def _chosen(self, selector: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        wanted = selector.get("matchLabels")
        labels = [f"{name}={value}" for name, value in wanted.items()] if isinstance(wanted, dict) else []
        further = _objects(selector.get("matchExpressions"))
        if not labels and not further:
            return []
        among = self._labelled.get(labels[0], []) if labels else [one for one in self._roles if one[0] == "ClusterRole"]
        return [one for one in among if _selected(self._roles[one].labels, labels, further)]


def _selected(labels: frozenset[str], wanted: Iterable[str], further: Iterable[Mapping[str, Any]]) -> bool:
    return all(label in labels for label in wanted) and all(_meets(labels, one) for one in further)


def _meets(labels: frozenset[str], expression: Mapping[str, Any]) -> bool:
    key, values = _text(expression.get("key")), _texts(expression.get("values"))
    there = any(label.startswith(f"{key}=") for label in labels)
    among = any(f"{key}={value}" in labels for value in values)
    told = {"In": among, "NotIn": not among, "Exists": there, "DoesNotExist": not there}
    return told.get(_text(expression.get("operator")), False)


def _binding(
    kind: str, place: str, name: str, told: Mapping[str, Any], labels: frozenset[str], rules: _Aggregated
) -> Binding:
    reference = told.get("roleRef")
    reference = reference if isinstance(reference, dict) else {}
    role_kind, role = _text(reference.get("kind")), _text(reference.get("name"))
    namespace = place if kind == "RoleBinding" else ""
    key = (role_kind, namespace if role_kind == "Role" else "", role)
    subjects = dict.fromkeys(filter(None, (_subject(one, namespace) for one in _objects(told.get("subjects")))))
    return Binding(kind, namespace, name, role_kind, role, tuple(subjects), rules.get(key), builtin=DEFAULTS in labels)


def _subject(told: Mapping[str, Any], namespace: str) -> str:
    kind, name = _text(told.get("kind")), _text(told.get("name"))
    if kind == "ServiceAccount":
        return f"sa:{_text(told.get('namespace')) or namespace}/{name}"
    return f"{kind.lower()}:{name}" if kind in ("User", "Group") else ""


def subjects_of(username: str, groups: Iterable[str]) -> frozenset[str]:
    """Return whom a binding may name to mean this user.

    >>> sorted(subjects_of("system:serviceaccount:ci:deployer", ["system:serviceaccounts"]))
    ['group:system:serviceaccounts', 'sa:ci/deployer', 'user:system:serviceaccount:ci:deployer']
    """
    found = {f"user:{username}", *(f"group:{group}" for group in groups)}
    namespace, colon, account = username.removeprefix("system:serviceaccount:").partition(":")
    if colon and username.startswith("system:serviceaccount:"):
        found.add(f"sa:{namespace}/{account}")
    return frozenset(found)

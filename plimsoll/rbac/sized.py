"""Roles of the right size: for each subject and each namespace the rules that allow what was used there, no more.

A ClusterRole bound everywhere and used in two namespaces becomes a Role in each. What a grant never gave is not
given now either. Rights that no log shows in use (`escalate`, `bind` and their like are looked up while another
request is served) are kept where that other request was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from plimsoll.policies import role
from plimsoll.rbac import grants, uses
from plimsoll.rbac.grants import Request, Rule
from plimsoll.rbac.usage import Act, Grant

Names = Literal["granted", "secrets", "all"]
"""Where rules name objects: where the grant does, for secrets and settings too, or wherever the names are few."""
SECRETIVE = ("secrets", "configmaps", "serviceaccounts/token")
REPLACES = "plimsoll.dev/replaces"
UNSEEN = "plimsoll.dev/never-in-a-log"
_CERTIFICATES = ("certificates.k8s.io", ("signers",))
_RBAC = (grants.GROUP, ("roles", "clusterroles"))
SHADOWS: dict[str, tuple[tuple[str, ...], tuple[str, tuple[str, ...]]]] = {
    "escalate": (("roles", "clusterroles"), _RBAC),
    "bind": (("rolebindings", "clusterrolebindings"), _RBAC),
    "approve": (("certificatesigningrequests/approval",), _CERTIFICATES),
    "sign": (("certificatesigningrequests/status",), _CERTIFICATES),
    "attest": (("clustertrustbundles",), _CERTIFICATES),
}
"""Verbs that are looked up while something is written: what is written, and what they are looked up for."""
_WRITES = ("create", "update", "patch")


class Sized(NamedTuple):
    """The rules that a subject needs in a place."""

    subject: str
    place: str
    """A namespace, or role.CLUSTER."""
    rules: tuple[Rule, ...]
    replaces: tuple[str, ...]
    """The bindings it was allowed by."""
    unseen: tuple[str, ...]
    """What was kept though no log shows it."""


def sized(given: Iterable[Grant], names: Names = "granted") -> list[Sized]:
    """Return what each subject needs where, in order."""
    needed: dict[tuple[str, str], list[tuple[Grant, Act]]] = defaultdict(list)
    for grant in given:
        for act in grant.acts:
            needed[grant.subject, _place(act)].append((grant, act))
    found = [_sized(subject, place, needed[subject, place], names) for subject, place in sorted(needed)]
    return [one for one in found if one.rules]


def documents(given: Iterable[Sized]) -> Iterator[role.Document]:
    """Yield Roles, ClusterRoles and their bindings, as objects."""
    for one in given:
        notes = {REPLACES: ", ".join(one.replaces)} | ({UNSEEN: ", ".join(one.unseen)} if one.unseen else {})
        yield from role.bound(one.subject, one.place, [rule.as_document() for rule in one.rules], notes)


def _place(act: Act) -> str:
    return role.CLUSTER if not act.resource or act.namespace in ("", uses.MANY) else act.namespace


def _sized(subject: str, place: str, needed: Sequence[tuple[Grant, Act]], names: Names) -> Sized:
    shadows = sorted({(verb, what) for grant, act in needed for verb, what in _shadows(grant, act)})
    parts = [part for grant, act in needed for part in _parts(grant, act, names)]
    parts += [(group, resource, called, verb) for verb, (group, resource, called) in shadows]
    urls = [(url, act.verb) for grant, act in needed if not act.resource for url in _urls(grant, act)]
    replaces = sorted({binding_text(grant) for grant, _ in needed})
    return Sized(
        subject,
        place,
        (*_resource_rules(parts), *_url_rules(urls)),
        tuple(replaces),
        tuple(f"{verb} {what[1]}" for verb, what in shadows),
    )


def binding_text(grant: Grant) -> str:
    """Return the binding's kind, namespace and name."""
    return "/".join(filter(None, (grant.binding.kind, grant.binding.namespace, grant.binding.name)))


Part = tuple[str, str, tuple[str, ...], str]
"""group, resource, names, verb."""


def _parts(grant: Grant, act: Act, names: Names) -> Iterator[Part]:
    if not act.resource:
        return
    called = _called(grant, act, names)
    for verb in sorted(_verbs(grant, act)):
        yield act.group, act.resource, called, verb


def _verbs(grant: Grant, act: Act) -> set[str]:
    """Return the verb; both that a connection may be asked for by, where both were granted."""
    if act.resource.partition("/")[2] not in role.CONNECTS:
        return {act.verb}
    rules = grant.binding.rules
    request = next(act.requests())
    twins = {"get", "create"}
    granted = {
        verb for verb in twins if rules is None or any(grants.allows(one, request._replace(verb=verb)) for one in rules)
    }
    return granted | {act.verb}


def _called(grant: Grant, act: Act, names: Names) -> tuple[str, ...]:
    """Return the names that the rule is held to; none for all."""
    if "" in act.names or uses.MANY in act.names:
        return ()
    wanted = names == "all" or (names == "secrets" and act.resource in SECRETIVE)
    return act.names if wanted or _only_by_name(grant.binding.rules, act) else ()


def _only_by_name(rules: Sequence[Rule] | None, act: Act) -> bool:
    unnamed = Request(act.verb, act.group, act.resource, act.namespace, "")
    return bool(rules) and not any(grants.allows(rule, unnamed) for rule in rules or () if not rule.names)


def _shadows(grant: Grant, act: Act) -> Iterator[tuple[str, tuple[str, str, tuple[str, ...]]]]:
    """Yield rights that the act may have needed and that leave no trace, as they were granted."""
    if act.verb not in _WRITES:
        return
    for verb, (written, (group, resources)) in SHADOWS.items():
        for rule in grant.binding.rules or () if act.resource in written else ():
            fits = {verb, grants.ALL} & {*rule.verbs} and grants.covering(rule.groups, group)
            for resource in resources if fits else ():
                if grants.matching(rule.resources, resource):
                    yield verb, (group, resource, rule.names)


def _urls(grant: Grant, act: Act) -> set[str]:
    """Return the granted URLs that were used; the very paths where all were granted."""
    rules = [rule for rule in grant.binding.rules or () if act.verb in rule.verbs or grants.ALL in rule.verbs]
    found = {url for rule in rules for name in act.names for url in grants.urls_matching(rule.urls, name)}
    return {url for url in found if url != grants.ALL} or set(act.names)


def _resource_rules(parts: Iterable[Part]) -> list[Rule]:
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for group, resource, called, verb in parts:
        verbs[group, resource, called].add(verb)
    unnamed = {key[:2]: seen for key, seen in verbs.items() if not key[2]}
    rules = []
    for (group, resource, called), seen in sorted(verbs.items()):
        fresh = seen - unnamed.get((group, resource), set()) if called else seen
        if fresh:
            rules.append(Rule(tuple(sorted(fresh)), (group,), (resource,), called))
    return rules


def _url_rules(urls: Iterable[tuple[str, str]]) -> list[Rule]:
    verbs: dict[str, set[str]] = defaultdict(set)
    for url, verb in urls:
        verbs[url].add(verb)
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for url, seen in sorted(verbs.items()):
        together[tuple(sorted(seen))].append(url)
    return [Rule(seen, urls=tuple(paths)) for seen, paths in sorted(together.items())]

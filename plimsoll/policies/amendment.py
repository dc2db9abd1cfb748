"""What policies would have denied and ought to allow: the fewest rules to add, and why the rest is not among them.

Proposed is what recurs and looks like work. What looks like an attack is never proposed, whoever it is: an attacker
who could have himself allowed by trying would own the policies. So the doubt is against the connection:

- seen fewer than 5 times, or all within an hour: a try is no habit;
- whoever tries more than 10 ends or ports that way looks around, and nothing of his is proposed;
- link-local addresses, the cloud's metadata service among them;
- an address of the Internet that calls in, or one that is called and that no lookup named;
- what a rule denies in so many words: that is for who wrote the rule.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from plimsoll.policies import (
    blocks,
    calls,
    drafts,
    edges,
    generate,
    networkpolicy_yaml,
    policy,
    proof,
    replay,
    yaml_lines,
)
from plimsoll.policies.network import PolicySet, Verdict
from plimsoll.policies.policy import Way
from plimsoll.policies.replay import Known
from plimsoll.policies.templates import Cluster

RECURS = blocks.OFTEN
"""Sightings from which a connection is a habit; from as many on an address stays alone, so nothing is widened."""
APART = dt.timedelta(hours=1)
"""Time between the first and the last of them, at least."""
TRIES = 10
"""Ends and ports that were tried without becoming a habit, from which on somebody looks around."""


class Wanted(NamedTuple):
    """A connection that the policies would have denied."""

    src: str
    dst: str
    protocol: str
    port: int
    times: int
    first: dt.datetime
    last: dt.datetime
    doubt: str
    """Why it is not proposed, empty where it is."""

    def as_row(self) -> dict[str, object]:
        """Return it as it is printed."""
        return {**self._asdict(), "proposed": not self.doubt}


class Proposal(NamedTuple):
    """What is to be added, and what of the denied connections it is for."""

    files: Mapping[str, str]
    """NetworkPolicies that add to those that are there, by their paths."""
    wanted: tuple[Wanted, ...]
    """Those proposed first, most connections first."""


class _Case(NamedTuple):
    """A denied edge and which of its ways are closed."""

    row: Mapping[str, Any]
    ways: Mapping[Way, Verdict]
    src: str
    dst: str


def propose(seen: pl.DataFrame, cluster: Cluster, policies: PolicySet, told: Known) -> Proposal:
    """Return the policies to add so that what recurs of these edges (edges.SCHEMA) is no longer denied."""
    sound = calls.attributed(seen, cluster)
    cases = [*_denied(sound, cluster, policies, told)]
    habits = Counter(case.src for case in cases if not _recurs(case.row))
    wanted = [(case, _doubt(case, habits[case.src])) for case in cases]
    taken = [case for case, doubt in wanted if not doubt]
    parts = {way: _of(sound, [case for case in taken if way in case.ways], cluster, way) for way in policy.WAYS}
    found = sorted((_wanted(*one) for one in wanted), key=lambda one: (bool(one.doubt), -one.times, one[:4]))
    return Proposal(_files(parts), tuple(found))


def proven(proposal: Proposal, seen: pl.DataFrame, cluster: Cluster, policies: PolicySet, told: Known) -> int:
    """Return how many of the connections that a proposal is for are allowed by policies that hold it."""
    sound = calls.attributed(seen, cluster)
    denied = {_wanted(case, "")[:4] for case in _denied(sound, cluster, policies, told)}
    return sum(one.times for one in proposal.wanted if not one.doubt and one[:4] not in denied)


def _denied(sound: pl.DataFrame, cluster: Cluster, policies: PolicySet, told: Known) -> Iterable[_Case]:
    """Yield each edge over all its days of which a way is closed."""
    for row in proof.connections(sound, cluster, told).sort(edges.KEYS).iter_rows(named=True):
        ends = replay.ends(row, told)
        if ends is None:
            continue
        source, targets = ends
        for end, protocol, port in targets:
            if ways := replay.closed(policies, row, source, (end, protocol, port)):
                yield _Case(row, ways, source.text, end.text)


def _recurs(row: Mapping[str, Any]) -> bool:
    return bool(row["count"] >= RECURS and row["last"] - row["first"] >= APART)


def _doubt(case: _Case, tries: int) -> str:
    """Return why a connection is not proposed."""
    row = case.row
    if any(verdict.cause == "rule" for verdict in case.ways.values()):
        return "a rule denies it in so many words"
    if tries > TRIES:
        return f"who calls tried {tries:,} ends and ports that are no habit: it looks around"
    outside = {side: _address(row, side) for side in ("source", "destination")}
    if any(one is not None and one.is_link_local for one in outside.values()):
        return "a link-local address, where clouds have their metadata"
    if (one := outside["source"]) is not None and blocks.is_public(one):
        return "an address of the Internet calls in"
    if (one := outside["destination"]) is not None and blocks.is_public(one) and not row["name"]:
        return "an address of the Internet that no lookup named"
    if row["count"] < RECURS:
        return f"seen fewer than {RECURS} times"
    return "" if _recurs(row) else "all of them within an hour"


def _address(row: Mapping[str, Any], side: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return None if row[f"{side}_workload_name"] else blocks.address(row[f"{side}_ip"])


def _of(seen: pl.DataFrame, cases: Sequence[_Case], cluster: Cluster, way: Way) -> list[drafts.Policy]:
    """Return the policies that open one way to these cases: of each the rules of that way alone."""
    rows = [{name: case.row[name] for name in edges.KEYS} for case in cases]
    chosen = pl.DataFrame(rows, {name: edges.SCHEMA[name] for name in edges.KEYS})
    held = generate.generate(seen.join(chosen, on=edges.KEYS, how="semi", nulls_equal=True), cluster)
    return [_only(one, way) for one in held.policies if _rules(one, way)]


def _only(one: drafts.Policy, way: Way) -> drafts.Policy:
    rules = _rules(one, way)
    return one._replace(ingress=rules if way == "ingress" else (), egress=rules if way == "egress" else ())


def _rules(one: drafts.Policy, way: Way) -> tuple[drafts.Rule, ...]:
    rules = one.ingress if way == "ingress" else one.egress
    return tuple(rule for rule in rules if rule != drafts.USUAL_DNS)


def _files(parts: Mapping[Way, Sequence[drafts.Policy]]) -> dict[str, str]:
    """Return a file for each workload; its name has a digest of what it adds, so that none takes another's place."""
    whole: dict[str, drafts.Policy] = {}
    for policies in parts.values():
        for one in policies:
            before = whole.get(str(one.workload))
            both = (
                one
                if before is None
                else one._replace(ingress=before.ingress + one.ingress, egress=before.egress + one.egress)
            )
            whole[str(one.workload)] = both
    found = {}
    for key in sorted(whole):
        one = whole[key]
        digest = hashlib.sha256(networkpolicy_yaml.addition(one).encode()).hexdigest()[:8]
        named = one._replace(name=f"{one.name}-also-{digest}")
        found[f"{yaml_lines.folder(one.workload.namespace)}/{named.name}.yaml"] = networkpolicy_yaml.addition(named)
    return found


def _wanted(case: _Case, doubt: str) -> Wanted:
    row = case.row
    return Wanted(
        case.src, case.dst, row["l4_protocol"], row["destination_port"], row["count"], row["first"], row["last"], doubt
    )


def diff(files: Mapping[str, str]) -> str:
    r"""Return new files as a diff that `git apply` and `patch -p1` take.

    >>> print(diff({"shop/web.yaml": "kind: NetworkPolicy\n"}), end="")
    diff --git a/shop/web.yaml b/shop/web.yaml
    new file mode 100644
    --- /dev/null
    +++ b/shop/web.yaml
    @@ -0,0 +1 @@
    +kind: NetworkPolicy
    """
    return "".join(_added(name, text.splitlines()) for name, text in sorted(files.items()))


def _added(name: str, lines: Sequence[str]) -> str:
    head = [f"diff --git a/{name} b/{name}", "new file mode 100644", "--- /dev/null", f"+++ b/{name}"]
    length = f",{len(lines)}" if len(lines) != 1 else ""
    return "\n".join([*head, f"@@ -0,0 +1{length} @@", *(f"+{line}" for line in lines), ""])

"""An alert in words: what is new, how often and since when the usual was seen, who else does it, what would be normal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import narwhals.stable.v2 as nw

from plimsoll.detect import audit_rules, evidence, stories, weigh
from plimsoll.detect.acts import Act, Fact

RULES_TOLD = 3
REASONS = 5
"""Reasons an alert gives at most, the weightiest first."""
EVIDENCE = 50
ATTACK_OF_VERB = {
    "exec": "T1059", "spawn": "T1059", "connect": "T1071", "resolve": "T1071.004", "listen": "T1571", "accept": "T1021",
    "read": "T1005", "write": "T1565.001", "delete": "T1070.004", "syscall": "T1611", "impersonate": "T1134.001",
    "from": "T1078.004", "zone": "T1078.004", "address": "T1078.004", "agent": "T1078.004", "version": "T1078.004",
    "platform": "T1078.004", "credential": "T1078.004",
}  # fmt: skip
"""The ATT&CK technique a new fact of this verb most likely is, where the request does not say more."""
STOLEN = "T1528"

Told = dict[str, object]


class Usual:
    """What subjects usually do, to be put beside what is new."""

    def __init__(self, own: evidence.Frame, subjects: Collection[str]) -> None:
        self._shown: dict[tuple[str, str], list[tuple[str, str, int, datetime]]] = {}
        rows = own.filter(nw.col("subject").is_in(list(subjects))).collect().to_native()
        for row in rows.sort("own_count", "object", descending=[True, False]).iter_rows(named=True):
            self._shown.setdefault((row["subject"], row["verb"]), []).append(
                (row["given"], row["object"], row["own_count"], row["own_first"])
            )

    def of(self, subject: str, verb: str, given: str | None = None) -> list[tuple[str, int]]:
        """Return the usual objects with their counts, commonest first; `given` narrows them."""
        counts: dict[str, int] = {}
        for one, shown, count, _ in self._shown.get((subject, verb), []):
            if given is None or one == given:
                counts[shown] = counts.get(shown, 0) + count
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def alert(story: stories.Story, usual: Usual) -> Told:
    """Return the alert (tables.ALERTS) that tells a story."""
    chapter = story.chapter
    subject = chapter.actor[0]
    weighty = _weighty(chapter)
    return {
        "id": _identity(story),
        "time": chapter.first,
        "subject": subject,
        "title": _title(chapter, weighty),
        "severity": stories.severity(story.score, found=bool(chapter.findings)),
        "bits": round(story.score, 1),
        "why": _why(story, weighty, usual),
        "evidence": _evidence(story),
        "attack": _attack(chapter, weighty),
        "kind": _kind(chapter),
        "controls": _controls(chapter.rules),
        "maturity": maturity(chapter.facts),
        "facts": _facts(chapter),
    }


def _facts(chapter: stories.Chapter) -> list[str]:
    """Return what has to be approved so that the same is silent: facts, rules, and the place of a credential."""
    told = [f"{fact.verb} {fact.object}" for fact in chapter.facts if fact.bits >= stories.LEAST]
    places = [f"at {act.address}" for act in chapter.acts if act.findings]
    return list(dict.fromkeys([*told, *(f"rule {rule}" for rule in chapter.rules), *places]))


def _kind(chapter: stories.Chapter) -> str:
    """Return what the alert rests on most: the ledger, rules or deviations."""
    if chapter.findings:
        return "ledger"
    ruled = sum(bits for bits, _ in chapter.rules.values())
    return "rule" if ruled > chapter.score / 2 else "deviation"


def _controls(rules: Iterable[str]) -> list[str]:
    """Return the ids of these rules here and elsewhere."""
    known = audit_rules.by_id()
    return list(dict.fromkeys(control for rule in rules for control in (f"plimsoll:{rule}", *known[rule].controls)))


def maturity(facts: Collection[Fact]) -> str:
    """Return how well the subject was known when it was judged: unknown, learning or mature."""
    if not facts or not any(fact.subject_count for fact in facts):
        return "unknown"
    return "mature" if max(fact.subject_days for fact in facts) >= 7 else "learning"


def _weighty(chapter: stories.Chapter) -> list[Fact]:
    """Return the facts that speak for the alert, each once, the weightiest first."""
    deeds = [fact for bits, act in chapter.deeds.values() if bits > 0 for fact in act.facts if fact.view == "deed"]
    views = [fact for _, fact in chapter.views.values()]
    known = {fact.key: fact for fact in (*deeds, *views) if fact.bits >= stories.LEAST}
    return sorted(known.values(), key=lambda fact: (-fact.bits, fact.key))


def _gravest(chapter: stories.Chapter) -> list[Act]:
    """Return the acts of a chapter, gravest first: by the ledger, by their tactic, by their bits."""
    best = {id(act): bits for bits, act in chapter.deeds.values()}
    ruled = {id(act): bits for bits, act in sorted(chapter.rules.values(), key=lambda hit: hit[0])}
    return sorted(
        chapter.acts,
        key=lambda act: (
            not act.findings,
            -ruled.get(id(act), 0.0),
            -best.get(id(act), -99.0),
            -sum(max(0.0, fact.bits) for fact in act.facts),
            act.time,
        ),
    )


def _evidence(story: stories.Story) -> list[str]:
    ids: dict[str, None] = {}
    for chapter in (story.chapter, *story.repeats):
        acts = _gravest(chapter)
        for act in acts:
            ids |= dict.fromkeys(act.evidence[:1])
        for act in acts:
            ids |= dict.fromkeys(act.evidence)
    return list(ids)[:EVIDENCE]


def _attack(chapter: stories.Chapter, weighty: list[Fact]) -> list[str]:
    found = [STOLEN] if chapter.findings else []
    for rule in sorted(chapter.rules, key=lambda rule: -chapter.rules[rule][0]):
        found += audit_rules.by_id()[rule].attack
    for bits, act in sorted(chapter.deeds.values(), key=lambda item: -item[0]):
        known = weigh.sensitive().get(act.request)
        if known and bits > 0:
            found += known.attack
    found += [ATTACK_OF_VERB[fact.verb] for fact in weighty if fact.verb in ATTACK_OF_VERB]
    return list(dict.fromkeys(found))[:5]


def _title(chapter: stories.Chapter, weighty: list[Fact]) -> str:
    subject, address, client = chapter.actor
    subject = f"{subject}(no name)" if subject == "user:" else subject
    if chapter.findings:
        return f"token of {subject} used from elsewhere, {address} with {client or 'no client name'}"
    acts = [act for act in _gravest(chapter) if act.request]
    if _kind(chapter) == "rule":
        rule, (_, act) = _graver(chapter)[0]
        return f"{subject}: {audit_rules.by_id()[rule].title}, `{act.request}` in {act.namespace} from {address or 'nowhere'}"
    place = next((fact for fact in weighty if fact.view == "source"), None)
    deed = next((fact for fact in weighty if fact.view == "deed"), None)
    if acts:
        did = f"{acts[0].request} in {acts[0].namespace}" + (
            f" (answer: {acts[0].outcome})" if acts[0].outcome != "ok" else ""
        )
        new = "" if weighty and not deed else "for the first time " if deed and deed.new else ""
        return (
            f"{subject}: {did} {new}".strip()
            + (f" from {address}" if place else "")
            + (f" with {client}" if any(fact.view == "client" for fact in weighty) else "")
        )
    return f"{subject} {_deed_words(weighty[0])}" if weighty else f"{subject} behaves as it never did"


def _deed_words(fact: Fact) -> str:
    return _SAYS[fact.verb](fact)


def _why(story: stories.Story, weighty: list[Fact], usual: Usual) -> list[str]:
    found = story.chapter.findings
    said = found[:REASONS] + [f"and {_number(len(found) - REASONS, 'more token')} alike"] * (len(found) > REASONS)
    ruled = [(bits, _rule_words(rule, bits, act)) for rule, (bits, act) in _graver(story.chapter)[:RULES_TOLD]]
    unusual = [(fact.bits, reason(fact, usual)) for fact in weighty[:REASONS]]
    said += [text for _, text in sorted([*unusual, *ruled], key=lambda one: -one[0])]
    if story.repeats:
        said.append(f"again {_number(len(story.repeats), 'time')}, until {story.last:%Y-%m-%d %H:%M:%S}")
    young = "the cluster was being set up, when much is new" if story.chapter.founding else ""
    said += [text for text in (_normal(weighty, usual), young, _caution(story.chapter.facts)) if text]
    return said


def _graver(chapter: stories.Chapter) -> list[tuple[str, tuple[float, Act]]]:
    """Return the rules that a chapter broke, gravest first."""
    return sorted(chapter.rules.items(), key=lambda hit: (-hit[1][0], hit[0]))


def _rule_words(rule: str, bits: float, act: Act) -> str:
    known = audit_rules.by_id()[rule]
    return f"{known.title} (`{act.request}` in {act.namespace}): +{bits:.1f} bits; {known.why}"


def ruled(rule: str, acts: Sequence[Act]) -> Told:
    """Return the alert that a rule makes by itself of one actor's acts (ordered by time), whatever is usual."""
    known, first = audit_rules.by_id()[rule], acts[0]
    asked = dict.fromkeys(f"`{act.request}` in {act.namespace}" + f" of {act.name}" * bool(act.name) for act in acts)
    count = sum(act.count for act in acts)
    told = (
        f"{', '.join(list(asked)[:REASONS])} from {first.address or 'nowhere'} with {first.product or 'no client name'}"
    )
    name = f"{rule}\n{first.subject}\n{first.address}\n{first.product}\n{first.time.isoformat()}"
    return {
        "id": hashlib.sha256(name.encode()).hexdigest()[:16],
        "time": first.time,
        "subject": first.subject,
        "title": known.title,
        "severity": known.severity,
        "bits": known.bits,
        "why": [known.why, f"{told}, {_number(count, 'time')}"],
        "evidence": list(dict.fromkeys(one for act in acts for one in act.evidence)),
        "attack": list(known.attack),
        "kind": "rule",
        "controls": _controls([rule]),
        "maturity": maturity(first.facts),
        "facts": [f"rule {rule}"],
    }


def reason(fact: Fact, usual: Usual) -> str:
    """Return one reason in words, with the counts behind it."""
    counts = [f"+{fact.bits:.1f} bits"]
    often = usual.of(fact.subject, fact.verb, fact.given or None)
    if fact.own_count:
        counts.append(f"seen {_number(fact.own_count, 'time')} on {_number(fact.own_days, 'day')}")
    elif often and fact.own_context_count and fact.own_since:
        total = sum(count for _, count in often)
        counts.append(f"{total:,} since {fact.own_since:%Y-%m-%d}, usually {_listed(often)}")
    elif not fact.subject_count:
        counts.append(f"nothing was learned of {fact.subject} yet")
    if (others := fact.peer_members - (fact.own_total > 0)) > 0:
        showing = fact.peer_shown - (fact.own_count > 0)
        counts.append(
            f"{showing} of {_number(others, 'peer')} do{'es' * (showing == 1)}"
            if showing
            else f"none of its {_number(others, 'peer')} does"
        )
    return f"{_deed_words(fact)}: {'; '.join(counts)}"


def _listed(often: list[tuple[str, int]]) -> str:
    names = [name or "(none)" for name, _ in often]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _normal(weighty: list[Fact], usual: Usual) -> str:
    """Say what would not have been news."""
    wanted: dict[str, str] = {}
    for fact in weighty:
        verb = {"zone": "address", "from": "address"}.get(fact.verb, fact.verb)
        often = usual.of(
            fact.subject, verb, fact.given if verb in ("within", "version", "platform", "outcome") else None
        )
        if often and verb in _NORMALLY and verb not in wanted:
            wanted[verb] = f"{_NORMALLY[verb]} {_listed(often)}"
    return f"would be normal: {', '.join(wanted.values())}" if wanted else ""


def _caution(facts: list[Fact]) -> str:
    state = maturity(facts)
    if state == "unknown":
        return "judged by its peers alone: nothing was learned of it before"
    if state == "learning":
        days = max(fact.subject_days for fact in facts)
        return f"judged against a young profile: {_number(days, 'day')} learned of the 7 wanted"
    return ""


def _identity(story: stories.Story) -> str:
    """Return what names a story for good: it grows while it runs, its actor and beginning stay."""
    chapter = story.chapter
    return hashlib.sha256(f"{chapter.actor}\n{chapter.first.isoformat()}".encode()).hexdigest()[:16]


_NORMALLY = {
    "address": "from", "agent": "with", "version": "with its version", "platform": "on", "request": "requests such as", "within": "in namespace",
    "credential": "with certificate", "exec": "running", "connect": "connections to", "listen": "listening on", "write": "writing in", "read": "reading",
}  # fmt: skip

_SAYS: dict[str, Callable[[Fact], str]] = {
    "request": lambda fact: f"`{fact.object}` is {_rarity(fact)}",
    "within": lambda fact: f"`{fact.given}` in {fact.object} is {_rarity(fact)}",
    "touch": lambda fact: f"`{fact.given}` of {fact.object} is {_rarity(fact)}",
    "outcome": lambda fact: f"`{fact.given}` answered {fact.object} is {_rarity(fact)}",
    "zone": lambda fact: f"network {fact.object} is {_rarity(fact)}",
    "from": lambda fact: f"source {fact.object} is {_rarity(fact)}",
    "address": lambda fact: f"address {fact.object} is {_rarity(fact)}",
    "agent": lambda fact: f"client {fact.object or '(none)'} is {_rarity(fact)}",
    "version": lambda fact: f"version {fact.object or '(none)'} of {fact.given or 'its client'} is {_rarity(fact)}",
    "platform": lambda fact: f"platform {fact.object or '(none)'} of {fact.given or 'its client'} is {_rarity(fact)}",
    "credential": lambda fact: f"credential {fact.object[:24]} is {_rarity(fact)}",
    "impersonate": lambda fact: f"acting as {fact.object} is {_rarity(fact)}",
    "exec": lambda fact: f"ran {fact.object}, {_rarity(fact)}",
    "spawn": lambda fact: f"{fact.given} started {fact.object}, {_rarity(fact)}",
    "read": lambda fact: f"read {fact.object}, {_rarity(fact)}",
    "write": lambda fact: f"wrote in {fact.object}, {_rarity(fact)}",
    "delete": lambda fact: f"deleted in {fact.object}, {_rarity(fact)}",
    "connect": lambda fact: f"connected to {fact.object}, {_rarity(fact)}",
    "listen": lambda fact: f"listened on {fact.object}, {_rarity(fact)}",
    "accept": lambda fact: f"was called on {fact.given} from {fact.object}, {_rarity(fact)}",
    "resolve": lambda fact: f"asked for the name {fact.object}, {_rarity(fact)}",
    "syscall": lambda fact: f"called {fact.object}, {_rarity(fact)}",
    "rule": lambda fact: f"set off the rule “{fact.object}”, {_rarity(fact)}",
}


def _rarity(fact: Fact) -> str:
    return "new" if fact.new else "rare"

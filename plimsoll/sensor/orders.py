"""What people ask of a running agent: how it goes, a workload's mode, what is normal after all, to stop a container."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime
from typing import Any

from plimsoll import errors
from plimsoll.sensor import cgroups, freezer, profiles
from plimsoll.sensor.agent import ENFORCE, MODES, Agent, Bound
from plimsoll.sensor.alerts import MODES as WORDS
from plimsoll.sensor.control import Question
from plimsoll.sensor.shapes import Counters, Kind, Mode, Option
from plimsoll.sensor.sink import Sink

ALSO = {
    "spawn": Option.KILL_SPAWN, "write": Option.KILL_WRITE, "listen": Option.KILL_LISTEN, "uring": Option.KILL_URING,
}  # fmt: skip
"""What prevent mode stops where it is asked to, beside unknown programs and connections."""

Told = dict[str, Any]


class Orders:
    """Answers questions for an agent."""

    def __init__(self, agent: Agent, sinks: list[Sink]) -> None:
        self._agent, self._sinks = agent, sinks

    def answer(self, question: Question) -> Any:
        """Do what is asked, and note who asked; PlimsollError where it cannot be done."""
        match question.do:
            case "status":
                return self.status()
            case "get":
                return [self._mode(one) for one in self._agent.profiles.matching(question.subject)]
            case "set":
                return self._set(question)
            case "break-glass" | "lift":
                return self._glass(question)
            case "news":
                return self._news(question)
            case "allow" | "disallow":
                return self._decide(question)
            case "decisions":
                return self._decisions(question)
            case _:
                return self._act(question)

    def status(self) -> Told:
        """Return how the agent and each workload are."""
        agent = self._agent
        agent.count()
        return {
            "coverage": [one._asdict() for one in agent.kernel.coverage],
            "drops": agent.drops + sum(sink.dropped for sink in self._sinks),
            "losses": {why.name.lower(): count for why, count in agent.kernel.losses().items()},
            "events": agent.events,
            "enforce": agent.profiles.kept(ENFORCE) != "off",
            "sends": [sink.status() for sink in self._sinks if sink.status()],
            "workloads": [self._workload(one) for one in agent.profiles.all()],
        }

    def _workload(self, workload: profiles.Workload) -> Told:
        agent = self._agent
        counters = agent.counters.get(workload.id, Counters())
        facts, novelties = agent.profiles.counts(workload)
        bound = agent.of(workload)
        return self._mode(workload) | {
            "containers": len({one.identity.container_id for one in bound}),
            "facts": facts,
            "hits": workload.hits,
            "novelties": novelties,
            "drops": counters.drops,
            "stopped": counters.kills + counters.denies,
            "suppressed": counters.suppressed,
            "maturity": workload.maturity.state,
            "known": workload.maturity.sentence,
            "unproved": sorted({one.image for one in bound if one.unproved}),
            "isolated": sorted({one.identity.container_id for one in bound if one.isolated}),
            "frozen": sorted({one.identity.container_id for one in bound if one.frozen}),
        }

    def _mode(self, workload: profiles.Workload) -> Told:
        protected = next((one.identity.reason for one in self._agent.of(workload) if one.identity.protected), "")
        also = [name for name, bit in ALSO.items() if workload.options & bit]
        return {
            "subject": workload.subject, "mode": WORDS[workload.mode], "also": also, "budget": workload.budget,
            "protected": protected,
        }  # fmt: skip

    def _set(self, question: Question) -> Told:
        agent = self._agent
        found = self._found(question)
        mode = MODES[question.mode]
        refused = {one.subject: self._refusal(one) for one in found} if mode == Mode.PREVENT else {}
        for workload in found:
            if not refused.get(workload.subject):
                workload.options = sum(ALSO[name] for name in question.also)
                workload.budget = workload.budget if question.budget is None else question.budget
                workload.pinned = int(mode == Mode.ALERT)
                agent.switch(workload, mode)
                self._note(question, f"mode {question.mode}", workload.subject, " ".join(question.also))
        return {
            "set": [self._mode(one) for one in found if not refused.get(one.subject)],
            "refused": [{"subject": subject, "why": why} for subject, why in refused.items() if why],
        }

    def _refusal(self, workload: profiles.Workload) -> str:
        """Say why a workload may not be stopped from anything, empty where it may."""
        mode = self._mode(workload)
        if mode["protected"]:
            return f"protected: {mode['protected']}"
        return (
            ""
            if self._agent.profiles.counts(workload)[0]
            else "nothing was learned of it: all it does would be stopped"
        )

    def _glass(self, question: Question) -> Told:
        broken = question.do == "break-glass"
        self._agent.profiles.keep(ENFORCE, "off" if broken else "on")
        self._agent.arm()
        self._note(question, question.do)
        return {"enforce": not broken}

    def _note(self, question: Question, did: str, subject: str = "", what: str = "") -> None:
        self._agent.profiles.noted(question.by or "root", did, subject, what)
        self._agent.profiles.commit()

    def _found(self, question: Question) -> list[profiles.Workload]:
        found = self._agent.profiles.matching(question.subject)
        if not found:
            raise errors.InputError(f"no workload here is {question.subject}")
        return found

    def _news(self, question: Question) -> list[Told]:
        """Return what was told of workloads and not learned, with the ids that `allow` takes."""
        kept = self._agent.profiles
        return [
            _row(workload, fact) | {"covered": self._agent.covered(workload, fact)}
            for workload in self._found(question)
            for fact in kept.facts(workload, learned=False)
            if fact.kind != Kind.SPAWN or not _goes_with(fact, kept.facts(workload, learned=False))
        ]

    def _decide(self, question: Question) -> list[Told]:
        """Make facts of workloads known, or unknown again."""
        known, told = question.do == "allow", []
        for workload in self._found(question):
            there = self._agent.profiles.facts(workload, learned=not known)
            wanted = [fact for fact in there if any(_means(text, fact) for text in question.facts)]
            for fact in self._agent.decide(workload, wanted, known=known) if wanted else ():
                self._note(question, question.do, workload.subject, f"{fact.verb} {fact.text}")
                told.append(_row(workload, fact) | {"covered": not known and self._agent.covered(workload, fact)})
        if not told:
            kind = "told and not learned" if known else "known"
            raise errors.InputError(f"nothing of {question.subject} that is {kind} is {' or '.join(question.facts)}")
        return told

    def _decisions(self, question: Question) -> list[Told]:
        """Return what people, and the agent by its rules, decided."""
        kept = self._agent.profiles
        subjects = None if question.subject == "*" else [one.subject for one in self._found(question)]
        return [one._asdict() | {"time": datetime.fromtimestamp(one.time, UTC)} for one in kept.decisions(subjects)]

    def _act(self, question: Question) -> list[Told]:
        """Isolate, release, freeze or thaw the containers of a workload, or one by its id."""
        agent = self._agent
        workloads = {one.id for one in agent.profiles.matching(question.subject)}
        bound = [one for one in agent.bound() if one.workload.id in workloads or _names(one, question.subject)]
        if not bound:
            raise errors.InputError(f"no container here is {question.subject}")
        on = question.do in ("isolate", "freeze")
        if on and (why := next((one.identity.reason for one in bound if one.identity.protected), "")):
            raise errors.UsageError(f"{question.subject} is protected: {why}")
        for one in bound:
            self._do(one, question, on=on)
            self._note(question, question.do, one.workload.subject, one.identity.container_id)
        return [
            {"subject": one.workload.subject, "container": one.identity.container_id, "did": question.do}
            for one in bound
        ]

    def _do(self, bound: Bound, question: Question, *, on: bool) -> None:
        agent = self._agent
        if question.do in ("isolate", "release"):
            if bound.key & cgroups.V1:  # packets know the groups of version 2 only
                raise errors.PlimsollError(f"{bound.identity.container_id}: it is in no cgroup of version 2")
            agent.kernel.isolate(bound.key, on, question.probes)
            bound.isolated = on
            return
        groups = agent.identities.groups
        path = groups.path(bound.key)
        if path is None:
            raise errors.PlimsollError(f"{bound.identity.container_id}: its cgroup is not to be found here")
        freezer.freeze(groups.hierarchy.unified, path, on=on)
        bound.frozen = on


def _row(workload: profiles.Workload, fact: profiles.Known) -> Told:
    first, last = (datetime.fromtimestamp(at, UTC) for at in (fact.first, fact.last))
    return {
        "id": fact.id, "subject": workload.subject, "verb": fact.verb, "object": fact.text, "times": fact.times,
        "first": first, "last": last,
    }  # fmt: skip


def _means(text: str, fact: profiles.Known) -> bool:
    """Whether a text is a fact's id, or a glob over its verb and object."""
    return text == fact.id or fnmatch.fnmatchcase(f"{fact.verb} {fact.text}", text)


def _goes_with(start: profiles.Known, facts: list[profiles.Known]) -> bool:
    """Whether a start is that of a program that is new itself."""
    return any(one.kind == Kind.EXEC and start.text.startswith(f"{one.text} from ") for one in facts)


def _names(bound: Bound, text: str) -> bool:
    return len(text) >= 8 and bound.identity.container_id.startswith(text)

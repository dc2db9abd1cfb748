"""What people ask of a running agent: how it goes, a workload's mode, and to stop a container at once."""

from __future__ import annotations

from typing import Any

from plimsoll import errors
from plimsoll.sensor import freezer, profiles
from plimsoll.sensor.agent import ENFORCE, MODES, Agent, Bound
from plimsoll.sensor.alerts import MODES as WORDS
from plimsoll.sensor.control import Question
from plimsoll.sensor.shapes import Counters, Mode, Option
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
        """Do what is asked; PlimsollError where it cannot be done."""
        match question.do:
            case "status":
                return self.status()
            case "get":
                return [self._mode(one) for one in self._agent.profiles.matching(question.subject)]
            case "set":
                return self._set(question)
            case "break-glass" | "lift":
                return self._glass(broken=question.do == "break-glass")
            case _:
                return self._act(question)

    def status(self) -> Told:
        """Return how the agent and each workload are."""
        agent = self._agent
        agent.count()
        return {
            "coverage": [one._asdict() for one in agent.kernel.coverage],
            "drops": agent.drops + sum(sink.dropped for sink in self._sinks),
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
        found = agent.profiles.matching(question.subject)
        if not found:
            raise errors.InputError(f"no workload here is {question.subject}")
        mode = MODES[question.mode]
        refused = {one.subject: self._refusal(one) for one in found} if mode == Mode.PREVENT else {}
        for workload in found:
            if not refused.get(workload.subject):
                workload.options = sum(ALSO[name] for name in question.also)
                workload.budget = workload.budget if question.budget is None else question.budget
                agent.switch(workload, mode)
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

    def _glass(self, *, broken: bool) -> Told:
        self._agent.profiles.keep(ENFORCE, "off" if broken else "on")
        self._agent.arm()
        return {"enforce": not broken}

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
        return [
            {"subject": one.workload.subject, "container": one.identity.container_id, "did": question.do}
            for one in bound
        ]

    def _do(self, bound: Bound, question: Question, *, on: bool) -> None:
        agent = self._agent
        if question.do in ("isolate", "release"):
            agent.kernel.isolate(bound.key, on, question.probes)
            bound.isolated = on
            return
        groups = agent.identities.groups
        path = groups.path(bound.key)
        if path is None:
            raise errors.PlimsollError(f"{bound.identity.container_id}: its cgroup is not to be found here")
        freezer.freeze(groups.hierarchy.unified, path, on=on)
        bound.frozen = on


def _names(bound: Bound, text: str) -> bool:
    return len(text) >= 8 and bound.identity.container_id.startswith(text)

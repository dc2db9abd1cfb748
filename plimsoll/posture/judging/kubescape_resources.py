"""What a container may take of its node, and how the kubelet knows that it is well."""

from __future__ import annotations

from plimsoll.posture.check import Test, Violation, test
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found, lasting
from plimsoll.posture.objects import Cluster, Object, at

_Amount = tuple[str, str]
_NOTHING = (None, "")
_CPU_LIMIT, _CPU_REQUEST = ("limits", "cpu"), ("requests", "cpu")
_MEMORY_LIMIT, _MEMORY_REQUEST = ("limits", "memory"), ("requests", "memory")


def _rule(name: str, *amounts: _Amount) -> Test:
    """Register a test that wants all of these amounts."""
    field = f".{'.'.join(amounts[0])}" if len(amounts) == 1 else ""

    @test(*MAKERS, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        for container in lasting(one):
            missing = [f"{of} {kind}" for kind, of in amounts if at(container.body, "resources", kind, of) in _NOTHING]
            if missing:
                yield Violation(f"{container.field}.resources{field}", f"no {' and no '.join(missing)}")

    return judged


cpu_limit = _rule("cpu_limit", _CPU_LIMIT)
cpu_request = _rule("cpu_request", _CPU_REQUEST)
cpu = _rule("cpu", _CPU_LIMIT, _CPU_REQUEST)
memory_limit = _rule("memory_limit", _MEMORY_LIMIT)
memory_request = _rule("memory_request", _MEMORY_REQUEST)
memory = _rule("memory", _MEMORY_LIMIT, _MEMORY_REQUEST)
limits = _rule("limits", _CPU_LIMIT, _MEMORY_LIMIT)


def _probe(name: str, field: str) -> Test:
    @test(*MAKERS, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        for container in lasting(one):
            if not container.body.get(field):
                yield Violation(f"{container.field}.{field}", f"it has no {field}")

    return judged


liveness = _probe("liveness", "livenessProbe")
readiness = _probe("readiness", "readinessProbe")

"""A recording of all that containers do, as activity rows: JSON lines that `plimsoll learn` reads.

Nothing is judged: containers stay as they are announced, so the kernel tells every act of theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from plimsoll.sensor import activity, dns, names
from plimsoll.sensor.identity import Identities, Identity
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Event, Kind, Mode, Option

POLL = 0.1
HELD = 20_000
"""Events that wait until it is known whose they are."""


class Recorder:
    """Writes the events of every container to a file."""

    def __init__(self, kernel: Kernel, identities: Identities, file: BinaryIO) -> None:
        self._kernel, self._identities, self._file = kernel, identities, file
        self._held: dict[int, list[Event]] = {}
        self._known: set[int] = set()
        self._names = names.Names()
        self._encode = msgspec.json.Encoder().encode
        self.written = self.missed = 0

    def start(self) -> None:
        """Record what runs already, too."""
        self._kernel.control(enforce=False, max_silence=0, default_mode=Mode.LEARN)
        self._identities.seed()
        self._held = {task.container: [] for task in self._kernel.running()}
        self._release()

    def run(self, seconds: float | None, ended: Callable[[], bool] = lambda: False) -> None:
        """Record for so long, or until ended."""
        until = time.monotonic() + seconds if seconds is not None else None
        while not ended() and (until is None or time.monotonic() < until):
            for event in self._kernel.poll(POLL):
                self.take(event)
            self._release()
            self._file.flush()

    def take(self, event: Event) -> None:
        """Write one event, or keep it until its container is known."""
        if event.kind in (Kind.BORN, Kind.JOINED):
            self._held.setdefault(event.container, [])
            self._identities.look(event.container, event.path, event.argument or event.pid)
            return
        identity = self._identities.look(event.container)
        if identity is not None and event.container not in self._held:
            self._write(event, identity)
        elif len(held := self._held.setdefault(event.container, [])) < HELD:
            held.append(event)
        else:
            self.missed += 1
        if event.kind == Kind.GONE:
            self._release()
            self._held.pop(event.container, None)
            self._identities.forget(event.container)
            self._names.forget(event.container)

    def _release(self) -> None:
        """Write what is known by now; what is no container's is nobody's."""
        waiting = set(self._identities.waiting())
        for key in list(self._held):
            identity = self._identities.look(key)
            if identity is not None:
                if key not in self._known:
                    self._known.add(key)
                    self._kernel.bind(key, 0, Mode.LEARN, Option.PROVISIONAL)
                for event in self._held.pop(key):
                    self._write(event, identity)
            elif key not in waiting:
                del self._held[key]
                self._kernel.unbind(key)

    def _write(self, event: Event, identity: Identity) -> None:
        key = event.container
        if event.kind == Kind.ANSWER:
            self._names.remember(key, dns.answer(event.payload), event.time)
        named = self._names.of(key, event.address, event.time) if event.kind == Kind.CONNECT else ""
        row = activity.row(event, columns(identity) | {"fd_sip_name": named})
        if row:
            self.written += 1
            self._file.write(self._encode({"evt_num": self.written, **row}) + b"\n")

    def close(self) -> int:
        """End; return how many events were lost."""
        self._release()
        drops = self._kernel.drops()
        lost = self.missed + sum(drops.get(key, 0) for key in {0, *self._known})
        self._kernel.close(unpin=True)
        return lost


def columns(identity: Identity) -> dict[str, activity.Value]:
    """Return what is known of a container as columns of its rows; without a pod it is one of the host's."""
    told: dict[str, activity.Value] = {
        "container_id": identity.container_id,
        "container_name": identity.container,
        "container_image": identity.image,
        "container_image_digest": identity.image_digest,
    }
    if identity.pod:
        told |= {
            "k8s_ns_name": identity.namespace,
            "k8s_pod_name": identity.pod,
            "k8s_pod_uid": identity.pod_uid,
            "k8s_workload_kind": identity.workload_kind,
            "k8s_workload_name": identity.workload_name,
        }
    return told

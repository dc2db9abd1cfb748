from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from plimsoll import errors, flow, flow_profile, flow_serve
from plimsoll.sensor.spool import Spool
from plimsoll.server import guard
from tests.server import senders


@dataclasses.dataclass
class Served:
    """A server in this process, what it printed, and a client."""

    server: flow_serve.Server
    sender: senders.Sender
    alerts: list[flow.Alert]
    warnings: list[str]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20) -> bool:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            time.sleep(0.02)
        return condition()

    def metric(self, name: str) -> float:
        lines = self.sender.get("/metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def made(
            directory: Path | None = None, emit: Callable[[list[flow.Alert]], None] | None = None, **options: object
        ) -> Served:
            alerts: list[flow.Alert] = []
            warnings: list[str] = []
            settings = flow_serve.Settings(directory, tmp_path / "received", ("127.0.0.1", 0), **options)  # type: ignore[arg-type]
            server = flow_serve.Server(settings, emit or alerts.extend, warnings.append)
            stack.callback(server.close)
            server.start()
            sender = senders.Sender(server.url)
            stack.callback(sender.close)
            return Served(server, sender, alerts, warnings)

        yield made


def habit(tmp_path: Path, count: int = 300) -> Path:
    """A profile of somebody who lists pods."""
    log = tmp_path / "habit.log"
    log.write_text("".join(json.dumps(senders.event(number)) + "\n" for number in range(count)))
    flow.learn([str(log)], tmp_path / "profile")
    return tmp_path / "profile"


def theft(number: int) -> dict[str, object]:
    """The same identity from elsewhere, reading secrets with another client."""
    return senders.event(
        number, sourceIPs=["203.0.113.9"], userAgent="curl/8.5.0", requestURI="/api/v1/namespaces/kube-system/secrets",
        objectRef={"resource": "secrets", "namespace": "kube-system", "apiVersion": "v1"},
    )  # fmt: skip


def test_what_is_posted_is_judged_by_the_profile(serve: Serve, tmp_path: Path) -> None:
    served = serve(habit(tmp_path))
    served.sender.post("/k8s-audit", senders.event_list(*map(senders.event, range(1000, 1010))))
    served.sender.post("/k8s-audit", senders.event_list(theft(1010)))
    assert served.wait_for(lambda: bool(served.alerts))
    assert served.alerts[0]["subject"] == "sa:ci/deployer"
    assert served.metric("plimsoll_alerts_total") == 1
    assert served.wait_for(lambda: served.metric('plimsoll_lag_bytes{door="audit"}') == 0)


def test_alerts_of_sensors_are_handed_on_as_they_are(serve: Serve) -> None:
    served = serve()
    served.sender.post("/sensor", senders.sensor_alert(1) + b"\n" + senders.sensor_alert(2) + b"\n")
    assert served.wait_for(lambda: len(served.alerts) == 2)
    assert served.alerts == [json.loads(senders.sensor_alert(number)) for number in (1, 2)]


def test_the_spool_of_a_sensor_gets_rid_of_its_alerts(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    spool = Spool(tmp_path / "spool", f"{served.server.url}/sensor")
    spool.start()
    for number in range(100):
        spool.put(senders.sensor_alert(number) + b"\n")
    assert served.wait_for(lambda: len(served.alerts) == 100)
    spool.close()
    assert spool.status()["waiting"] == 0
    assert (spool.sent, spool.error) == (100, "")


def test_alerts_of_falco_are_judged(serve: Serve) -> None:
    served = serve()
    served.sender.post("/falco", senders.falco_alert(1))
    assert served.wait_for(
        lambda: served.metric('plimsoll_judged_records{door="falco detect",outcome="accepted"}') == 1
    )


def test_what_is_posted_is_learned_where_asked_to(serve: Serve, tmp_path: Path) -> None:
    served = serve(tmp_path / "profile", learn=True)
    served.sender.post("/k8s-audit", senders.event_list(*map(senders.event, range(50))))
    assert served.wait_for(
        lambda: served.metric('plimsoll_judged_records{door="audit learn",outcome="accepted"}') == 50
    )
    assert "sa:ci/deployer" in flow_profile.known(tmp_path / "profile")["subject"].to_list()


def test_what_was_acknowledged_but_not_judged_is_judged_by_the_next_run(tmp_path: Path) -> None:
    held, told = threading.Event(), list[flow.Alert]()
    settings = flow_serve.Settings(None, tmp_path / "received", ("127.0.0.1", 0))
    for emit in (lambda _: _raise(OSError(28, "No space left on device")), told.extend):
        server = flow_serve.Server(settings, emit, lambda _: held.set())
        server.start()
        sender = senders.Sender(server.url)
        if not held.is_set():
            assert sender.post("/sensor", senders.sensor_alert(1)).status == 200
            assert held.wait(10)
            assert sender.get("/healthz")[0] == 503
        until = time.monotonic() + 10
        while emit == told.extend and not told and time.monotonic() < until:
            time.sleep(0.02)
        sender.close()
        server.close()
    assert [alert["id"] for alert in told] == ["a1"]


def _raise(error: Exception) -> None:
    raise error


def test_trouble_that_passes_is_told_once_and_lived_through(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_serve, "AGAIN", 0.01)
    tries: list[int] = []

    def reluctant(_: list[flow.Alert]) -> None:
        tries.append(1)
        if len(tries) < 5:
            raise OSError(28, "No space left on device")

    served = serve(emit=reluctant)
    served.sender.post("/sensor", senders.sensor_alert(1))
    assert served.wait_for(lambda: len(tries) == 5)
    assert served.wait_for(lambda: served.sender.get("/healthz")[0] == 200)
    assert len(served.warnings) == 1
    assert not served.server.ended.is_set()


def test_a_mistake_of_ours_ends_the_server_instead_of_judging_nothing(serve: Serve) -> None:
    served = serve(emit=lambda _: _raise(ZeroDivisionError()))
    served.sender.post("/sensor", senders.sensor_alert(1))
    assert served.server.ended.wait(10)
    assert isinstance(served.server.failure, ZeroDivisionError)


def test_segments_that_were_judged_go(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("plimsoll.server.journal.SEGMENT", 1)
    served = serve(quota=1 << 20)
    for number in range(30):
        big = senders.event(number, requestURI="/" + "x" * 30_000)
        assert served.sender.post(
            "/k8s-audit", senders.event_list(*[big | {"auditID": f"{number}-{n}"} for n in range(10)])
        ).status in (200, 429)
    assert served.wait_for(lambda: len([*(tmp_path / "received" / "audit").glob("audit*.jsonl")]) <= 2)


def test_two_servers_do_not_share_a_journal(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    monkeypatch.setattr("plimsoll.store.durable.WAIT_SECONDS", 0.1)
    with pytest.raises(errors.PlimsollError, match="another process"):
        serve()


@pytest.mark.parametrize(
    ("directory", "options"),
    [
        ("absent", {}),
        (None, {"learn": True}),
        (None, {"quota": 0}),
        (None, {"access": guard.Access(client_ca=Path("x"))}),
    ],
)
def test_what_cannot_work_is_said_before_it_listens(
    serve: Serve, tmp_path: Path, directory: str | None, options: dict[str, object]
) -> None:
    with pytest.raises(errors.PlimsollError):
        serve(tmp_path / directory if directory else None, **options)

"""Alerts: what is new in words, one story an actor, told at once and not twice."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.sensor import alerts, profiles
from plimsoll.sensor.shapes import Event, Flag, Kind, Mode
from tests.sensor.fakes import REDIS, START, Clock, event

WORKLOAD = profiles.Workload(1, REDIS, Mode.ALERT, 0.0, hits=9, days=1, quiet=50)
USUAL = profiles.Usual(3, START.timestamp(), ("/usr/bin/redis-server",))


class Desk:
    def __init__(self) -> None:
        self.clock = Clock()
        self.teller = alerts.Teller(lambda workload, verb: USUAL, self.clock)
        self.numbers = 0

    def tell(self, one: Event, folders: dict[str, frozenset[str]] | None = None) -> list[alerts.Alert]:
        self.numbers += 1
        novelty = alerts.weighed(one, self.numbers, folders or {})
        assert novelty
        return self.teller.tell(WORKLOAD, alerts.Who("redis-0", "abc", "redis:7"), novelty)


def new(kind: Kind, path: str = "", **more: Any) -> Event:
    return event(kind, path, mode=Mode.ALERT, **more)


def test_a_shell_entered_from_outside_is_told_in_words() -> None:
    shell = new(Kind.EXEC, "/bin/sh", flags=Flag.NEW | Flag.ENTERED | Flag.WOULD_STOP, args=("/bin/sh", "-c", "id"))
    (alert,) = Desk().tell(shell)
    assert alert.title == f"{REDIS} ran /bin/sh, entered from outside: would be stopped in prevent mode"
    assert alert.why[0] == (
        "ran /bin/sh, entered from outside, new: +13 bits; 3 programs learned since 2026-03-02 10:00, usually /usr/bin/redis-server"
    )
    assert any("a shell" in reason for reason in alert.why)
    assert any("`/bin/sh -c id`" in reason for reason in alert.why)
    assert (alert.action, alert.mode, alert.kind) == ("would-stop", "alert", "deviation")
    assert {"T1059.004", "T1609"} <= set(alert.attack)


@pytest.mark.parametrize(
    ("made", "technique", "says"),
    [
        (new(Kind.EXEC, "memfd:x", flags=Flag.NEW | Flag.MEMFD), "T1620", "no file"),
        (new(Kind.EXEC, "/data/x", flags=Flag.NEW | Flag.UPPER_LAYER), "T1105", "not from the image"),
        (new(Kind.CONNECT, address="203.0.113.9", port=3333, protocol="tcp"), "T1496", "mining pools"),
        (new(Kind.READ, "/etc/shadow"), "T1003.008", "password hashes"),
        (new(Kind.WRITE, "/etc/cron.d/job"), "T1053.003", "timed jobs"),
        (new(Kind.READ, "/run/secrets/kubernetes.io/serviceaccount/token"), "T1528", "credential"),
        (new(Kind.WRITE, "/root/.ssh/authorized_keys"), "T1098.004", "SSH keys"),
    ],
)
def test_what_attackers_do_is_told_alone_and_by_its_technique(made: Event, technique: str, says: str) -> None:
    (alert,) = Desk().tell(made)
    assert technique in alert.attack
    assert any(says in reason for reason in alert.why)


def test_one_more_file_of_a_folder_that_is_used_is_no_alert() -> None:
    folders = {"read": frozenset({"/srv"}), "write": frozenset({"/data"})}
    desk = Desk()
    assert desk.tell(new(Kind.READ, "/srv/page.html"), folders) == []
    assert desk.tell(new(Kind.WRITE, "/data/more"), folders) == []
    assert desk.tell(new(Kind.READ, "/opt/other"), folders) == []


def test_a_write_where_nothing_was_ever_written_is_told() -> None:
    assert len(Desk().tell(new(Kind.WRITE, "/opt/x"), {"write": frozenset({"/data"})})) == 1


def test_what_one_actor_does_at_once_is_one_alert_that_grows() -> None:
    desk = Desk()
    (first,) = desk.tell(new(Kind.EXEC, "/bin/sh", pid=7))
    assert desk.tell(new(Kind.EXEC, "/bin/nc", pid=8, ppid=7)) == []
    desk.clock.now += alerts.PAUSE
    (second,) = desk.teller.flush()
    assert second.id == first.id
    assert second.bits > first.bits
    assert "and 1 more new fact" in second.title
    assert desk.teller.flush() == []


def test_two_actors_are_two_alerts() -> None:
    desk = Desk()
    (one,) = desk.tell(new(Kind.EXEC, "/bin/sh", pid=7))
    (other,) = desk.tell(new(Kind.READ, "/etc/shadow", pid=9))
    assert one.id != other.id


def test_the_same_fact_is_not_told_again_within_a_breath() -> None:
    desk = Desk()
    desk.tell(new(Kind.EXEC, "/bin/sh", pid=7))
    desk.clock.now += 5
    assert desk.tell(new(Kind.EXEC, "/bin/sh", pid=9)) == []
    desk.clock.now += 11
    desk.teller.flush()
    assert len(desk.tell(new(Kind.EXEC, "/bin/sh", pid=11))) == 1


def test_that_something_was_stopped_is_news() -> None:
    desk = Desk()
    desk.tell(new(Kind.EXEC, "/bin/sh", pid=7))
    desk.clock.now += 1
    (told,) = desk.tell(new(Kind.EXEC, "/bin/sh", pid=7, flags=Flag.NEW | Flag.KILLED))
    assert told.action == "stopped"
    assert told.title.endswith(": stopped")


def test_a_flood_is_one_story_with_an_end() -> None:
    desk = Desk()
    told = [alert for n in range(1000) for alert in desk.tell(new(Kind.EXEC, f"/opt/{'ab'[n % 2]}q{n}x", pid=1000 + n))]
    assert len(told) <= alerts.OPEN
    desk.clock.now += 1
    assert all(len(alert.why) < 40 and len(alert.evidence) <= alerts.EVIDENCE for alert in desk.teller.flush())


def test_old_actors_are_forgotten() -> None:
    desk = Desk()
    for n in range(50):
        desk.tell(new(Kind.EXEC, "/bin/sh", pid=n))
        desk.clock.now += alerts.BREATH + 1
        desk.teller.flush()
    assert not desk.teller._actors


def test_a_spent_budget_is_said() -> None:
    (alert,) = Desk().tell(new(Kind.EXEC, "/bin/sh", flags=Flag.NEW | Flag.SUPPRESSED))
    assert any(reason.startswith("not stopped: more than 20") for reason in alert.why)


def test_a_servers_own_data_grows_without_an_alarm() -> None:
    folders = {"write": frozenset({"/data/pg"}), "read": frozenset({"/app"})}
    desk = Desk()
    for folder in ("pg_xact", "pg_subtrans", "pg_logical", "pg_multixact/offsets", "base/5"):
        for n in range(8):
            assert desk.tell(new(Kind.WRITE, f"/data/pg/{folder}/{n}"), folders) == []
            assert desk.tell(new(Kind.DELETE, f"/data/pg/{folder}/{n}.old"), folders) == []
            assert desk.tell(new(Kind.READ, f"/app/{folder}/{n}.js"), folders) == []


@pytest.mark.parametrize("path", ["/data/.ssh/authorized_keys", "/data/www/shell.php", "/tmp/.x/payload", "/opt/x"])
def test_what_attackers_write_is_told_wherever_it_lies(path: str) -> None:
    assert Desk().tell(new(Kind.WRITE, path), {"write": frozenset({"/data", "/tmp"})})


def test_who_enters_again_is_told_again() -> None:
    desk = Desk()
    flags = Flag.NEW | Flag.ENTERED
    (one,) = desk.tell(new(Kind.EXEC, "/bin/sh", pid=7, flags=flags))
    desk.clock.now += 2
    (other,) = desk.tell(new(Kind.EXEC, "/bin/sh", pid=9, flags=flags))
    assert one.id != other.id

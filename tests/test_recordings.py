"""The bundled recording of containers: what was learned of five servers finds every attack on them, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
import zstandard

from plimsoll import demo, flow

ROOM = timedelta(seconds=2)
"""Between the clock of who attacks and the kernel's."""


class Attack(msgspec.Struct, frozen=True):
    """When a server was attacked, and how."""

    begin: datetime
    end: datetime
    subject: str
    attack: str
    name: str

    def told_by(self, alert, times) -> bool:
        """Whether one of the three gravest events of its evidence is of the attack."""
        gravest = [times[int(number) - 1] for number in alert["evidence"][:3]]
        during = any(self.begin - ROOM <= time <= self.end + ROOM for time in gravest)
        return alert["subject"] == self.subject and during


class Row(msgspec.Struct, frozen=True):
    """What we need of an event."""

    time: datetime


@pytest.fixture(scope="module")
def times() -> list[datetime]:
    """When each event of the judged part happened."""
    with demo.recordings() as place:
        whole = zstandard.ZstdDecompressor().stream_reader((place / "activity-judge.jsonl.zst").read_bytes()).read()
    return [msgspec.json.decode(line, type=Row).time for line in whole.splitlines()]


@pytest.fixture(scope="module")
def attacks() -> list[Attack]:
    with demo.recordings() as place:
        lines = (place / "activity-labels.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Attack) for line in lines]


@pytest.fixture(scope="module")
def alerts(tmp_path_factory):
    profile = tmp_path_factory.mktemp("servers") / "profile"
    with demo.recordings() as place:
        learned = flow.learn([str(place / "activity-learn.jsonl.zst")], profile)
        found = flow.detect([str(place / "activity-judge.jsonl.zst")], profile)
    assert not learned.intake.rejects.total
    assert not found.intake.rejects.total
    return found.alerts


def test_every_attack_is_told(attacks, alerts, times):
    assert [attack for attack in attacks if not any(attack.told_by(alert, times) for alert in alerts)] == []


def test_at_most_one_alert_is_of_anything_else(attacks, alerts, times):
    others = [alert for alert in alerts if not any(attack.told_by(alert, times) for attack in attacks)]
    assert len(others) <= 1, [alert["title"] for alert in others]


def test_the_recording_is_small_and_says_nothing_of_the_machine_it_was_made_on():
    with demo.recordings() as place:
        files = [*place.glob("activity-*")]
        text = b"".join(
            zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
            for file in files
            if file.suffix == ".zst"
        )
        assert sum(file.stat().st_size for file in files) < 600 * 1024
    assert b'"hostname"' not in text
    assert b'"/work' not in text
    assert b'"/tmp/plimsoll' not in text


def test_the_recording_has_five_servers_and_techniques_by_their_ids(attacks):
    assert len({attack.subject for attack in attacks}) == 5
    assert len({attack.attack for attack in attacks}) >= 8
    assert all(attack.attack.startswith("T1") for attack in attacks)

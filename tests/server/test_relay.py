from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from plimsoll.server import journal, relay


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[journal.Journal]:
    made = journal.Journal(tmp_path / "sensor", "sensor", segment=60)
    yield made
    made.close()


def put(kept: journal.Journal, *numbers: int) -> None:
    for number in numbers:
        kept.append(b'{"id": "%05d"}\n' % number).result(5)


def ids(found: list[list[dict[str, object]]]) -> list[int]:
    return [int(str(alert["id"])) for batch in found for alert in batch]


def test_alerts_are_handed_on_in_order_over_segments(kept: journal.Journal, tmp_path: Path) -> None:
    put(kept, *range(20))
    told: list[int] = []
    for batch in relay.relay(kept, tmp_path / "place", threading.Event()):
        told += ids([batch])
        if len(told) == 20:
            break
    assert told == [*range(20)]


def test_a_batch_that_was_not_handed_on_comes_again(kept: journal.Journal, tmp_path: Path) -> None:
    put(kept, *range(20))
    first, second = islice(relay.relay(kept, tmp_path / "place", threading.Event()), 2)
    again = next(relay.relay(kept, tmp_path / "place", threading.Event()))
    assert again == second != first


def test_it_waits_for_more_until_told_to_stop(kept: journal.Journal, tmp_path: Path) -> None:
    stop = threading.Event()
    put(kept, 1)
    threading.Timer(0.1, put, (kept, 2)).start()
    going = relay.relay(kept, tmp_path / "place", stop)
    assert ids([next(going), next(going)]) == [1, 2]
    stop.set()
    assert next(going, None) is None


def test_a_long_line_is_whole(kept: journal.Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BLOCK", 4)
    put(kept, 12345)
    assert ids([next(relay.relay(kept, tmp_path / "place", threading.Event()))]) == [12345]

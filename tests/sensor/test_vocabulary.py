"""The sensor's facts read as any other profile's: same verbs, same objects as those learned from its recording."""

from __future__ import annotations

import polars as pl
import pytest

from plimsoll import facts, frames, tables
from plimsoll.sensor import activity, recorder, vocabulary
from plimsoll.sensor.shapes import Event, Kind
from tests.sensor.fakes import event, identity

QUESTION = bytes(4) + b"\0\1" + bytes(6) + b"\3www\7example\3com\0\0\1\0\1"
EVENTS = [
    event(Kind.EXEC, "/usr/bin/redis-server", path2="/bin/sh"),
    event(Kind.READ, "/etc/redis/redis.conf", number=257),
    event(Kind.READ, "/srv/a/page.html", number=257),
    event(Kind.WRITE, "/data/temp-13.rdb", number=257, argument=0o101),
    event(Kind.DELETE, "/data/temp-13.rdb", number=87),
    event(Kind.CONNECT, address="203.0.113.9", port=443, protocol="tcp"),
    event(Kind.LISTEN, local_port=6379, protocol="tcp"),
    event(Kind.ACCEPT, local_port=6379, port=40000, address="10.0.0.9", protocol="tcp"),
    event(Kind.DNS, payload=QUESTION, port=53, protocol="udp", address="10.0.0.2"),
    event(Kind.SYSCALL, number=101),
]


@pytest.mark.parametrize("one", EVENTS, ids=lambda one: one.kind.name.lower())
def test_a_fact_is_the_one_that_learn_takes_from_the_recording(one: Event) -> None:
    said = vocabulary.said(one)
    assert said
    row = activity.row(one, recorder.columns(identity()))
    assert row
    stated = facts.of("activity", frames.of_rows(tables.ACTIVITY, [row]))
    found = stated.filter(pl.col("verb") == said.verb)
    assert list(found.select("subject", "given", "object").iter_rows()) == [
        ("shop/Deployment/redis:redis", said.given, said.object)
    ]


@pytest.mark.parametrize("kind", [Kind.BORN, Kind.GONE, Kind.ANSWER, Kind.DNS])
def test_what_is_no_act_says_nothing(kind: Kind) -> None:
    assert vocabulary.said(event(kind)) is None

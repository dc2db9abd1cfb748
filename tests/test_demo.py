"""The demo tells the whole idea on one recording and leaves nothing behind."""

from __future__ import annotations

import io
import re
import socket
import tempfile
from pathlib import Path

import pytest

from plimsoll import demo


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> str:
    """What the demo tells, with no network and its own place for what it makes."""
    place = tmp_path_factory.mktemp("tmp")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(place))
        patched.setattr(socket.socket, "connect", lambda *_: pytest.fail("the demo needs no network"))
        told = io.StringIO()
        demo.tell(told)
    assert list(place.iterdir()) == []
    return told.getvalue()


def test_it_learns_then_judges_then_says_what_to_do(story):
    steps = ["Learning", "What it learned of sa:ci/ci-deployer", "Judging", "alerts: ", "What to do"]
    places = [story.index(step) for step in steps]
    assert places == sorted(places)


def test_what_was_learned_is_shown_with_its_counts(story):
    learned = story[story.index("What it learned") : story.index("Judging")].splitlines()
    assert [line.split()[0] for line in learned[1:] if line.strip()] == list(demo.EXAMPLE_VERBS)
    assert all("×)" in line for line in learned[1:] if line.strip())


def test_a_server_is_learned_then_its_attacks_are_told_with_their_reasons(story):
    act = story[story.index("And the same for what runs in containers") : story.index("What to do")]
    learned, judged = act.split("Judging the minutes after")
    for known in ("/usr/bin/redis-server (", "6379/tcp (", "/data/* ("):
        assert known in learned
    assert "read /etc/cron.d, new" in judged
    assert "\n   - " in judged
    assert "shop/Deployment/front" in judged


def test_alerts_say_why_and_the_stolen_token_is_the_first(story):
    told = story[story.index("Judging") :]
    first = told.splitlines()[2]
    assert first.startswith("C  ")
    assert "token of sa:ci/ci-deployer used from elsewhere" in first
    assert told.count("\n   - ") >= demo.TOLD


def test_the_story_ends_with_cases_policies_and_a_way_of_an_attacker(story):
    parts = [
        "As cases: ",
        "NetworkPolicies",
        "they would have denied 0",
        "From the Internet to the whole cluster",
        "What closes them",
    ]
    places = [story.index(part) for part in parts]
    assert places == sorted(places)
    assert '"app": "cartservice"' in story
    assert re.search(r"removes (\d+) of \1:", story)


def test_alerts_fit_on_three_screens_and_the_story_has_no_colours(story):
    assert len(story[: story.index("As cases: ")].splitlines()) < 110
    assert len(story.splitlines()) < 180
    assert "\x1b" not in story


def test_the_recordings_come_with_the_package_and_say_where_they_are_from():
    with demo.recordings() as place:
        assert {"audit-learn.jsonl.zst", "audit-judge.jsonl.zst", "README.md"} <= {
            path.name for path in Path(place).iterdir()
        }

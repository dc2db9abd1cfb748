"""An Event is whole, or it says what is missing."""

from __future__ import annotations

import msgspec
import pytest

from plimsoll.sources import audit_event, records

WHOLE = {"auditID": "a", "stage": "Panic", "verb": "get", "user": {"username": "bob"}}


def test_a_whole_event_needs_no_kind() -> None:
    assert audit_event.checked(msgspec.json.encode(WHOLE)).verb == "get"


@pytest.mark.parametrize("name", ["auditID", "stage", "verb", "user"])
def test_what_does_not_call_itself_an_event_lacks_nothing(name: str) -> None:
    without = {key: value for key, value in WHOLE.items() if key != name}
    with pytest.raises(records.Unreadable, match=f"no {name}"):
        audit_event.checked(msgspec.json.encode(without))


def test_an_event_may_lack_the_verb() -> None:
    assert audit_event.checked(b'{"kind": "Event", "auditID": "a", "stage": "Panic"}').verb is None


def test_users_and_annotations_stay_json_until_asked_for() -> None:
    event = audit_event.read(b'{"user": {"username": "bob", "groups": ["dev"]}, "annotations": {"a": "b"}}')
    user = audit_event.read_user(event.user)
    assert user is not None
    assert (user.username, user.groups, bytes(event.annotations)) == ("bob", ["dev"], b'{"a": "b"}')

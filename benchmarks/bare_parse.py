"""The least that reading an audit log can cost: each line decoded by msgspec into a typed Event, and dropped.

python benchmarks/bare_parse.py FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec


class User(msgspec.Struct):
    """Who asked."""

    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class ObjectRef(msgspec.Struct):
    """What for."""

    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    apiGroup: str = ""  # noqa: N815  the API's own names
    apiVersion: str = ""  # noqa: N815


class ResponseStatus(msgspec.Struct):
    """How it was answered."""

    code: int = 0


class Event(msgspec.Struct):
    """What a Metadata-level Event has, as audit.k8s.io/v1 says."""

    level: str
    auditID: str  # noqa: N815
    stage: str
    requestURI: str  # noqa: N815
    verb: str
    user: User
    impersonatedUser: User | None = None  # noqa: N815
    sourceIPs: list[str] = []  # noqa: N815
    userAgent: str = ""  # noqa: N815
    objectRef: ObjectRef | None = None  # noqa: N815
    responseStatus: ResponseStatus | None = None  # noqa: N815
    requestReceivedTimestamp: str = ""  # noqa: N815
    stageTimestamp: str = ""  # noqa: N815
    annotations: dict[str, str] = {}


def main(path: Path) -> None:
    decode = msgspec.json.Decoder(Event).decode
    with path.open("rb") as lines:
        for line in lines:
            decode(line)


main(Path(sys.argv[1]))

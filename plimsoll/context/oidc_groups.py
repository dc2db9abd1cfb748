"""Who is in which group of the identity provider: a file that a job of yours exports, as old as its last writing.

JSON or YAML, a group with its members each: `{"groups": {"platform-admins": ["ann@acme.example"]}, "strong": [...]}`.
`strong` names those who signed in with a second factor (the token's `amr` or `acr`, RFC 8176).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from plimsoll import errors
from plimsoll.cluster import manifests
from plimsoll.context import settings, statements

TTL = timedelta(minutes=5)


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the file is, and which groups administrate what."""

    file: str
    groups: dict[str, list[str]]
    """Workload globs by the groups that administrate them: `{"platform-admins": ["*/*/*"]}`."""


class Export(msgspec.Struct, frozen=True):
    """What the job wrote."""

    groups: dict[str, list[str]]
    strong: list[str] = []
    exported: str | None = None
    """When; without it the file's own time counts."""


def said(options: Options, asked: statements.Asked) -> statements.Said:
    """Return a statement for each member of each group that administrates something; Silent where the file is old."""
    export, written = _read(options.file)
    age = asked.now - written
    if age > options.ttl(TTL) or age < -timedelta(minutes=5):
        raise statements.Silent(f"{options.file} is of {written:%Y-%m-%d %H:%M:%S} UTC, too old to be believed")
    strong = {options.people.known(one) for one in export.strong}
    told = statements.Said([], [])
    for group, scope in options.groups.items():
        for member in export.groups.get(group, [])[: statements.MOST]:
            if name := options.people.known(member):
                told.statements.append(
                    statements.Statement(
                        kind="admin",
                        id=f"{group}/{name}",
                        title=group,
                        subjects=(name,),
                        creator="(the identity provider)",
                        scope=tuple(scope),
                        allows=options.allows,
                        strong=name in strong,
                    )
                )
        if group not in export.groups:
            told.problems.append(f"{options.file} knows no group {statements.plain(group)}")
    return told


def _read(path: str) -> tuple[Export, datetime]:
    try:
        document = next(iter(manifests.documents(path)), None)
        if not isinstance(document, manifests.Document):
            raise statements.Silent(f"{path}: {document.reason if document else 'says nothing'}")
        export = msgspec.json.decode(document.json, type=Export)
        written = datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    except (errors.InputError, msgspec.MsgspecError, ValueError, OSError) as broken:
        raise statements.Silent(f"{path}: {broken}") from broken
    if export.exported is None:
        return export, written
    exported = statements.moment(export.exported)
    if exported is None:
        raise statements.Silent(f"{path}: `exported` is no time with a zone")
    return export, exported

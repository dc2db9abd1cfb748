"""The laws that all sources keep, and how a configuration becomes a frame."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll import context, errors, frames, tables
from tests.context.said import NOW
from tests.context.services import Reply, service

TOKEN = {"env": "CONTEXT_TOKEN"}
ASKED = {
    "jira": {"user": "bot@acme.example", "token": TOKEN, "jql": "project = OPS AND created >= -30d"},
    "servicenow": {"token": TOKEN, "items": {"web": ["shop/*/web"]}},
    "pagerduty": {"token": TOKEN, "services": {"P1": ["shop/*/web"]}},
    "github_issues": {"token": TOKEN, "repository": "acme/ops"},
    "ical": {"token": TOKEN},
}
"""Sources over HTTP."""


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXT_TOKEN", "s3cr3t")


def written(folder: Path, *sources: dict[str, Any]) -> Path:
    path = folder / "context.json"
    path.write_bytes(msgspec.json.encode({"sources": sources}))
    return path


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize(
    "reply",
    [
        Reply({}, status=401),
        Reply({}, status=429, headers={"retry-after": "7"}),
        Reply({}, status=500),
        Reply({"some": "thing"}, how="cut"),
        Reply(b"\x00\xff<html>"),
        Reply(b"[" * 5000),
        Reply({"issues": 7, "result": {}, "incidents": "x", "maintenance_windows": None}),
        Reply({}, how="silent"),
    ],
    ids=["401", "429", "500", "cut", "html", "deep", "odd", "slow"],
)
def test_a_source_that_fails_is_no_evidence_and_says_so(kind: str, reply: Reply, tmp_path: Path) -> None:
    with service(lambda _: reply) as there:
        read = context.read(written(tmp_path, {"kind": kind, "url": there.url, **ASKED[kind]}), NOW)
    assert read.frame.is_empty()
    assert [problem.source for problem in read.problems] == [kind]
    assert read.problems[0].reason.endswith(": no evidence from it")
    assert "s3cr3t" not in read.problems[0].reason
    assert read.problems[0].reason.isprintable()


@pytest.mark.parametrize("kind", ASKED)
def test_without_its_credential_a_source_is_silent(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTEXT_TOKEN")
    with service(lambda _: Reply({})) as there:
        read = context.read(written(tmp_path, {"kind": kind, "url": there.url, **ASKED[kind]}), NOW)
    assert "no credential in $CONTEXT_TOKEN" in read.problems[0].reason
    assert not there.asked


def test_one_source_that_fails_leaves_the_others_their_word(tmp_path: Path) -> None:
    (tmp_path / "admins.yaml").write_text(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: AdminRegistry\nmetadata: {name: a}\n"
        "spec: {admins: [{users: [ann], strong: true}]}\n"
    )
    good = {"kind": "file", "paths": [str(tmp_path / "admins.yaml")]}
    read = context.read(written(tmp_path, {"kind": "ical", "file": str(tmp_path / "none.ics")}, good), NOW)
    assert read.frame["subjects"].to_list() == [["ann"]]
    assert [problem.source for problem in read.problems] == ["ical"]
    assert read.frame.schema == frames.schema(tables.CONTEXT)


def test_what_was_said_is_kept_with_its_age_and_forgotten_when_it_is_too_old(tmp_path: Path) -> None:
    path = tmp_path / "admins.yaml"
    path.write_text("apiVersion: plimsoll.dev/v1\nkind: AdminRegistry\nspec: {admins: [{users: [ann]}]}\n")
    sources = context.Sources(written(tmp_path, {"kind": "file", "paths": [str(path)]}))
    assert sources.read(NOW).frame["fetched"].to_list() == [NOW]
    path.unlink()
    later = NOW + timedelta(minutes=4)
    assert sources.read(later).frame["fetched"].to_list() == [NOW]
    gone = sources.read(NOW + timedelta(minutes=6))
    assert gone.frame.is_empty()
    assert gone.problems


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sources: 7", "sources"),
        ("sources: [{kind: smoke}]", "kinds are file"),
        ("sources: [{kind: jira}]", "source 1 (jira)"),
        ("sources: [{kind: jira, url: x, user: y, jql: z, token: abc}]", "token"),
        ("sources: [{kind: file, paths: [a], colour: red}]", "colour"),
        ("sources: [{kind: file, paths: [a]}, {kind: file, paths: [b]}]", "two sources"),
        ("sources: [{kind: ical, url: a, file: b}]", "file"),
        ("sources: [{kind: ical, file: b, zone: Mars/Olympus}]", "Mars"),
        ("{", ""),
        ("", ""),
    ],
)
def test_a_configuration_that_does_not_hold_together_is_refused_in_one_line(
    text: str, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "context.yaml"
    path.write_text(text)
    with pytest.raises(errors.InputError) as told:
        context.Sources(path)
    assert why in str(told.value)
    assert "\n" not in str(told.value)


def test_every_kind_of_source_is_found_by_its_name() -> None:
    assert set(context.names()) >= {*ASKED, "file", "rbac_groups", "oidc_groups", "rollouts"}


def test_the_docs_speak_of_every_kind_of_source() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "context.md").read_text(encoding="utf-8")
    assert [name for name in context.names() if f"\n### `{name}`\n" not in page] == []

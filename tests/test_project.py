"""Laws on the tree itself: every module says its idea, has its tests, keeps its layer, and is documented."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plimsoll"
MODULES = sorted(PACKAGE.rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKS = {"sources": {"STREAM", "recognises", "parse"}, "outputs": {"NAME", "text"}}
VAGUE = {"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}
STAGES = {"detect", "facts", "frames", "learn", "normal", "policies", "posture", "rbac", "rules", "tables", "triage"}
WORLD = {"asyncio", "httpx2", "io", "lightkube", "os", "pathlib", "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time"}  # fmt: skip


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), named(module))


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def defines(module: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree(module).body)


def spoken(folder: str, marks: set[str]) -> list[str]:
    """The modules of a package that define all these names at their top: its members, as opposed to what they share."""
    return [
        module.stem
        for module in sorted((PACKAGE / folder).glob("[!_]*.py"))
        if marks <= set(re.findall(r"^(?:def )?(\w+)(?: *[:=(])", module.read_text(encoding="utf-8"), re.MULTILINE))
    ]


def prose() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_opens_with_a_sentence(module: Path) -> None:
    first = (ast.get_docstring(tree(module)) or "").partition("\n")[0]
    assert first.endswith((".", "?", ":")), f"{named(module)}: first line of the docstring is {first!r}"


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_is_named_after_something_of_the_domain(module: Path) -> None:
    assert not VAGUE & set(module.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("folder", sorted({module.parent for module in MODULES}), ids=named)
def test_a_folder_of_modules_is_a_package(folder: Path) -> None:
    assert (folder / "__init__.py").is_file()


@pytest.mark.parametrize(
    "module", [path for path in MODULES if path.name != "__init__.py" and defines(path)], ids=named
)
def test_a_module_has_its_test_file(module: Path) -> None:
    mirror = ROOT / "tests" / module.relative_to(PACKAGE).with_name(f"test_{module.name.strip('_')}")
    assert mirror.is_file(), f"{named(module)} wants {named(mirror)}"


@pytest.mark.parametrize(
    "module", [path for path in MODULES if path.relative_to(PACKAGE).with_suffix("").parts[0] in STAGES], ids=named
)
def test_a_stage_touches_no_disk_clock_or_network(module: Path) -> None:
    touched = {name for name in imported(module) if name.partition(".")[0] in WORLD}
    assert not touched, f"{named(module)} imports {', '.join(sorted(touched))}"
    clock = re.search(
        r"\.(?:now|utcnow|today|open|write_bytes|write_text|SystemRandom)\(|(?<!\.)\bopen\(",
        module.read_text(encoding="utf-8"),
    )
    assert not clock, f"{named(module)} says {clock}"


@pytest.mark.parametrize("folder", ["sources", "outputs"])
def test_siblings_of_one_kind_do_not_lean_on_each_other(folder: str) -> None:
    members = {f"plimsoll.{folder}.{name}" for name in spoken(folder, MARKS[folder])}
    for member in members:
        leans = members & set(imported(PACKAGE / folder / f"{member.rpartition('.')[2]}.py"))
        assert not leans, f"{member} imports {leans}"


@pytest.mark.parametrize("folder", ["sources", "outputs"])
def test_the_docs_speak_of_every_source_and_output(folder: str) -> None:
    names = importlib.import_module(f"plimsoll.{folder}").names()
    assert [name for name in names if f"`{name}`" not in prose()] == []


def test_the_docs_speak_of_every_verb_of_the_command_line() -> None:
    pytest.importorskip("plimsoll.cli", exc_type=ModuleNotFoundError)
    app = importlib.import_module("plimsoll.cli").app
    missing = [
        verb for verb in app.resolved_commands() if not verb.startswith("-") and f"plimsoll {verb}" not in prose()
    ]
    assert not missing


def test_the_docs_speak_of_every_verb_of_facts() -> None:
    verbs = importlib.import_module("plimsoll.facts").VERBS
    missing = {verb.name for stream in verbs.values() for verb in stream if f"`{verb.name}`" not in prose()}
    assert not missing


def test_the_map_shows_every_room_and_no_other() -> None:
    drawn = re.findall(
        r"^  (\w+)(?:\.py|/) ", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert set(drawn) == {room for room in rooms if not room.startswith("_")}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=named)
def test_every_page_is_in_the_index_and_its_links_lead_somewhere(page: Path) -> None:
    indexes = [index for index in (page.parent / "README.md", ROOT / "docs" / "README.md") if index.is_file()]
    assert page.name == "README.md" or any(
        f"]({page.relative_to(index.parent).as_posix()})" in index.read_text(encoding="utf-8") for index in indexes
    )
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_versions_are_pinned_by_hash_and_name_no_download_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][^ ]*", lock, re.MULTILINE)
    assert pins
    assert all("==" in pin for pin in pins)
    assert lock.count(" \\\n    --hash=sha256:") >= len(pins)
    assert "://" not in lock

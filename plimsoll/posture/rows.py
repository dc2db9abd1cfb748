"""The rows of data that checks are: read, and refused where one does not hold together."""

from __future__ import annotations

import importlib
import importlib.resources
import pkgutil
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
import yaml

from plimsoll import errors
from plimsoll.posture import expressions, frameworks, judging
from plimsoll.posture.check import TESTS, Check, Judged

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CONTROL = re.compile(r"([a-z][a-z-]*):\S+")
_TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")


class _More(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row that only adds tests to a check of another file."""

    tests: tuple[Judged, ...]


@cache
def own() -> tuple[Check, ...]:
    """Return the checks that come with the product, in the order of their ids; raise InputError where a row is wrong."""
    for module in pkgutil.iter_modules(judging.__path__):
        importlib.import_module(f"{judging.__name__}.{module.name}")
    folder = importlib.resources.files(__package__).joinpath("checks")
    files = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.endswith(".yaml")}
    return tuple(joined(files))


def joined(files: Mapping[str, bytes]) -> list[Check]:
    """Return the checks of several files; a row of nothing but tests adds them to the check of that id."""
    found: dict[str, Check] = {}
    more: list[tuple[str, str, _More]] = []
    for file in sorted(files):
        for name, row in _mapping(file, files[file]).items():
            if isinstance(row, dict) and row.keys() == {"tests"}:
                more.append((file, str(name), _shaped(file, str(name), row, _More)))
            elif name in found:
                raise errors.InputError(f"{name} is the id of another check too", file=file)
            else:
                found[str(name)] = msgspec.structs.replace(_shaped(file, str(name), row, Check), id=str(name))
    for file, name, added in more:
        if name not in found:
            raise errors.InputError(f"{name}: tests for a check that is nowhere", file=file)
        found[name] = msgspec.structs.replace(found[name], tests=found[name].tests + added.tests)
    for name, check in found.items():
        if problem := next(problems(check), None):
            raise errors.InputError(f"check {name}: {problem}")
    return [_with_techniques(found[name]) for name in sorted(found)]


def _with_techniques(check: Check) -> Check:
    """Return a check whose tests are controls of ATT&CK too, so that the row tells its techniques once."""
    techniques = tuple(f"mitre:{one}" for one in check.attack)
    tests = (msgspec.structs.replace(one, controls=one.controls + techniques) for one in check.tests)
    return msgspec.structs.replace(check, tests=tuple(tests))


def with_theirs(files: Mapping[str, bytes]) -> tuple[Check, ...]:
    """Return the product's checks and those of a user's files, by tests or by expressions."""
    found = {one.id: one for one in own()}
    for file in sorted(files):
        for name, row in _mapping(file, files[file]).items():
            made = _their(file, str(name), row)
            if problem := "its id is that of another check" if made.id in found else next(problems(made), None):
                raise errors.InputError(f"{name}: {problem}", file=file)
            found[made.id] = _with_techniques(made)
    return tuple(found.values())


def _their(file: str, name: str, row: object) -> Check:
    if isinstance(row, dict) and "expression" in row:
        return expressions.check(name, _shaped(file, name, row, expressions.Own), file)
    return msgspec.structs.replace(_shaped(file, name, row, Check), id=name)


_T = TypeVar("_T")


def _shaped(file: str, name: str, row: object, shape: type[_T]) -> _T:
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError as wrong:
        raise errors.InputError(f"{name}: {wrong}", file=file) from None


def problems(check: Check) -> Iterator[str]:
    """Yield what is wrong with a row that has the right shape."""
    if not _ID.fullmatch(check.id):
        yield "an id is small letters and digits with dashes between"
    for name in ("title", "danger", "fix"):
        if not getattr(check, name).strip():
            yield f"its {name} is empty"
    yield from (f"{one} is no ATT&CK technique" for one in check.attack if not _TECHNIQUE.fullmatch(one))
    if not check.tests:
        yield "it has no test"
    yield from _repeated(one.test if not one.frameworks else f"{one.test} {one.frameworks}" for one in check.tests)
    for one in check.tests:
        yield from _wrong(one)


def _wrong(one: Judged) -> Iterator[str]:
    if one.test not in TESTS:
        yield f"there is no test {one.test}"
    for control in one.controls:
        found = _CONTROL.fullmatch(control)
        if not found:
            yield f"{control!r} is no control: catalogue:id"
        elif found[1] not in frameworks.CATALOGUES:
            yield f"no catalogue is called {found[1]}"
    for name, span in one.frameworks.items():
        if name not in frameworks.VERSIONED:
            yield f"no framework with versions is called {name}"
        if not frameworks.is_span(span):
            yield f"{span!r} is no range of versions: 1.19-1.24 or 1.25-"


def _repeated(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{name} is there twice"
        seen.add(name)


def _mapping(file: str, text: bytes) -> Mapping[Hashable, Any]:
    try:
        held = yaml.load(text, _Loader)  # noqa: S506  a safe loader
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else None
        raise errors.InputError(str(broken.problem), file=file, line=line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as broken:
        raise errors.InputError(f"no YAML: {broken}", file=file) from None
    if held is not None and not isinstance(held, dict):
        raise errors.InputError("rows are a mapping: id of the check, then what it says", file=file)
    return held or {}


class _Loader(yaml.CSafeLoader):
    """Refuses a key that is there twice: the first row would be lost unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key.value, str) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

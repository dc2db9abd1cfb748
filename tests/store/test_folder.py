"""A folder of files has the old ones or the new ones, whatever comes between."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from plimsoll.store import folder

OLD = {"a/one.yaml": b"old", "a/two.yaml": b"old", "a/three.yaml": b"same", "b/gone.yaml": b"old"}
NEW = {"a/one.yaml": b"new", "a/two.yaml": b"new", "a/three.yaml": b"same", "c/more.yaml": b"new"}


def held(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def change(place: Path) -> None:
    folder.change(place, NEW, [place / "b/gone.yaml"])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder.change(tmp_path / "out", OLD)
    return tmp_path / "out"


def nth(monkeypatch: pytest.MonkeyPatch, name: str, number: int, do: Callable[[], object]) -> None:
    """Have something happen before the nth call of a method of paths."""
    real, calls = getattr(Path, name), []

    def called(self: Path, *given: object, **named: object) -> object:
        calls.append(self)
        if len(calls) == number:
            do()
        return real(self, *given, **named)

    monkeypatch.setattr(Path, name, called)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def full() -> None:
    raise OSError(28, "No space left on device")


def test_files_change_and_what_nobody_needs_goes(place: Path) -> None:
    same = (place / "a/three.yaml").stat()
    change(place)
    assert held(place) == NEW
    assert (place / "a/three.yaml").stat() == same


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("what", [interrupt, full])
def test_what_comes_while_files_are_written_leaves_the_old_ones_and_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch, number: int, what: Callable[[], None]
) -> None:
    nth(monkeypatch, "write_bytes", number, what)
    with pytest.raises((KeyboardInterrupt, OSError)):
        change(place)
    assert held(place) == OLD
    assert not (place / "c").exists()


@pytest.mark.parametrize("name", ["replace", "unlink"])
def test_an_interruption_while_they_get_their_names_waits_until_all_have_them(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    nth(monkeypatch, name, 1, interrupt)
    before = signal.getsignal(signal.SIGINT)  # an engine that others run in this process may have set its own
    with pytest.raises(KeyboardInterrupt):
        change(place)
    assert held(place) == NEW
    assert signal.getsignal(signal.SIGINT) is before


def test_a_folder_in_a_files_place_leaves_the_old_ones(place: Path) -> None:
    (place / "c/more.yaml").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        change(place)
    assert held(place) == OLD


def test_a_first_run_that_is_interrupted_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nth(monkeypatch, "write_bytes", 2, interrupt)
    with pytest.raises(KeyboardInterrupt):
        change(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_thread_that_no_signal_reaches_may_change_one_too(place: Path) -> None:
    thread = threading.Thread(target=change, args=(place,))
    thread.start()
    thread.join()
    assert held(place) == NEW

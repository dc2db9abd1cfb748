from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.sources import inputs


def names(*sources: str | Path) -> list[str]:
    return [found.name for found in inputs.inputs([str(source) for source in sources])]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("b.log", "a.log", "deep/c.log", ".hidden", ".git/config"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_a_folder_is_its_files_sorted_without_hidden_ones(logs: Path) -> None:
    assert names(logs) == [str(logs / name) for name in ("a.log", "b.log", "deep/c.log")]


def test_a_glob_is_the_files_that_match(logs: Path) -> None:
    assert names(logs / "?.log") == [str(logs / "a.log"), str(logs / "b.log")]
    assert len(names(logs / "**" / "*.log")) == 3


def test_a_file_named_like_a_glob_is_that_file(logs: Path) -> None:
    (logs / "[x].log").touch()
    assert names(logs / "[x].log") == [str(logs / "[x].log")]


def test_what_is_named_twice_is_read_once(logs: Path) -> None:
    assert len(names(logs / "a.log", logs, logs / "*.log")) == 3


@pytest.mark.parametrize("source", ["nothing.log", "nothing/*.log", "*.nothing", "", "nul\0.log"])
def test_what_is_not_there_is_an_error_that_names_it(source: str, tmp_path: Path) -> None:
    with pytest.raises(errors.InputError) as caught:
        names(tmp_path / source if source else "")
    assert len(str(caught.value).splitlines()) == 1
    assert source.replace("\0", "?") in str(caught.value)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="holds no files"):
        names(tmp_path)


def test_a_link_to_nowhere_in_a_folder_is_an_error(logs: Path) -> None:
    (logs / "gone.log").symlink_to("nowhere")
    with pytest.raises(errors.InputError, match=r"gone\.log"):
        names(logs)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read_is_an_error_before_any_is_read(logs: Path) -> None:
    (logs / "b.log").chmod(0)
    with pytest.raises(errors.InputError, match=r"b\.log: Permission denied"):
        names(logs)


def test_a_folder_in_a_loop_of_links_is_read_once(logs: Path) -> None:
    (logs / "deep" / "up").symlink_to(logs)
    assert len(names(logs)) == 3


def test_a_pipe_is_named_but_not_opened_early(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (only,) = inputs.inputs([str(tmp_path / "pipe")])
    assert not only.again


def test_a_pipe_in_a_folder_is_left_alone(logs: Path) -> None:
    os.mkfifo(logs / "pipe")
    assert len(names(logs)) == 3


def test_standard_input_is_read_as_bytes() -> None:
    code = "from plimsoll.sources import inputs; print(b''.join(inputs.inputs(['-'])[0].blocks()))"
    done = subprocess.run([sys.executable, "-c", code], input=b"\xff\r\n", capture_output=True, check=True)
    assert done.stdout.strip() == rb"b'\xff\r\n'"


def test_a_closed_standard_input_is_an_error() -> None:
    code = "from plimsoll.sources import inputs; next(inputs.inputs(['-'])[0].blocks())"
    done = subprocess.run(f'{sys.executable} -c "{code}" <&-', shell=True, capture_output=True, text=True, check=False)
    assert "InputError: standard input: Bad file descriptor" in done.stderr


def test_a_file_that_vanished_in_between_is_an_error(logs: Path) -> None:
    (only,) = inputs.inputs([str(logs / "a.log")])
    (logs / "a.log").unlink()
    with pytest.raises(errors.InputError, match=r"a\.log: No such file"):
        list(only.blocks())


def test_a_small_file_is_read_whole_and_a_larger_one_refused(tmp_path):
    place = tmp_path / "rules.yaml"
    place.write_bytes(b"\xef\xbb\xbfa: 1")
    assert (inputs.whole(place, 7), inputs.text(place, 7)) == (b"\xef\xbb\xbfa: 1", "a: 1")
    with pytest.raises(errors.InputError, match=r"rules\.yaml: larger than"):
        inputs.whole(place, 6)


@pytest.mark.parametrize(("content", "reason"), [(b"\xff\xfe\xff", "no UTF-8"), (None, "No such file")])
def test_what_is_no_text_or_not_there_names_the_file(tmp_path, content, reason):
    place = tmp_path / "rules.yaml"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(errors.InputError, match=rf"rules\.yaml: {reason}"):
        inputs.text(place, 1 << 20)


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(errors.InputError):
        inputs.whole("a\0b", 10)

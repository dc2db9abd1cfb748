import pytest

from plimsoll.outputs import places, routes_table
from plimsoll.paths.answer import Answer, Question
from tests.paths.clusters import bind, model, pod

BOSS = bind("b", "ClusterRole/cluster-admin", "SA:a/x")


def shown(*bodies, place: places.Place | None = None) -> str:
    told = Answer(model(*bodies), Question((), ("Sink:cluster-admin",)))
    return "".join(routes_table.text(told, place or places.Place()))


def test_a_path_is_told_step_by_step_and_what_closes_it() -> None:
    told = shown(pod("p", serviceAccountName="x"), BOSS)
    assert "TOKEN_MOUNT T1528" in told
    assert "removes 1 of 1: ClusterRoleBinding/b" in told
    assert "risk" in told


def test_no_path_is_said_in_a_line() -> None:
    assert shown(pod("p")) == "No path is open.\n"


def test_many_paths_are_counted() -> None:
    pods = [pod(f"p{number}", serviceAccountName="x") for number in range(12)]
    assert "2 more paths" in shown(*pods, BOSS)


@pytest.mark.parametrize("width", [40, 80])
def test_lines_keep_within_the_place(width: int) -> None:
    told = shown(pod("p", serviceAccountName="x"), BOSS, place=places.Place(width=width))
    assert all(len(line) <= max(width, 60) for line in told.splitlines())


def test_hostile_names_move_no_cursor() -> None:
    told = shown(pod("\x1b[31m", serviceAccountName="x"), BOSS)
    assert "\x1b" not in told


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[1m" in shown(pod("p", serviceAccountName="x"), BOSS, place=places.Place(color=True))

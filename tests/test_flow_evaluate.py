from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from plimsoll import errors, flow_evaluate
from plimsoll.evaluate import report
from tests.told import LATER, Row, at, event, habit, numbered, request


def theft(number: int) -> Row:
    return request(
        "list secrets",
        "kube-system",
        source_ip="198.51.100.9",
        userAgent="curl/8.5.0",
        time=at(10 * number, days=LATER),
    )


def later(rows: list[Row]) -> list[Row]:
    return [row | {"time": row["time"] + timedelta(days=LATER)} for row in rows]


def recorded(folder: Path, *, packed: bool = False) -> Path:
    """Ten days of a pod's habit; then a day on which its token is used from elsewhere."""
    folder.mkdir(exist_ok=True)
    usual = numbered(habit())
    judged = numbered([*later(habit(1)), *map(theft, range(3))])
    for name, rows in (("train", usual), ("test", [row | {"auditID": f"t-{row['auditID']}"} for row in judged])):
        text = "".join(json.dumps(event(row)) + "\n" for row in rows)
        path = folder / f"{name}.jsonl{'.gz' * packed}"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    stolen = [f"t-{row['auditID']}" for row in judged[-3:]]
    label = {"id": "A1", "kind": "attack", "family": "stolen-token", "audit_ids": stolen}
    (folder / "labels.jsonl").write_text(json.dumps(label) + "\n")
    return folder


def evaluated(folder: Path, room: Path, **options: object) -> report.Report:
    room.mkdir(exist_ok=True)
    given = flow_evaluate.recording(str(folder), room)
    return flow_evaluate.evaluate(given, room, flow_evaluate.Options(**options))  # type: ignore[arg-type]


def test_a_stolen_token_is_found_on_its_first_request(tmp_path: Path) -> None:
    found = evaluated(recorded(tmp_path / "recording", packed=True), tmp_path / "room")
    (attack,) = found.attacks
    assert (attack.id, attack.requests, attack.seconds) == ("A1", 1, 0.0)
    assert (attack.false_before, attack.found_at_budgets, attack.named) == (0, (1, 3, 5), True)
    assert found.false_alarms == ()
    own = found.methods[0]
    assert (own.method, own.auc, own.ap) == ("plimsoll", 1.0, 1.0)
    assert [at_one.benign_per_day for at_one in own.budgets] == [0.0, 0.0, 0.0]
    assert (found.recording.days, found.recording.attacks, found.recording.judged) == (1, 1, 19)


def test_two_runs_say_the_same(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "recording")
    once, again = (report.document(evaluated(folder, tmp_path / room, poison=3)) for room in ("one", "two"))
    assert once == again


def test_the_labels_do_not_reach_the_detector(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "recording")
    truth = evaluated(folder, tmp_path / "one", baselines=False)
    (folder / "labels.jsonl").write_text('{"id": "B", "kind": "attack", "audit_ids": ["t-a-1"]}\n')
    lies = evaluated(folder, tmp_path / "two", baselines=False)
    assert [one.title for one in lies.false_alarms] != []
    assert lies.methods[0].budgets[0].alerts == truth.methods[0].budgets[0].alerts


def test_poison_is_learned_and_measured(tmp_path: Path) -> None:
    found = evaluated(recorded(tmp_path / "recording"), tmp_path / "room", baselines=False, poison=5, budgets=(3,))
    assert found.poisoned is not None
    assert (found.poisoned.bursts, list(found.poisoned.kept)) == (5, ["3"])
    poisoned = [json.loads(line) for line in (tmp_path / "room" / "poisoned.jsonl").read_text().splitlines()]
    again = [one["auditID"] for one in poisoned if "-again-" in one["auditID"]]
    assert len(again) == 15
    assert len(poisoned) == 175


def test_poison_stands_in_order_of_time(tmp_path: Path) -> None:
    evaluated(recorded(tmp_path / "recording"), tmp_path / "room", baselines=False, poison=2)
    lines = (tmp_path / "room" / "poisoned.jsonl").read_text().splitlines()
    place = [number for number, line in enumerate(lines) if "-again-" in line]
    assert 0 < min(place) < max(place) < len(lines) - 1


def test_without_scikit_learn_the_rest_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    found = evaluated(recorded(tmp_path / "recording"), tmp_path / "room")
    assert [one.method for one in found.methods] == ["plimsoll", "new-terms", "rarity"]
    assert "scikit-learn" in found.notes[0]


def test_what_cannot_be_read_or_found_is_noted(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "recording")
    for name, line in (("test", "{"), ("labels", '{"id": "A2", "audit_ids": ["nowhere"]}')):
        with (folder / f"{name}.jsonl").open("a") as file:
            file.write(line + "\n")
    found = evaluated(folder, tmp_path / "room", baselines=False)
    assert found.recording.rejected == 1
    assert found.notes[0] == "none of the requests of A2 is in the log"
    assert found.notes[1].startswith("1 record set aside")


def test_parts_of_a_recording_may_be_named(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "recording")
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "A9", "kind": "attack", "audit_ids": ["x"]}\n')
    given = flow_evaluate.in_folder(str(folder), {"labels": [str(other)]})
    assert [one.name for one in given.scenarios] == ["A9"]
    assert given.learn == [str(folder / "train.jsonl")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the labels name no attack"),
        ("{\n", "labels.jsonl:1: "),
        ('{"id": "A1", "kind": "benign", "audit_ids": ["x"]}\n', "the labels name no attack"),
        ("[]\n", "labels.jsonl:1: no label: not an object"),
        ("[" * 100_000, "labels.jsonl:1: "),
        ('{"id": "A1", "audit_ids": "\\ud800"}\n', "labels.jsonl:1: "),
    ],
)
def test_labels_that_say_nothing_are_an_error(tmp_path: Path, text: str, says: str) -> None:
    folder = recorded(tmp_path / "recording")
    (folder / "labels.jsonl").write_text(text)
    with pytest.raises(errors.InputError) as caught:
        evaluated(folder, tmp_path / "room")
    assert says in str(caught.value)


def test_a_folder_without_a_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match=r"the folder has no train\* or learn\*"):
        flow_evaluate.recording(str(tmp_path), tmp_path)


def test_what_is_no_audit_log_is_an_error(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "recording")
    (folder / "test.jsonl").write_text('{"evt.num": 1, "evt.type": "execve", "evt.time": 1}\n')
    with pytest.raises(errors.InputError):
        evaluated(folder, tmp_path / "room")


def test_poison_needs_events_one_a_line(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "recording")
    rows = [json.loads(line) for line in (folder / "test.jsonl").read_text().splitlines()]
    listed = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": rows}
    (folder / "test.jsonl").write_text(json.dumps(listed) + "\n")
    assert evaluated(folder, tmp_path / "one", baselines=False).attacks[0].bits is not None
    with pytest.raises(errors.InputError, match="one audit event a line"):
        evaluated(folder, tmp_path / "two", baselines=False, poison=1)


@pytest.mark.data
def test_the_recorded_cluster_is_judged_better_than_by_known_methods(shared_data: Path, tmp_path: Path) -> None:
    found = evaluated(shared_data / "audit" / "dev", tmp_path / "room")
    own, *beside = found.methods
    assert (found.recording.attacks, len(own.budgets)) == (31, 3)
    assert all(own.found_at["5"] > one.found_at["5"] + 10 for one in beside)

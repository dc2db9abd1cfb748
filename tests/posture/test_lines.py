from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.posture import lines

TWO = b"""\
# a comment
kind: Pod
metadata:
  annotations: {'a.b/c': x}
spec:
  containers:
  - name: a
  - name: b
    image: c
---
kind: Pod
spec: {hostPID: true,
  hostIPC: true}
"""


@pytest.mark.parametrize(
    ("document", "field", "line"),
    [
        (2, "spec.containers[1].image", 9),
        (2, "spec.containers[1].ports[3].hostPort", 8),
        (2, "metadata.annotations['a.b/c']", 4),
        (2, "", 2),
        (11, "spec.hostIPC", 13),
        (11, "spec.hostPID", 12),
        (99, "spec", 0),
        (0, "spec", 0),
    ],
)
def test_a_field_is_found_on_its_line(document, field, line):
    assert lines.File(TWO).line(document, field) == line


def test_json_has_lines_too():
    text = json.dumps({"items": [{"kind": "Pod", "spec": {"hostPID": True}}]}, indent=1).encode()
    assert lines.File(text).line(1, "items[0].spec.hostPID") == 6


@pytest.mark.parametrize("text", [b"a: [", b"\x00", b"!!python/name:os.system x", b"&a [*a]", b"[" * 3000, b"\xff\xfe"])
def test_what_is_no_yaml_has_no_lines(text):
    assert lines.File(text).line(1, "a[0].b") in (0, 1)


def test_what_is_too_large_has_no_lines(monkeypatch):
    monkeypatch.setattr(lines, "LARGEST", 3)
    assert lines.File(b"a: 1\nb: 2").line(1, "b") == 0


keys = st.text("abc", min_size=1, max_size=3)


@given(
    st.dictionaries(
        keys, st.dictionaries(keys, st.lists(st.integers(0, 9), min_size=1, max_size=3), min_size=1), min_size=1
    )
)
def test_every_value_is_on_the_line_it_is_written_on(value):
    text = yaml.dump(value, default_flow_style=False)
    written, file = text.splitlines(), lines.File(text.encode())
    for outer, inner in value.items():
        for key, numbers in inner.items():
            for place, number in enumerate(numbers):
                line = file.line(1, f"{outer}.{key}[{place}]")
                assert written[line - 1].strip() == f"- {number}"

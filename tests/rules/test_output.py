from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import output


@pytest.mark.parametrize(
    ("text", "values", "shown"),
    [
        ("%proc.name ran", {"proc.name": "sh"}, "sh ran"),
        ("*%proc.name", {}, "<NA>"),
        ("%proc.aname[2], %evt.arg.flags.", {"proc.aname[2]": "runc", "evt.arg.flags": "O_CREAT"}, "runc, O_CREAT."),
        ("%evt.is_open_read %fd.num", {"evt.is_open_read": True, "fd.num": 3}, "true 3"),
        ("[%5proc.name]", {"proc.name": "sh"}, "[sh   ]"),
        ("%toupper(proc.name)", {"proc.name": "sh"}, "SH"),
        ("in (%container.info)", {}, "in ()"),
        ("%evt.time", {"evt.rawtime": 1588262426779031304}, "16:00:26.779031304"),
        ("%fd.types", {"fd.types": ["file", "pipe"]}, "(file,pipe)"),
    ],
)
def test_fields_stand_in_the_text(text: str, values: dict[str, object], shown: str) -> None:
    assert output.template(text, "syscall").text(values) == shown


@pytest.mark.parametrize("text", ["%", "100%", "%not_a_field", "%proc.nobody", "%evt.arg[", "%tolower(proc.nobody)"])
def test_a_percent_sign_before_nothing_is_an_error(text: str) -> None:
    with pytest.raises(output.Invalid):
        output.template(text, "syscall")


def test_fields_are_told_beside_the_text_with_their_values() -> None:
    made = output.template("%proc.name %fd.num", "syscall", output.SUGGESTED)
    rule = SimpleNamespace(name="r", priority="Notice", source="syscall", tags=["b", "a"])
    alert = output.alert(rule, made, output.Event(7, 1588262426779031304, "node-1"), {"proc.name": "sh"})
    assert alert["output"].startswith("16:00:26.779031304: Notice sh <NA> container_id=<NA>")
    assert alert["output_fields"] | {} == {
        "proc.name": "sh", "fd.num": None, "evt.num": 7, "evt.time": 1588262426779031304, "container.id": None,
        "container.name": None, "container.image.repository": None, "container.image.tag": None, "k8s.pod.name": None, "k8s.ns.name": None,
    }  # fmt: skip
    assert (alert["time"], alert["tags"]) == ("2020-04-30T16:00:26.779031304Z", ["a", "b"])


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["%", "proc.name", "[", "]", "9", "b64(", ")"]), max_size=8).map("".join)
)
def test_no_text_breaks_an_output(text: str) -> None:
    try:
        output.template(text, "syscall").text({})
    except output.Invalid as wrong:
        assert 0 <= wrong.at <= len(text)  # noqa: PT017  most texts raise nothing

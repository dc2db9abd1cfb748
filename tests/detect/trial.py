"""Facts and acts on trial, made by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from plimsoll.detect.acts import Act, Fact
from tests import told

UNKNOWN = {name: 0 for name in Fact.__struct_fields__ if name.startswith(("own_", "peer_", "subject_"))}


def fact(bits: float = 0.0, verb: str = "request", what: str = "list secrets", given: str = "", **columns: Any) -> Fact:
    """A fact of the shop's web pod that nothing was learned of; it weighs so many bits."""
    p = 2.0**-10
    about = {"subject": "sa:shop/web", "peer": "sa:shop", "verb": verb, "given": given, "object": what}
    return Fact(**(about | {"bits": bits, "p": p, "q": p * 2**bits} | UNKNOWN | {"own_since": None} | columns))


def act(*facts: Fact, second: float = 0, lasts: float = 0, **columns: Any) -> Act:
    """An act of the shop's web pod."""
    made = Act(
        stream="audit",
        subject="sa:shop/web",
        time=told.at(second),
        last=told.at(second + lasts),
        count=1,
        network="10.244.1.0/24",
        product="web",
        evidence=(f"a-{second:g}",),
        facts=facts,
        request="list secrets",
        namespace="shop",
        outcome="ok",
        address="10.244.1.7",
    )
    return msgspec.structs.replace(made, **columns)

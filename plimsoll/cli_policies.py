"""The command line's verbs for network policies: who can reach whom, what a policy would have denied, what a change opens."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll.outputs import places

OK, FINDINGS, INCOMPLETE = 0, 1, 3
Source = Annotated[
    list[str], Parameter(help="Flows: a file, folder, glob, `-` or URL; gzip and zstd by content.", negative=())
]
Objects = Annotated[list[str], Parameter(name="--objects", help="Manifests or a watch stream.", negative=())]
From = Annotated[str | None, Parameter(name="--from", help="Format of the sources, where content does not tell.")]
Color = Annotated[places.Color, Parameter(help="Colours on a terminal; NO_COLOR is respected.")]
Form = Literal["table", "csv", "json", "jsonl"]
Output = Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the answer.")]

policies_app = App(
    name="policies",
    help="Network policies: who can reach whom, what they would have denied, what a change opens or closes.",
    help_epilogue="Example: plimsoll policies connectivity ./manifests -o csv",
)
APPS = (policies_app,)

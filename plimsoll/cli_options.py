"""Options that verbs have in common: one name, one default, one sentence of help."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from plimsoll.outputs import places

Form = Literal["table", "json", "jsonl", "yaml"]
Output = Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the answer.")]
Color = Annotated[places.Color, Parameter(help="Colours on a terminal; NO_COLOR is respected.")]

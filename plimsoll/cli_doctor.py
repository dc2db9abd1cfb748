"""The command line's verb that says what is missing on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from plimsoll import doctor as examination
from plimsoll.cli_options import Color, Output
from plimsoll.cli_profile import put
from plimsoll.outputs import table

OK = 0
doctor_app = App(
    name="doctor",
    help_epilogue="Example: plimsoll doctor -o json",
)


@doctor_app.default
def doctor(
    *,
    profile: Annotated[Path | None, Parameter(name="--profile", help="A profile to examine too.")] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Say what is missing on this machine and how to mend it."""
    checks = examination.examine(profile)
    if output == "table":
        columns = [table.Column(""), table.Column("CHECK"), table.Column("FOUND"), table.Column("HOW TO MEND IT")]
        table.show(
            columns,
            [[check.state, check.name, check.found, check.mend] for check in checks],
            sys.stdout,
            none="",
            color=color,
        )
    else:
        put(output, [check._asdict() for check in checks])
    return 4 if any(check.state == "missing" for check in checks) else OK

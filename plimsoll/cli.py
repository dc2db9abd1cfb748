"""The command line: verbs as functions, their signature and docstring are what `--help` shows."""

from __future__ import annotations

import gc
import io
import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TextIO

import cyclopts
from cyclopts import App, Parameter
from rich.console import Console

import plimsoll
from plimsoll import errors
from plimsoll.cli_options import Color

OK, INTERRUPTED, UNREAD = 0, 130, 141


app = App(
    name="plimsoll",
    version=plimsoll.__version__,
    help="Learn what every workload and identity of a cluster normally does; flag and explain what it does not.",
    help_format="plaintext",
    help_epilogue="Example: plimsoll learn audit.log --profile ./profile && plimsoll detect today.log --profile ./profile",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `run` says what an interruption leaves behind
)

ELSEWHERE = {
    "learn": "cli_learn:learn_app",
    "detect": "cli_learn:detect_app",
    "profile": "cli_profile:profile_app",
    "doctor": "cli_doctor:doctor_app",
    "eval": "cli_evaluate:eval_app",
    "install": "cli_install:install_app",
    "paths": "cli_paths:paths_app",
    "policies": "cli_policies:policies_app",
    "rbac": "cli_rbac:rbac_app",
    "rules": "cli_rules:rules_app",
    "scan": "cli_scan:scan_app",
    "sensor": "cli_sensor:sensor_app",
    "mode": "cli_sensor:mode_app",
    "act": "cli_sensor:act_app",
    "serve": "cli_serve:serve_app",
    "triage": "cli_triage:triage_app",
}
"""Verbs of other modules, which are imported when one is asked for: no verb should wait for the others'."""
for verb, place in ELSEWHERE.items():
    app.command(f"plimsoll.{place}", name=verb)


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(100_000, 50, 50)  # batches make many objects and no cycles: 5 % of the time of reading
    sys.stdout, sys.stderr = _taking(sys.stdout), _taking(sys.stderr)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _unread()
    sys.exit(code)


def _taking(stream: TextIO | None) -> TextIO:
    """Return a stream that takes any text: a closed one swallows it, and what an encoding lacks becomes `?`."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what a user can mend is one line on stderr."""
    # A lone dash is no option, though the parser takes it for one.
    arguments = ["/dev/stdin" if argument == "-" else argument for argument in arguments]
    plain = Console(file=sys.stderr, highlight=False, no_color=True)
    if not arguments or arguments[0] in ("--help", "-h"):
        for verb in ELSEWHERE:
            app[verb]  # imports it: the overview says what each does
    try:
        code = app(
            arguments,
            exit_on_error=False,
            print_error=False,
            console=Console(no_color=not sys.stdout.isatty()),
            error_console=plain,
        )
    except cyclopts.CycloptsError as error:
        return _refused(errors.UsageError(f"{' '.join(str(error).split())} (plimsoll --help)"))
    except errors.PlimsollError as error:
        return _refused(error)
    except KeyboardInterrupt:
        print("plimsoll: interrupted; what was reported as learned is kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError as error:
        return _unread() if _nobody_reads() else _refused(errors.PlimsollError(str(error)))
    except Exception as error:
        if not (isinstance(error, OSError | MemoryError) or _is_of_an_engine(error)):
            raise
        return _refused(errors.PlimsollError(" ".join(f"{type(error).__name__}: {error}".split())[:300]))
    return code if isinstance(code, int) else OK


def _nobody_reads() -> bool:
    """Say whether whoever read stdout has gone: `plimsoll … | head`. A connection that broke is something else."""
    watched = select.poll()
    try:
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return any(events & select.POLLERR for _, events in watched.poll(0))


def _unread() -> int:
    """End quietly, as the signal for it would have a program end; what is left to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UNREAD


def _is_of_an_engine(error: Exception) -> bool:
    """Say whether a dataframe engine refused; importing one to ask would make every verb wait for it."""
    return type(error).__module__.partition(".")[0] == "polars"


def _refused(error: errors.PlimsollError) -> int:
    text = "".join(char if char.isprintable() else "?" for char in " ".join(str(error).split()))
    print(f"plimsoll: {text}", file=sys.stderr)
    return error.exit_code


@app.command(help_epilogue="Example: plimsoll demo --no-serve")
def demo(
    *,
    no_serve: Annotated[bool, Parameter(negative=(), help="End after the story, without the console.")] = False,
    color: Color = "auto",
) -> int:
    """Show the whole idea on a bundled recording: learn, detect, explain. Needs no network and leaves nothing behind."""
    from plimsoll import demo as story  # noqa: PLC0415  a recording is opened only when it is told

    story.tell(sys.stdout, color=color)
    del no_serve
    return OK

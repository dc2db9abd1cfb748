"""The command line's verbs for the node agent: run it, ask it, tell it."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from plimsoll import errors, outputs
from plimsoll.cli_options import Color, Form, Output
from plimsoll.outputs import places, table
from plimsoll.sensor import control, doctor, identity, kernel, recorder
from plimsoll.sensor.agent import Settings

OK, FINDINGS, DEGRADED = 0, 1, 4
Subject = Annotated[str, Parameter(help="A subject as `sensor status` prints it, or a glob of subjects.")]
Also = Annotated[
    list[Literal["spawn", "write", "listen", "uring"]] | None,
    Parameter(name="--also", help="Stop this too when it is new, beside programs and connections.", negative=()),
]
Socket = Annotated[Path, Parameter(name="--socket", help="Where the agent of this host answers.")]

sensor_app = App(
    name="sensor",
    help="The node agent: learn, judge and stop in the kernel.",
    help_epilogue="Example: plimsoll sensor run --profile /var/lib/plimsoll -o jsonl",
)
mode_app = App(
    name="mode",
    help="How each workload of this node is judged: learn, alert, prevent.",
    help_epilogue="Example: plimsoll mode set 'shop/Deployment/redis*' prevent",
)
act_app = App(
    name="act",
    help="Act on a container of this node at once.",
    help_epilogue="Example: plimsoll act isolate 'shop/Deployment/web*'",
)

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str) -> float:
    """Return a length of time in seconds.

    >>> seconds("24h"), seconds("20s"), seconds("1.5")
    (86400.0, 20.0, 1.5)
    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise errors.UsageError(f"{text!r} is no length of time; write 20s, 15m, 24h or 7d")
    return float(found[1]) * _UNITS[found[2] or "s"]


@sensor_app.command(help_epilogue="Example: plimsoll sensor run --profile /var/lib/plimsoll --learn-for 24h -o jsonl")
def run(
    *,
    profile: Annotated[Path, Parameter(name="--profile", help="Directory where what is learned is kept.")],
    learn_for: Annotated[str, Parameter(help="How long a workload learns, from its first container on.")] = "24h",
    mode: Annotated[
        Literal["learn", "alert", "prevent"],
        Parameter(help="How far workloads go by themselves once they have learned."),
    ] = "alert",
    url: Annotated[list[str] | None, Parameter(help="Server that alerts are sent to, too.", negative=())] = None,
    token_file: Annotated[
        Path | None, Parameter(help="File with the token that those servers want; read again for each batch.")
    ] = None,
    ca_file: Annotated[
        Path | None,
        Parameter(help="Certificates of the authority those servers have theirs from, where it is your own."),
    ] = None,
    max_silence: Annotated[
        str, Parameter(help="How long prevention outlives the agent; 0 = until somebody ends it.")
    ] = "60s",
    prove_for: Annotated[
        str,
        Parameter(
            help="How long nothing may be there to stop before prevention begins by itself, also for a new image."
        ),
    ] = "24h",
    keep: Annotated[bool, Parameter(negative=(), help="Leave the kernel's part at work when the agent ends.")] = False,
    rules: Annotated[
        list[str] | None,
        Parameter(name="--rules", help="File of Falco rules, judged live beside; several in order.", negative=()),
    ] = None,
    matching: Annotated[
        Literal["first", "all"], Parameter(help="One alert of rules an event, or one of each rule that holds.")
    ] = "first",
    socket: Socket = control.SOCKET,
    output: Annotated[
        Literal["table", "jsonl"], Parameter(name=["--output", "-o"], help="Form of the alerts.")
    ] = "table",
) -> int:
    """Watch every container of this node until interrupted; print what is new, one alert a line, as it happens."""
    settings = Settings(
        profile=str(profile.absolute()),
        learn_for=seconds(learn_for),
        mode=mode,
        urls=tuple(url or ()),
        token_file=_readable(token_file, "--token-file"),
        ca_file=_readable(ca_file, "--ca-file"),
        output="jsonl" if output == "jsonl" else "text",
        socket=str(socket.absolute()),
        max_silence=seconds(max_silence),
        keep=keep,
        prove_for=seconds(prove_for),
    )
    _allowed()
    sys.stdout.flush()
    if rules:
        return _with_rules(settings, rules, first=matching == "first")
    # A process of its own, in the place of this one: the agent is to be small, and nothing of the analysis is needed.
    # -P: what lies in the working directory is no part of it.
    command = [sys.executable, "-P", "-m", "plimsoll.sensor.daemon", msgspec.json.encode(settings).decode()]
    os.execv(sys.executable, command)  # noqa: S606  no shell is wanted
    return OK


def _readable(path: Path | None, option: str) -> str:
    """Return a file's whole path; InputError where it cannot be read, rather than at the first alert."""
    if path is None:
        return ""
    try:
        path.open("rb").close()
    except OSError as refused:
        raise errors.InputError(f"{option}: {refused.strerror}", file=str(path)) from refused
    return str(path.absolute())


def _with_rules(settings: Settings, files: list[str], *, first: bool) -> int:
    """Run the agent with rules beside it, which take a dataframe engine and so a process more."""
    from plimsoll import flow_rules, live  # noqa: PLC0415  who runs no rules need not wait for their engine

    found = flow_rules.read(files)
    for problem in found.problems:
        if problem.level == "error":
            print(f"{problem.file}:{problem.line}:{problem.column}: {problem.message}", file=sys.stderr)
    if not found.loads:
        return FINDINGS
    for name, lacks in live.Judge(found, first=first).lacking.items():
        print(
            f"plimsoll: not evaluable on what the sensor sees: {name} (needs {', '.join(lacks[:5])})", file=sys.stderr
        )
    return live.run(settings, found, sys.stdout.buffer, first=first)


@sensor_app.command(help_epilogue="Example: plimsoll sensor status -o json")
def status(*, socket: Socket = control.SOCKET, output: Output = "table", color: Color = "auto") -> int:
    """Show what the agent of this node sees, and how well it knows each workload."""
    told = control.ask(control.Question("status"), socket)
    if output != "table":
        _put(output, told)
    else:
        _show_status(told, color)
    return OK if all(one["working"] for one in told["coverage"]) else DEGRADED


def _show_status(told: dict[str, Any], color: places.Color) -> None:
    seen = ", ".join(one["name"] for one in told["coverage"] if one["working"])
    print(f"sees {seen}; {told['events']:,} events, {told['drops']:,} lost")
    for one in told["coverage"]:
        if not one["working"]:
            print(f"does not see {one['name']}: {one['reason']}")
    if not told["enforce"]:
        print("break-glass: nothing is stopped (plimsoll act lift)")
    columns = [table.Column(name) for name in ("SUBJECT", "MODE")]
    columns += [
        table.Column(name, "right") for name in ("CONTAINERS", "FACTS", "HITS", "NOVELTIES", "STOPPED", "DROPS")
    ]
    columns += [table.Column(name) for name in ("MATURITY", "IN WORDS")]
    numbers = ("containers", "facts", "hits", "novelties", "stopped", "drops")
    texts = [
        [row["subject"], row["mode"], *(f"{row[name]:,}" for name in numbers), row["maturity"], row["known"]]
        for row in told["workloads"]
    ]
    table.show(columns, texts, sys.stdout, none="No container was seen yet.", color=color)


@sensor_app.command(
    help_epilogue="Example: plimsoll sensor record activity.jsonl --for 60s && plimsoll learn activity.jsonl --profile ./profile"
)
def record(
    file: Annotated[Path, Parameter(help="File to write, as JSON lines that `learn` reads.")],
    /,
    *,
    for_: Annotated[str | None, Parameter(name="--for", help="How long; else until interrupted.")] = None,
) -> int:
    """Write down all that the containers of this node do; nothing is judged."""
    length = None if for_ is None else seconds(for_)
    _allowed()
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signalled, _: ended.append(signalled))
    with file.open("wb") as out:
        loaded = kernel.Kernel(pin=None)
        taken = recorder.Recorder(loaded, identity.of_host(), out)
        taken.start()
        taken.run(length, lambda: bool(ended))
        lost = taken.close()
    print(f"{taken.written:,} events recorded in {file}" + (f", {lost:,} lost" if lost else ""), file=sys.stderr)
    lacking = [one for one in loaded.coverage if not one.working and one.name != "pinning"]  # nothing is to outlive us
    for one in lacking:
        print(f"plimsoll: reduced coverage: {one.name}: {one.reason}", file=sys.stderr)
    return DEGRADED if lacking else OK


@sensor_app.command(name="doctor", help_epilogue="Example: plimsoll sensor doctor -o json")
def sensor_doctor(*, socket: Socket = control.SOCKET, output: Output = "table", color: Color = "auto") -> int:
    """Say what the sensor can see and stop with this kernel and these rights, and how to mend what it cannot."""
    checks = doctor.examine(socket)
    if output == "table":
        columns = [table.Column(""), table.Column("CHECK"), table.Column("FOUND"), table.Column("HOW TO MEND IT")]
        texts = [[check.state, check.name, check.found, check.mend] for check in checks]
        table.show(columns, texts, sys.stdout, none="", color=color)
    else:
        _put(output, [check._asdict() for check in checks])
    return DEGRADED if any(check.state == "missing" for check in checks) else OK


@sensor_app.command(help_epilogue="Example: plimsoll sensor news 'shop/Deployment/redis*'")
def news(
    subject: Subject = "*", /, *, socket: Socket = control.SOCKET, output: Output = "table", color: Color = "auto"
) -> int:
    """Show what workloads did that was new and was not learned: told, stopped or in doubt."""
    _show_facts(_asked("news", subject, socket), output, color, none="Nothing new was told.")
    return OK


@sensor_app.command(help_epilogue="Example: plimsoll sensor allow 'shop/Deployment/redis*' 'exec /usr/bin/redis-cli'")
def allow(
    subject: Subject,
    /,
    *facts: Annotated[str, Parameter(help="An id as `sensor news` prints it, or a glob over `VERB OBJECT`.")],
    socket: Socket = control.SOCKET,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Take what was told as normal: from now on it is known, and no more told or stopped. Undo: disallow."""
    _show_facts(_asked("allow", subject, socket, facts), output, color, none="")
    return OK


@sensor_app.command(help_epilogue="Example: plimsoll sensor disallow 'shop/Deployment/redis*' exec-00ab12cd34ef5678")
def disallow(
    subject: Subject,
    /,
    *facts: Annotated[str, Parameter(help="An id as `allow` printed it, or a glob over `VERB OBJECT`.")],
    socket: Socket = control.SOCKET,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Take what is known as not normal: from now on it is told, and stopped in prevent mode. Undo: allow."""
    rows = _asked("disallow", subject, socket, facts)
    _show_facts(rows, output, color, none="")
    for row in (row for row in rows if row["covered"]):
        print(f"plimsoll: {row['verb']} {row['object']} stays known: others like it are", file=sys.stderr)
    return OK


@sensor_app.command(help_epilogue="Example: plimsoll sensor decisions 'shop/Deployment/redis*'")
def decisions(
    subject: Subject = "*", /, *, socket: Socket = control.SOCKET, output: Output = "table", color: Color = "auto"
) -> int:
    """Show who decided what: modes, facts allowed, acts, and what the agent did by its rules; the newest first."""
    rows = _asked("decisions", subject, socket)
    if output != "table":
        _put(output, rows)
        return OK
    columns = [table.Column(name) for name in ("TIME", "WHO", "DID", "SUBJECT", "WHAT")]
    texts = [[row[name] for name in ("time", "who", "did", "subject", "what")] for row in rows]
    table.show(columns, texts, sys.stdout, none="Nothing was decided yet.", color=color)
    return OK


def _asked(
    do: Literal["news", "allow", "disallow", "decisions"], subject: str, socket: Path, facts: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    if do in ("allow", "disallow") and not facts:
        raise errors.UsageError("say which facts: their ids, or globs over `VERB OBJECT`")
    told: list[dict[str, Any]] = control.ask(control.Question(do, subject, facts=facts, by=_who()), socket)
    return told


def _who() -> str:
    """Who is at the keyboard, for the record."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or f"user {os.getuid()}"


def _show_facts(rows: list[dict[str, Any]], output: Form, color: places.Color, *, none: str) -> None:
    if output != "table":
        _put(output, rows)
        return
    columns = [table.Column(name) for name in ("SUBJECT", "FACT", "OBJECT", "TIMES", "LAST")]
    texts = [[row["subject"], row["id"], row["object"], f"{row['times']:,}", row["last"]] for row in rows]
    table.show(columns, texts, sys.stdout, none=none, color=color)


@mode_app.command(name="get", help_epilogue="Example: plimsoll mode get 'shop/*' -o json")
def mode_get(
    subject: Subject = "*", /, *, socket: Socket = control.SOCKET, output: Output = "table", color: Color = "auto"
) -> int:
    """Show the modes of workloads."""
    _show_modes(control.ask(control.Question("get", subject), socket), output, color)
    return OK


@mode_app.command(name="set", help_epilogue="Example: plimsoll mode set 'shop/Deployment/redis*' prevent --also write")
def mode_set(
    subject: Subject,
    mode: Literal["off", "learn", "alert", "prevent"],
    /,
    *,
    also: Also = None,
    budget: Annotated[
        int | None, Parameter(help="Different facts that are stopped a minute, 0 = any number; more are told only.")
    ] = None,
    socket: Socket = control.SOCKET,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Switch workloads to a mode; it stays through restarts."""
    told = control.ask(control.Question("set", subject, mode, tuple(also or ()), budget, by=_who()), socket)
    for one in told["refused"]:
        print(f"plimsoll: {one['subject']} stays as it is: {one['why']}", file=sys.stderr)
    if told["refused"] and not told["set"]:
        raise errors.UsageError("no workload was switched")
    _show_modes(told["set"], output, color)
    return OK


def _show_modes(rows: list[dict[str, Any]], output: Form, color: places.Color) -> None:
    if output != "table":
        _put(output, rows)
        return
    columns = [table.Column(name) for name in ("SUBJECT", "MODE", "STOPS TOO", "BUDGET", "PROTECTED")]
    texts = [
        [row["subject"], row["mode"], ", ".join(row["also"]), str(row["budget"]), row["protected"]] for row in rows
    ]
    table.show(columns, texts, sys.stdout, none="No such workload was seen yet.", color=color)


@act_app.command(help_epilogue="Example: plimsoll act isolate 'shop/Deployment/web*' --probes 10.0.0.1")
def isolate(
    subject: Annotated[str, Parameter(help="A subject, a glob of subjects, or a container's id.")],
    /,
    *,
    probes: Annotated[
        list[str] | None, Parameter(help="Addresses it still answers: the node's, for its probes.", negative=())
    ] = None,
    socket: Socket = control.SOCKET,
) -> int:
    """Cut a container off the network at once, established connections too; loopback and probes pass."""
    return _act(control.Question("isolate", subject, probes=tuple(probes or ()), by=_who()), socket)


@act_app.command(help_epilogue="Example: plimsoll act release 'shop/Deployment/web*'")
def release(subject: Subject, /, *, socket: Socket = control.SOCKET) -> int:
    """Give an isolated container its network back."""
    return _act(control.Question("release", subject, by=_who()), socket)


@act_app.command(help_epilogue="Example: plimsoll act freeze 4f1c9a0b7d33")
def freeze(subject: Subject, /, *, socket: Socket = control.SOCKET) -> int:
    """Stop a container in its tracks, for forensics: its probes will fail."""
    return _act(control.Question("freeze", subject, by=_who()), socket)


@act_app.command(help_epilogue="Example: plimsoll act thaw 4f1c9a0b7d33")
def thaw(subject: Subject, /, *, socket: Socket = control.SOCKET) -> int:
    """Let a frozen container go on."""
    return _act(control.Question("thaw", subject, by=_who()), socket)


@act_app.command(name="break-glass", help_epilogue="Example: plimsoll act break-glass")
def break_glass(*, socket: Socket = control.SOCKET) -> int:
    """Stop nothing on this node from now on, through restarts, until lifted; all is still told."""
    control.ask(control.Question("break-glass", by=_who()), socket)
    print("nothing is stopped on this node any more; undo: plimsoll act lift")
    return OK


@act_app.command(help_epilogue="Example: plimsoll act lift")
def lift(*, socket: Socket = control.SOCKET) -> int:
    """End break-glass: what is in prevent mode is stopped again."""
    control.ask(control.Question("lift", by=_who()), socket)
    print("workloads in prevent mode are stopped from what is new again")
    return OK


def _allowed() -> None:
    if lack := doctor.refusal():
        raise errors.PlimsollError(lack)


def _act(question: control.Question, socket: Path) -> int:
    for one in control.ask(question, socket):
        print(f"{one['did']}: {one['subject']} {one['container']}")
    return OK


def _put(output: Form, value: Any) -> None:
    if output == "jsonl":
        outputs.write("jsonl", value if isinstance(value, list) else [value], sys.stdout)
    else:
        outputs.document(output, value, sys.stdout)

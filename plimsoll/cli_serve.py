"""The command line's verb for the server: listen, keep, judge, print."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll import errors, flow_serve, outputs
from plimsoll.cli_options import Color
from plimsoll.server import guard, journal, listening

OK, INTERRUPTED = 0, 130
AlertForm = Literal["table", "jsonl", "ocsf", "falco_json"]

serve_app = App(
    name="serve",
    help="Receive audit events, Falco's alerts and sensors' over HTTP; judge them as they come.",
    help_epilogue="Example: plimsoll serve --profile ./profile --listen 127.0.0.1:9765 -o jsonl",
)


@serve_app.default
def serve(
    *,
    profile: Annotated[
        Path | None,
        Parameter(
            name="--profile", help="Directory of the profile; without it rules and the token ledger judge alone."
        ),
    ] = None,
    listen: Annotated[str, Parameter(help="Address and port.")] = "127.0.0.1:9765",
    learn: Annotated[bool, Parameter(negative=(), help="Learn what comes into the profile, too.")] = False,
    journal_: Annotated[
        Path | None, Parameter(name="--journal", help="Folder for what was received; by default in the profile.")
    ] = None,
    quota: Annotated[
        int, Parameter(help="MiB a door that may wait to be judged; more is answered with 429.")
    ] = journal.QUOTA >> 20,
    keep_days: Annotated[int, Parameter(help="Days to keep what was judged; 0 = delete it at once.")] = 0,
    objects: Annotated[
        list[str] | None,
        Parameter(name="--objects", help="Manifests or a watch stream: which address is whose.", negative=()),
    ] = None,
    certificate: Annotated[Path | None, Parameter(help="Certificate chain (PEM); with --key: TLS.")] = None,
    key: Annotated[Path | None, Parameter(help="Its private key (PEM).")] = None,
    client_ca: Annotated[Path | None, Parameter(help="Let in only who has a certificate of this CA (PEM).")] = None,
    token_file: Annotated[Path | None, Parameter(help="Let in only who shows the token in this file.")] = None,
    trust_network: Annotated[
        bool,
        Parameter(negative=(), help="Listen beyond this machine without TLS, or without --client-ca and --token-file."),
    ] = False,
    output: Annotated[AlertForm, Parameter(name=["--output", "-o"], help="Form of the alerts.")] = "table",
    color: Color = "auto",
) -> int:
    """Receive over HTTP what happens, acknowledge it once it is on the disk, and print alerts as they come."""
    if profile is None and journal_ is None:
        raise errors.UsageError("serve needs --profile DIR, or --journal DIR to keep what it receives")
    settings = flow_serve.Settings(
        directory=profile,
        folder=journal_ or (profile or Path()) / "received",
        where=listening.address(listen),
        access=guard.Access(certificate, key, client_ca, token_file, trust_network),
        learn=learn,
        objects=objects or (),
        quota=quota << 20,
        keep_days=keep_days,
    )
    return _until_told(settings, lambda alerts: outputs.write(output, alerts, sys.stdout, color=color))


def _until_told(settings: flow_serve.Settings, emit: flow_serve.Emit) -> int:
    """Serve until a signal comes or a reader fails; what was acknowledged is kept either way."""
    server = flow_serve.Server(settings, emit, _warn)
    signals: list[int] = []

    def end(signalled: int, _: object) -> None:
        signals.append(signalled)
        server.ended.set()

    previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.start()
        print(f"plimsoll: listening on {server.url}", file=sys.stderr, flush=True)
        server.ended.wait()
    finally:
        server.close()
        for number, handler in previous.items():
            signal.signal(number, handler)
    if server.failure:
        raise server.failure
    return INTERRUPTED if signal.SIGINT in signals else OK


def _warn(text: str) -> None:
    print(f"plimsoll: {''.join(char if char.isprintable() else '?' for char in text)}", file=sys.stderr, flush=True)

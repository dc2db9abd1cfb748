"""The command line's verbs for what a cluster needs: the audit policy and its webhook, and what a log lacks of them."""

from __future__ import annotations

import sys
from typing import Annotated, Literal
from urllib import parse

from cyclopts import App, Parameter

from plimsoll import cli_progress, errors, flow_audit, outputs
from plimsoll.cli_options import Color
from plimsoll.detect import audit_coverage, audit_policy
from plimsoll.outputs import places, table, yaml_document

OK, INCOMPLETE, DEGRADED = 0, 3, 4
LONGEST_URL = 2_000
FLAGS = """\
# On the API server:
#   --audit-policy-file=/etc/kubernetes/audit-policy.yaml      this document
#   --audit-log-path=/var/log/kubernetes/audit.log             a file to follow: plimsoll detect --follow
"""
WEBHOOK_FLAGS = """\
# On the API server:
#   --audit-webhook-config-file=/etc/kubernetes/audit-webhook.yaml   this document
#   --audit-webhook-batch-max-wait=1s                                how late an event may come
# What lets the API server in (a token, a client certificate) belongs under `user`, the server's CA under `cluster`.
"""

install_app = App(
    name="install",
    help="What a cluster needs so that it can be watched.",
    help_epilogue="Example: plimsoll install audit --print > audit-policy.yaml",
)


@install_app.command(help_epilogue="Example: plimsoll install audit --check /var/log/kubernetes/audit.log")
def audit(
    *,
    print_: Annotated[
        bool,
        Parameter(name="--print", negative=(), help="Print the recommended audit policy, each part with its reason."),
    ] = False,
    webhook: Annotated[
        str | None,
        Parameter(help="URL of `plimsoll serve` (…/k8s-audit): print the API server's kubeconfig for it too."),
    ] = None,
    check: Annotated[
        list[str] | None,
        Parameter(help="Audit log: say which findings it cannot support.", negative=(), consume_multiple=True),
    ] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="Format of the log, where content does not tell.")
    ] = None,
    output: Annotated[
        Literal["table", "json", "jsonl", "yaml"], Parameter(name=["--output", "-o"], help="Form of the check.")
    ] = "table",
    color: Color = "auto",
) -> int:
    """Print the audit policy that the findings need, or say what a log lacks of it."""
    if print_ == bool(check):
        raise errors.UsageError("install audit takes --print, or --check with an audit log")
    if check and webhook:
        raise errors.UsageError("--webhook goes with --print")
    if check:
        return _checked(check, from_, output, color)
    told = [FLAGS + audit_policy.text()]
    if webhook is not None:
        told.append(WEBHOOK_FLAGS + yaml_document.document(audit_policy.webhook(_url(webhook))))
    print("---\n".join(told), end="")
    return OK


def _url(text: str) -> str:
    """Return a URL that an API server can post to.

    >>> _url("https://plimsoll.example:9765/k8s-audit")
    'https://plimsoll.example:9765/k8s-audit'
    """
    try:
        told = parse.urlsplit(text)
        sound = told.scheme in ("http", "https") and bool(told.hostname) and text.isprintable() and " " not in text
    except ValueError:
        sound = False
    if not sound or len(text) > LONGEST_URL:
        raise errors.UsageError("--webhook is a URL: https://HOST:9765/k8s-audit")
    return text


def _checked(sources: list[str], form: str | None, output: str, color: places.Color) -> int:
    with cli_progress.reading(color) as progress:
        found, intake = flow_audit.coverage_of(sources, form=form, progress=progress)
    rows = [one._asdict() for one in found]
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    elif output == "table":
        _show(found, color)
    else:
        taken = {"accepted": intake.accepted, "rejected": intake.rejects.total}
        outputs.document(output, {"input": taken, "findings": rows}, sys.stdout)
    if intake.rejects.total:
        print(f"plimsoll: {intake.rejects.summary()}", file=sys.stderr)
        return INCOMPLETE
    return DEGRADED if any(one.state in ("unsupported", "partly") for one in found) else OK


def _show(found: list[audit_coverage.Finding], color: places.Color) -> None:
    """Show what is lacking; what is supported, or could not be seen, is only counted."""
    lacking = [one for one in found if one.state in ("unsupported", "partly")]
    columns = [table.Column(title) for title in ("FINDING", "SEVERITY", "NEEDS", "STATE", "WHY")]
    texts = [[one.finding, one.severity, one.needs, one.state, one.why] for one in lacking]
    table.show(columns, texts, sys.stdout, none="Every finding is supported, as far as this log tells.", color=color)
    supported, unseen = (sum(one.state == state for one in found) for state in ("supported", "unseen"))
    print(
        f"{supported} findings supported, {len(lacking)} not or in part, {unseen} unseen (nothing they could be about is"
        " in the log). A policy that supports them: plimsoll install audit --print"
    )

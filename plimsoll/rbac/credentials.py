"""Credentials that should not be: dormant, never expiring, beyond all rules, or handed out by hand.

A token of a pod is renewed every hour and dies with it, so it is judged by its service account. What has no such
keeper is judged one by one: certificates, tokens bound to no pod, tokens from Secrets (the API server names the
Secret in `authentication.k8s.io/legacy-token-…`, Kubernetes 1.29 and later), and whatever belongs to
`system:masters`, which no rule of RBAC can hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll.rbac import sums

col = pl.col
MOST_OF_A_USER, MOST_ADDRESSES, MOST_MINTED = 1_000, 64, 1_000
DORMANT_DAYS = 30
DAY_US = 86_400_000_000
SEVERITIES = ("critical", "high", "medium", "low", "info")
_LOOPBACK = "system:apiserver"
"""The API server's own way to itself; it is of system:masters and leaves by no door."""
_KEYS = ("user", "kind", "credential", "masters")
_ACCOUNT = "system:serviceaccount:"


class Finding(NamedTuple):
    """A credential, and what is wrong with it."""

    finding: str
    severity: str
    subject: str
    kind: str
    """certificate, token, pod token, secret token, account, other."""
    credential: str
    """Its fingerprint, token id or Secret; empty where it stands for all of its kind."""
    requests: int
    addresses: int
    """From how many it came; the most that are counted where there are more."""
    first: int | None
    last: int | None
    why: str


class Seen(NamedTuple):
    """What a log shows of credentials."""

    used: pl.DataFrame
    """user, kind, credential, masters, begun, ended, first, last, addresses."""
    minted: pl.DataFrame
    """by, account, credential of what was issued, first, last."""
    end: int
    """The last moment of the log."""
    forgone: int


class Credentials:
    """Uses of credentials that come in and are added up as they come."""

    def __init__(self) -> None:
        self._used = sums.Sum(_KEYS, "credential", MOST_OF_A_USER)
        self._addresses = sums.Sum((*_KEYS, "address"), "address", MOST_ADDRESSES)
        self._minted = sums.Sum(("by", "account", "credential"), "credential", MOST_MINTED)
        self._end = 0

    def take(self, events: pl.DataFrame) -> None:
        """Take in a batch of audit events (tables.AUDIT)."""
        shown = _shown(events)
        if shown.is_empty():
            return
        self._end = max(self._end, *shown["last"].top_k(1))
        self._used.add(shown)
        self._addresses.add(shown)
        minted = shown.filter("mints").with_columns(credential=col("issued"), by=col("user"))
        self._minted.add(minted)

    def told(self) -> Seen:
        """Return all of it, in order."""
        keys = [*_KEYS]
        addresses = self._addresses.told().group_by(keys).agg(_address_count().alias("addresses"))
        used = self._used.told().with_columns(sums.COUNT).join(addresses, on=keys, how="left")
        forgone = self._used.forgone + self._addresses.forgone + self._minted.forgone
        return Seen(
            used.with_columns(col("addresses").fill_null(0)).sort(keys),
            self._minted.told().sort("by", "account", "credential"),
            self._end,
            forgone,
        )


def _address_count() -> pl.Expr:
    many = (col("address") == sums.MANY).any()
    return pl.when(many).then(MOST_ADDRESSES).otherwise(col("address").n_unique()).cast(pl.Int64)


def _shown(events: pl.DataFrame) -> pl.DataFrame:
    """Return who showed what when it was accepted, and what token was issued to whom."""
    code = col("responseStatus_code").fill_null(0)
    accepted = (col("stage") != "RequestReceived") & col("time").is_not_null() & (code != 401)
    begun = (col("stage") == "ResponseStarted").cast(pl.Int64)
    moment = col("time").dt.epoch("us")
    token = (col("objectRef_resource") == "serviceaccounts") & (col("objectRef_subresource") == "token")
    account = pl.concat_str(pl.lit(_ACCOUNT), col("objectRef_namespace"), pl.lit(":"), col("objectRef_name"))
    return events.filter(accepted & (col("user_username").fill_null("") != "")).select(
        col("user_username").alias("user"),
        *_credential(),
        pl.when(col("user_groups").list.contains("system:masters").fill_null(value=False))
        .then(pl.lit("system:masters"))
        .otherwise(pl.lit(""))
        .alias("masters"),
        col("source_ip").fill_null("").alias("address"),
        (token & (col("verb") == "create") & (code < 400)).fill_null(value=False).alias("mints"),
        account.fill_null("").alias("account"),
        col("annotations_issued_credential_id").fill_null("").alias("issued"),
        begun.alias("begun"),
        (1 - begun).alias("ended"),
        moment.alias("first"),
        moment.alias("last"),
    )


def _credential() -> tuple[pl.Expr, pl.Expr]:
    """Return the kind of the credential and what names it."""
    told = col("user_credential_id").fill_null("")
    legacy = col("annotations").str.contains("authentication.k8s.io/legacy-token", literal=True).fill_null(value=False)
    secret = col("annotations").str.extract(
        r'"authentication\.k8s\.io/legacy-token-(?:autogenerated|manual)-secret":\s*"([^"\\]{1,253})"'
    )
    bound = col("user_pod_uid").fill_null("") != ""
    kind = (
        pl.when(legacy)
        .then(pl.lit("secret token"))
        .when(told.str.starts_with("X509"))
        .then(pl.lit("certificate"))
        .when(bound)
        .then(pl.lit("pod token"))
        .when(told != "")
        .then(pl.lit("token"))
        .otherwise(pl.lit("other"))
    )
    name = pl.when(legacy).then(secret.fill_null("")).when(bound).then(pl.lit("")).otherwise(told)
    return kind.alias("kind"), name.alias("credential")


def findings(seen: Seen, objects: pl.DataFrame, *, days: int = DORMANT_DAYS) -> list[Finding]:
    """Return what is wrong with the credentials that a log shows, or that are among the objects (tables.OBJECTS)."""
    used = [*seen.used.iter_rows(named=True)]
    held = [*_secrets(objects)]
    found = [
        *_masters(used),
        *_secret_tokens(used, held),
        *_minted(seen),
        *_dormant(used, days, seen.end),
        *_idle_accounts(used, objects, held),
    ]
    return sorted(set(found), key=lambda one: (SEVERITIES.index(one.severity), *one[:1], *one[2:5], one.why))


Row = Mapping[str, Any]


def _found(finding: str, severity: str, row: Row, why: str) -> Finding:
    shown = (row["count"], row["addresses"], row["first"], row["last"])
    return Finding(finding, severity, _subject(row["user"]), row["kind"], row["credential"], *shown, why)


def _subject(user: str) -> str:
    namespace, colon, account = user.removeprefix(_ACCOUNT).partition(":")
    return f"sa:{namespace}/{account}" if user.startswith(_ACCOUNT) and colon else f"user:{user}"


def _masters(used: Iterable[Row]) -> Iterator[Finding]:
    why = "in system:masters: no rule holds its owner, and a certificate cannot be taken back; bind a role to a group instead"
    for row in used:
        if row["masters"] and row["user"] != _LOOPBACK:
            yield _found("masters-credential", "high", row, why)


class _Secret(NamedTuple):
    namespace: str
    name: str
    account: str
    last_used: str


def _secrets(objects: pl.DataFrame) -> Iterator[_Secret]:
    """Yield the Secrets that hold a token of a service account."""
    secrets = objects.filter((col("kind") == "Secret") & (col("apiVersion") == "v1") & col("until").is_null())
    for namespace, name, labels, text in secrets.select("namespace", "name", "labels", "object").iter_rows():
        if account := _account_of(text):
            told = dict(label.partition("=")[::2] for label in labels or ())
            yield _Secret(namespace, name, account, told.get("kubernetes.io/legacy-token-last-used", ""))


class _Meta(msgspec.Struct, frozen=True):
    annotations: dict[str, str] | None = None


class _Held(msgspec.Struct, frozen=True):
    type: str = ""
    metadata: _Meta = _Meta()


_read = msgspec.json.Decoder(_Held).decode


def _account_of(text: str | None) -> str:
    try:
        held = _read(text or "")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    token = held.type == "kubernetes.io/service-account-token"
    return (held.metadata.annotations or {}).get("kubernetes.io/service-account.name", "") if token else ""


def _secret_tokens(used: Iterable[Row], held: Iterable[_Secret]) -> Iterator[Finding]:
    """Yield tokens from Secrets: those in use, and those among the objects that nobody uses."""
    names: set[tuple[str, str]] = set()
    for row in used:
        if row["kind"] == "secret token":
            names.add((_namespace(row["user"]), row["credential"]))
            yield _found(
                "secret-token-used",
                "medium",
                row,
                "a token from a Secret never expires; let the pod mount a projected one",
            )
    for secret in held:
        if (secret.namespace, secret.name) not in names:
            told = f"last used {secret.last_used}" if secret.last_used else "not used in this log"
            why = f"a token from a Secret never expires, and this one was {told}; delete the Secret"
            yield Finding(
                "secret-token-unused", "medium", f"sa:{secret.namespace}/{secret.account}", "secret token", secret.name,
                0, 0, None, None, why,
            )  # fmt: skip


def _namespace(user: str) -> str:
    return user.removeprefix(_ACCOUNT).partition(":")[0]


def _minted(seen: Seen) -> Iterator[Finding]:
    """Yield tokens that were asked for by somebody who is neither kubelet nor control plane."""
    uses = {row["credential"]: row for row in seen.used.iter_rows(named=True) if row["kind"] == "token"}
    pods = {row["user"] for row in seen.used.iter_rows(named=True) if row["kind"] == "pod token"}
    for row in seen.minted.iter_rows(named=True):
        by = row["by"]
        if by.startswith(("system:node:", "system:kube-")) or by == _LOOPBACK:
            continue
        use = uses.get(row["credential"])
        person = by not in pods and not by.startswith(_ACCOUNT)
        own = not person and _namespace(by) == _namespace(row["account"])
        yield Finding(
            "token-minted-by-person" if person else "token-minted-by-workload",
            "info" if own else "medium",
            _subject(row["account"]),
            "token",
            row["credential"],
            use["count"] if use else 0,
            use["addresses"] if use else 0,
            row["first"],
            use["last"] if use else row["last"],
            f"asked for by {_subject(by)}; {_told(row, use)}",
        )


def _told(issued: Row, use: Row | None) -> str:
    if use:
        return f"used {use['count']:,} times since"
    return "not used in this log" if issued["credential"] else "its use cannot be told apart"


def _dormant(used: Iterable[Row], days: int, end: int) -> Iterator[Finding]:
    """Yield certificates and tokens that were used once and not for long; of pods' tokens, the account."""
    for row in used:
        idle = (end - row["last"]) // DAY_US
        if idle >= days and row["kind"] in ("certificate", "token", "secret token", "pod token", "other"):
            what = "account" if row["kind"] == "pod token" else row["kind"]
            yield _found("dormant", "low", row, f"this {what} was last used {idle} days before the log's end")


def _idle_accounts(used: Iterable[Row], objects: pl.DataFrame, held: Iterable[_Secret]) -> Iterator[Finding]:
    """Yield service accounts with a token from a Secret or a pod of their own that this log never saw."""
    active = {_subject(row["user"]) for row in used}
    keys: dict[str, str] = defaultdict(str)
    for secret in held:
        keys[f"sa:{secret.namespace}/{secret.account}"] = "a token from a Secret"
    running = objects.filter((col("kind") == "Pod") & col("until").is_null() & col("service_account").is_not_null())
    for namespace, account in running.select("namespace", "service_account").unique().iter_rows():
        keys.setdefault(f"sa:{namespace}/{account}", "a pod")
    for subject, what in sorted(keys.items()):
        if subject not in active:
            why = f"has {what} and made no request; where nothing needs it, automountServiceAccountToken: false"
            yield Finding("account-unused", "info", subject, "account", "", 0, 0, None, None, why)

"""A recording kept as columns: one row a request, short names, its label beside it; made audit events here.

Columns: `t` (seconds), `actor`, `cred`, `ip`, `ua`, `verb`, `res`, `sub`, `ns`, `name`, `code`, `label`, `scen`, and
`test` (true for the part that is judged). Simulations write this; it takes a tenth of the room of the log.
"""

from __future__ import annotations

import polars as pl

from plimsoll import errors

START = 1_793_577_600
"""Second in which such a recording begins: Monday 2026-11-02."""
_TEXTS = ("actor", "cred", "ip", "ua", "verb", "res", "sub", "ns", "name", "label", "scen")
COLUMNS = {"t": pl.Float64(), "code": pl.Int64(), "test": pl.Boolean(), **dict.fromkeys(_TEXTS, pl.String())}
LONGEST = 10 * 366 * 86_400
"""Seconds that such a recording may last."""
GROUPS = {
    "apps": ("deployments", "replicasets", "daemonsets", "statefulsets"),
    "batch": ("jobs", "cronjobs"),
    "rbac.authorization.k8s.io": ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
    "authorization.k8s.io": ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"),
    "authentication.k8s.io": ("tokenreviews",),
    "certificates.k8s.io": ("certificatesigningrequests",),
    "coordination.k8s.io": ("leases",),
    "discovery.k8s.io": ("endpointslices",),
    "autoscaling": ("horizontalpodautoscalers",),
    "networking.k8s.io": ("networkpolicies", "ingresses"),
    "cert-manager.io": ("certificates",),
    "external-secrets.io": ("externalsecrets",),
    "wgpolicyk8s.io": ("policyreports",),
    "example.com": ("widgets",),
    "admissionregistration.k8s.io": ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
}
_GROUP_OF = {resource: group for group, resources in GROUPS.items() for resource in resources}
_RESOURCE = ~pl.col("res").str.starts_with("/")
_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"


def numbered(frame: pl.DataFrame, file: str = "") -> pl.DataFrame:
    """Return rows in order of time with their number `n`; InputError where they are no recording."""
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise errors.InputError(f"columns of a recording are missing: {', '.join(missing)}", file=file)
    try:
        typed = frame.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    except pl.exceptions.PolarsError as wrong:
        raise errors.InputError(f"a column of a recording has another type: {str(wrong)[:100]}", file=file) from None
    if not typed.select(pl.col("t").is_between(0, LONGEST).fill_null(value=False).all()).item():
        raise errors.InputError("the column t holds seconds from the beginning of the recording", file=file)
    return typed.sort("t", maintain_order=True).with_row_index("n")


def labelled(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Return the label rows of numbered rows."""
    told = frame.filter(pl.col("test") & (pl.col("scen").fill_null("") != ""))
    return told.select(_id().alias("auditID"), "label", pl.col("scen").alias("scenario")).to_dicts()


def _id() -> pl.Expr:
    return pl.format("row-{}", pl.col("n"))


def events(frame: pl.DataFrame) -> pl.DataFrame:
    """Return numbered rows as the API server would write them, nested as JSON is."""
    microseconds = (pl.col("t") * 1e6).cast(pl.Int64) + START * 1_000_000
    time = pl.from_epoch(microseconds, time_unit="us").dt.strftime(_TIME)
    account = pl.col("actor").str.starts_with("system:serviceaccount:")
    home = pl.format(
        "system:serviceaccounts:{}", pl.col("actor").str.split(":").list.get(2, null_on_oob=True).fill_null("")
    )
    everyone = pl.lit("system:authenticated")
    groups = (
        pl.when(account)
        .then(pl.concat_list(pl.lit("system:serviceaccounts"), home, everyone))
        .otherwise(pl.concat_list(everyone))
    )
    extra = pl.struct(pl.concat_list("cred").alias("authentication.kubernetes.io/credential-id"))
    named = frame.with_columns(group=pl.col("res").replace_strict(_GROUP_OF, default=""))
    about = {"resource": "res", "subresource": "sub", "namespace": "ns", "name": "name", "apiGroup": "group"}
    return named.select(
        kind=pl.lit("Event"),
        apiVersion=pl.lit("audit.k8s.io/v1"),
        level=pl.lit("Metadata"),
        auditID=_id(),
        stage=pl.lit("ResponseComplete"),
        requestURI=_path(),
        verb="verb",
        user=pl.struct(username="actor", groups=groups, extra=extra),
        sourceIPs=pl.concat_list("ip"),
        userAgent="ua",
        objectRef=pl.struct(
            *(pl.when(_RESOURCE).then(pl.col(short)).alias(name) for name, short in about.items()),
            pl.when(_RESOURCE).then(pl.lit("v1")).alias("apiVersion"),
        ),
        responseStatus=pl.struct(code="code"),
        requestReceivedTimestamp=time,
        stageTimestamp=time,
    )


def _path() -> pl.Expr:
    base = pl.when(pl.col("group") == "").then(pl.lit("/api/v1")).otherwise(pl.format("/apis/{}/v1", pl.col("group")))
    space = pl.when(pl.col("ns") == "").then(pl.lit("")).otherwise(pl.format("/namespaces/{}", pl.col("ns")))
    path = pl.concat_str(base, space, pl.lit("/"), "res", pl.lit("/"), "name").str.strip_suffix("/")
    return pl.when(_RESOURCE).then(path).otherwise(pl.col("res"))

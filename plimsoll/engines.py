"""Where a table lives: Polars in this process, DuckDB in this process, or Spark wherever it runs.

Learning and detecting are written once, in Narwhals, over frames that any of the three holds. This module opens
tables as such frames and brings the answer back as Polars; no other module knows an engine by name.

DuckDB and Spark are extras and are imported when they are asked for. They are told to leave nothing behind: what
they spill goes to a private folder that ends with the process. Times are microseconds in UTC on all three.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from plimsoll import errors, frames, tables

Frame = nw.LazyFrame[Any]

ENGINES = ("polars", "duckdb", "spark")
"""Polars is the one that is always there."""

_SLICE = 65_536
"""Rows that are turned into bytes at a time when a table is digested."""


def scan(paths: Sequence[Path], engine: str = "polars", table: tables.Table = tables.PROFILE) -> Frame:
    """Return the rows of Parquet files that hold this table, as a frame of the engine; no file is read yet.

    The files' footers are: one that does not hold the table is an InputError that names it.
    """
    if not paths:
        return of(frames.empty(table), engine)
    for path in paths:
        _check(path, table)
    try:
        opened = _opened([path.absolute() for path in paths], _known(engine))
    except _failures() as failure:
        raise errors.InputError(
            f"{engine} cannot read it: {_first_line(failure)}", file=str(paths[0].parent)
        ) from failure
    return _lazy(opened).select(*tables.names(table))


def of(frame: pl.DataFrame, engine: str = "polars") -> Frame:
    """Return a Polars frame as a frame of the engine.

    >>> collect(of(pl.DataFrame({"n": [1, 2]}), "polars").select(nw.col("n").sum())).item()
    3
    """
    if _known(engine) == "polars":
        return _lazy(frame.lazy())
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    with _failing_clearly(engine):
        return _lazy(_duckdb().from_arrow(arrow) if engine == "duckdb" else _spark().createDataFrame(arrow))


def collect(frame: Frame) -> pl.DataFrame:
    """Return what a frame of any engine holds: whole numbers as Int64, times in UTC; in no particular order.

    What the engine cannot compute is a PlimsollError with the engine's first line about it.
    """
    with _failing_clearly(str(frame.implementation)):
        held: pl.DataFrame = frame.collect(backend="polars").to_native()
    return held.select(_plain(name, dtype) for name, dtype in held.schema.items())


def digest(table: pl.DataFrame) -> str:
    """Return the SHA-256 of a table's rows, in whatever order they and the columns come.

    >>> one, other = pl.DataFrame({"a": [1, 2], "b": ["x", None]}), pl.DataFrame({"b": [None, "x"], "a": [2, 1]})
    >>> digest(one) == digest(other) != digest(one.fill_null(""))
    True
    """
    names = sorted(table.columns)
    times = [name for name, dtype in table.schema.items() if dtype == pl.Datetime]
    ordered = table.select(names).with_columns(pl.col(times).dt.epoch("us")).sort(names)
    state = hashlib.sha256(repr(names).encode())
    for part in ordered.iter_slices(_SLICE):
        state.update(part.write_ndjson().encode())
    return state.hexdigest()


def _known(engine: str) -> str:
    if engine not in ENGINES:
        raise errors.UsageError(f"no engine {engine!r}: it is one of {', '.join(ENGINES)}")
    return engine


def _lazy(native: Any) -> Frame:
    lazy: Frame = nw.from_native(native).lazy()
    return lazy


def _opened(paths: list[Path], engine: str) -> Any:
    """Files as a native frame. All three take a name for a pattern unless it is told otherwise."""
    if engine == "polars":
        return pl.scan_parquet(paths, glob=False)
    if engine == "duckdb":
        return _duckdb().read_parquet(
            ["".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)) for path in paths]
        )
    return _spark().read.parquet(
        *("file://" + "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in str(path)) for path in paths)
    )


def _check(path: Path, table: tables.Table) -> None:
    try:
        held = pl.scan_parquet(path, glob=False).collect_schema()
    except (OSError, pl.exceptions.PolarsError) as failure:
        raise errors.InputError("cannot be read as Parquet", file=str(path)) from failure
    for name, dtype in frames.schema(table).items():
        if held.get(name) != dtype:
            raise errors.InputError(
                f"not a table of ours: column {name!r} should be {dtype}, is {held.get(name, 'absent')}", file=str(path)
            )


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_integer() or dtype.is_decimal():  # DuckDB's sum of integers is wider than 64 bits
        return column.cast(pl.Int64)
    if isinstance(dtype, pl.Datetime):
        zoned = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
        return zoned.dt.cast_time_unit("us")
    return column


@contextlib.contextmanager
def _failing_clearly(engine: str) -> Iterator[None]:
    try:
        yield
    except _failures() as failure:
        raise errors.PlimsollError(f"{engine} could not compute this: {_first_line(failure)}") from failure


def _failures() -> tuple[type[Exception], ...]:
    """What the engines that are in use raise when they cannot go on."""
    kinds: list[type[Exception]] = [pl.exceptions.PolarsError, nw.exceptions.NarwhalsError, OSError, ImportError]
    for module, name in (("duckdb", "Error"), ("pyspark.errors", "PySparkException"), ("py4j.protocol", "Py4JError")):
        if sys.modules.get(module):
            kinds.append(getattr(sys.modules[module], name))
    return tuple(kinds)


def _first_line(failure: Exception) -> str:
    return next(iter(str(failure).strip().splitlines()), type(failure).__name__)[:300]


def _extra(module: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as absent:
        raise errors.UsageError(f"the engine {extra} is not installed: pip install 'plimsoll[{extra}]'") from absent


@functools.cache
def _scratch() -> Path:
    """A folder of this process alone, gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="plimsoll-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _duckdb() -> Any:
    """The one connection of this process: frames of two connections could not be joined."""
    _extra("pyarrow", "duckdb")
    settings = {
        "temp_directory": str(_scratch() / "duckdb"),
        "autoinstall_known_extensions": False,  # nothing is fetched; what is needed is built in
        "preserve_insertion_order": False,
        "TimeZone": "UTC",
    }
    return _extra("duckdb", "duckdb").connect(":memory:", config=settings)


def _spark() -> Any:
    """The Spark session: the caller's own, else the one that Spark's configuration names, else one on this machine."""
    sql = _extra("pyspark.sql", "spark")
    _extra("pyarrow", "spark")
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # nor do we need it
    session = sql.SparkSession.getActiveSession()
    if session is not None:
        return session
    try:
        return _configured_session(sql) if any(map(os.environ.get, _TOLD)) else _local_session(sql)
    except _failures() as failure:
        reason = _first_line(failure)
        hint = next((f" ({hint})" for code, hint in _HINTS.items() if code in reason), "")
        raise errors.UsageError(f"Spark does not start: {reason}{hint}") from failure


_TOLD = ("SPARK_REMOTE", "SPARK_HOME", "SPARK_CONF_DIR", "MASTER", "PYSPARK_GATEWAY_PORT", "PYSPARK_SUBMIT_ARGS")
"""By these Spark is told where to run: Spark Connect, an installation with its defaults, spark-submit."""

_HINTS = {"JAVA_GATEWAY_EXITED": "it needs Java 17 or later", "PACKAGE_NOT_INSTALLED": "pip install 'pyspark[connect]'"}


_ALWAYS = {
    "spark.app.name": "plimsoll",
    "spark.sql.execution.arrow.localRelationThreshold": "1MB",  # else a table is part of each plan, many times over
    "spark.sql.session.timeZone": "UTC",
}


def _configured_session(sql: ModuleType) -> Any:
    return sql.SparkSession.builder.config(map=_ALWAYS).getOrCreate()


@functools.cache
def _local_session(sql: ModuleType) -> Any:
    """Two cores of this machine, closed to the network; what Java has to say goes to the private folder."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise errors.UsageError(
            "Spark needs Java 17 or later: install one (Debian: default-jre-headless), or set SPARK_REMOTE to a Spark Connect server"
        )
    settings = {
        **_ALWAYS,
        "spark.master": "local[2]",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:+ExitOnOutOfMemoryError",  # else it hangs, and we with it
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.local.dir": str(_scratch()),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(_scratch() / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    pyspark, gateway = importlib.import_module("pyspark"), importlib.import_module("pyspark.java_gateway")
    conf = pyspark.SparkConf(loadDefaults=False).setAll(settings.items())
    with (_scratch() / "spark.log").open("wb") as log:  # the JVM's own warnings cannot be turned off
        context = pyspark.SparkContext(conf=conf, gateway=gateway.launch_gateway(conf, {"stderr": log}))
    session = sql.SparkSession(context)
    atexit.register(session.stop)
    return session

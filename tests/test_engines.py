"""One definition, three engines, the same digests."""

from __future__ import annotations

import importlib
import os
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll import engines, errors, frames, tables
from plimsoll.detect import evidence
from plimsoll.learn import maturity, profile

TODAY = 20_460
OTHERS = ["duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.timeout(900)])]
EVERY = ["polars", *OTHERS]


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local Spark, started in an empty folder, which is the value."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'plimsoll[spark]'")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs Java, and there is none on this machine")
    folder, home = tmp_path_factory.mktemp("spark"), Path.cwd()
    os.chdir(folder)
    try:
        engines.of(frames.empty(tables.PROFILE), "spark")
    finally:
        os.chdir(home)
    return folder


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "spark":
        request.getfixturevalue("spark")
    return request.param


def fact(subject: str, verb: str, given: str, what: str, day: int, count: int) -> dict[str, object]:
    first = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        days=day, seconds=count % 86_000, microseconds=count % 1_000_000
    )
    kept = {
        "subject": subject,
        "peer": subject.partition("/")[0],
        "verb": verb,
        "given": given,
        "object": what,
        "day": day,
    }
    return {**kept, "count": count, "first": first, "last": first + timedelta(microseconds=count % 7)}


def table(rows: list[dict[str, object]]) -> pl.DataFrame:
    return frames.of_rows(tables.FACTS, rows)


def generated(rows: int, seed: int) -> pl.DataFrame:
    """Facts as a cluster would give them: many subjects of every class, few verbs, a long tail of objects and days."""
    chance = random.Random(seed)
    names = ["sa:kube-system/dns", "node:n1", "node:n2", "user:ann", "user:system:scheduler"]
    names += [f"sa:ns{n % 7}/app{n}" for n in range(20)] + [f"ns{n % 7}/Deployment/wéb{n}:app" for n in range(30)]
    verbs = ["within", "from", "exec", "read", "connect"]
    return table(
        [
            fact(
                chance.choice(names),
                chance.choice(verbs),
                chance.choice(["", "", "get pods", "list secrets"]),
                f"object-{int(chance.paretovariate(0.8)) % 500}",
                TODAY - int(chance.paretovariate(0.5)) % 130,
                int(chance.paretovariate(0.4)) % 100_000 + 1,
            )
            for _ in range(rows)
        ]
    )


def answers(parts: list[pl.DataFrame], asked: pl.DataFrame, engine: str) -> dict[str, str]:
    """Digests of everything that is defined once for all engines."""
    learned = profile.learn(engines.of(parts[0], engine))
    merged = profile.merge([learned, *(profile.learn(engines.of(part, engine)) for part in parts[1:])])
    known = evidence.levels(merged, TODAY)
    results = {
        "learned": learned,
        "merged": merged,
        **known._asdict(),
        "evidence": evidence.evidence(engines.of(asked, engine), known),
        "maturity": maturity.counted(merged),
        "all together": maturity.pooled(merged),
    }
    return {name: engines.digest(engines.collect(frame)) for name, frame in results.items()}


SUBJECTS = st.sampled_from(["node:n", "sa:kube-system/a", "sa:b/c", "user:d", "n/Pod/e:f", "", "￿", "𐀀", "\x00"])
WORDS = st.sampled_from(["", "a", "b", "A", "a ", "ä", "￿", "𐀀", "\x00"])
FACTS = st.lists(
    st.builds(
        fact,
        SUBJECTS,
        st.sampled_from(["within", "from"]),
        WORDS,
        WORDS,
        st.integers(TODAY - 200, TODAY + 2),
        st.integers(1, 2**40),
    ),
    max_size=12,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(FACTS, FACTS, FACTS)
def test_duckdb_answers_as_polars_does_whatever_the_facts(one, other, asked):
    given_facts = [table(one), table(other)], table(asked + one[:3])
    assert answers(*given_facts, "duckdb") == answers(*given_facts, "polars")


@pytest.mark.parametrize("engine", OTHERS, indirect=True)
def test_each_engine_answers_as_polars_does_on_thousands_of_facts(engine):
    learned, asked = generated(5_000, seed=1), generated(300, seed=2)
    parts = [learned[:2_000], learned[2_000:]]
    assert answers(parts, asked, engine) == answers(parts, asked, "polars")


@pytest.mark.parametrize("engine", OTHERS, indirect=True)
def test_each_engine_answers_as_polars_does_on_odd_names_and_empty_tables(engine):
    odd = [
        fact(subject, "within", word, other, TODAY, 1)
        for subject in ("", "￿", "𐀀", "\x00")
        for word in ("a", "a ", "A")
        for other in ("ä", "\x00")
    ]
    parts = [table(odd), frames.empty(tables.FACTS)]
    assert answers(parts, table(odd[::2]), engine) == answers(parts, table(odd[::2]), "polars")


@pytest.mark.parametrize("engine", EVERY, indirect=True)
def test_parquet_files_are_read_by_their_own_names_and_no_others(engine, tmp_path):
    folder = tmp_path / "profile [1]* {a,b}? d%20é"
    folder.mkdir()
    whole = generated(50, seed=3)
    whole[:20].write_parquet(folder / "x[1].parquet")
    whole[20:].write_parquet(folder / "x*.parquet")
    whole.write_parquet(folder / "x1.parquet")
    read = engines.collect(engines.scan([folder / "x[1].parquet", folder / "x*.parquet"], engine))
    assert read.schema == frames.schema(tables.PROFILE)
    assert engines.digest(read) == engines.digest(whole)


@pytest.mark.parametrize("engine", EVERY, indirect=True)
def test_a_frame_comes_back_as_it_went_times_and_nulls_included(engine):
    whole = pl.concat([generated(20, seed=4), frames.of_rows(tables.FACTS, [{"subject": None, "object": ""}])])
    back = engines.collect(engines.of(whole, engine))
    assert back.schema == whole.schema
    assert engines.digest(back) == engines.digest(whole)


@pytest.mark.parametrize("engine", EVERY, indirect=True)
def test_no_files_are_an_empty_table(engine):
    nothing = engines.collect(engines.scan([], engine))
    assert (nothing.height, nothing.schema) == (0, frames.schema(tables.PROFILE))


@pytest.mark.parametrize("engine", EVERY, indirect=True)
def test_what_an_engine_cannot_compute_is_one_line(engine):
    words = engines.of(pl.DataFrame({"word": ["one"]}), engine)
    with pytest.raises(
        errors.PlimsollError, match=f"^{'pyspark' if engine == 'spark' else engine} could not compute this: .+"
    ) as failure:
        engines.collect(words.select(nw.col("word").cast(nw.Int64)))
    assert len(str(failure.value).splitlines()) == 1


@pytest.mark.spark
@pytest.mark.timeout(900)
def test_a_session_of_the_callers_own_is_used_and_its_time_zone_does_not_matter(spark):
    session = importlib.import_module("pyspark.sql").SparkSession.getActiveSession()
    assert engines._spark() is session
    session.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        whole = generated(20, seed=5)
        assert engines.digest(engines.collect(profile.learn(engines.of(whole, "spark")))) == engines.digest(
            engines.collect(profile.learn(engines.of(whole)))
        )
    finally:
        session.conf.set("spark.sql.session.timeZone", "UTC")


@pytest.mark.spark
@pytest.mark.timeout(900)
def test_spark_leaves_nothing_in_the_working_directory(spark):
    assert list(spark.iterdir()) == []


def test_an_unknown_engine_is_a_clear_error():
    with pytest.raises(errors.UsageError, match="no engine 'flink': it is one of polars, duckdb, spark"):
        engines.of(frames.empty(tables.PROFILE), "flink")


@pytest.mark.parametrize(("extra", "module"), [("duckdb", "duckdb"), ("spark", "pyspark.sql")])
def test_an_engine_that_is_not_installed_names_the_extra(extra, module, monkeypatch):
    engines._duckdb.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(errors.UsageError, match=rf"pip install 'plimsoll\[{extra}\]'"):
        engines.of(frames.empty(tables.PROFILE), extra)


def test_spark_without_java_says_what_to_install(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(errors.UsageError, match="Spark needs Java 17 or later"):
        engines._local_session.__wrapped__(None)


def test_polars_alone_imports_no_other_engine():
    code = "import sys, plimsoll.engines as e, polars as pl; e.collect(e.of(pl.DataFrame({'a': [1]}))); print({'duckdb', 'pyspark'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_file_that_is_no_parquet_or_no_profile_is_named(tmp_path):
    broken, other = tmp_path / "broken.parquet", tmp_path / "other.parquet"
    broken.write_bytes(b"PAR1 not really")
    pl.DataFrame({"subject": ["a"]}).write_parquet(other)
    with pytest.raises(errors.InputError, match=r"broken\.parquet: cannot be read as Parquet"):
        engines.scan([broken])
    with pytest.raises(
        errors.InputError, match=r"other\.parquet: not a table of ours: column 'peer' should be String, is absent"
    ):
        engines.scan([other])
    with pytest.raises(errors.InputError, match=r"gone\.parquet"):
        engines.scan([tmp_path / "gone.parquet"])


@given(FACTS, st.data())
def test_a_digest_does_not_depend_on_the_order_of_rows_and_columns(rows, data):
    made, shuffled = table(rows), table(data.draw(st.permutations(rows)))
    assert engines.digest(made) == engines.digest(shuffled.select(data.draw(st.permutations(made.columns))))


@given(FACTS, FACTS)
def test_two_tables_have_one_digest_only_if_they_hold_the_same_rows(one, other):
    a, b = table(one), table(other)
    assert (engines.digest(a) == engines.digest(b)) == (sorted(a.rows()) == sorted(b.rows()))

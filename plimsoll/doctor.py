"""What this machine has and what it lacks, and how to mend it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors, store

LEAST_PYTHON = (3, 11)
ROOM = 1 << 30
"""Bytes that a profile directory should have left."""


class Check(NamedTuple):
    """One thing looked at."""

    state: str
    """ok, missing (something will not work) or note (an extra that is not there)."""
    name: str
    found: str
    mend: str


def examine(profile: Path | None = None) -> list[Check]:
    """Return what was found, in a fixed order."""
    checks = [_python(), *_engines(), _java(), _kernel(), _kubeconfig()]
    return checks + ([_profile(profile), _room(profile)] if profile else [])


def _python() -> Check:
    fits = sys.version_info[:2] >= LEAST_PYTHON
    return Check(
        "ok" if fits else "missing", "Python", platform.python_version(), "" if fits else "install Python 3.11 or later"
    )


def _engines() -> list[Check]:
    mend = {
        "polars": "pip install plimsoll",
        "duckdb": "pip install 'plimsoll[duckdb]' for --engine duckdb",
        "pyspark": "pip install 'plimsoll[spark]' for --engine spark",
    }
    return [_module(name, "missing" if name == "polars" else "note", text) for name, text in mend.items()]


def _module(name: str, absent: str, mend: str) -> Check:
    there = importlib.util.find_spec(name) is not None
    return Check(
        "ok" if there else absent, f"engine {name}", "installed" if there else "not installed", "" if there else mend
    )


def _java() -> Check:
    java = shutil.which("java") or os.environ.get("JAVA_HOME", "")
    return Check(
        "ok" if java else "note",
        "Java",
        java or "not found",
        "" if java else "install a Java 17 runtime (default-jre-headless) for a local --engine spark",
    )


def _kernel() -> Check:
    there = Path("/sys/kernel/btf/vmlinux").exists()
    return Check(
        "ok" if there else "note",
        "kernel",
        f"{platform.release()}, {'with' if there else 'without'} BTF",
        "" if there else "the node sensor needs a kernel with BTF (5.8 or later)",
    )


def _kubeconfig() -> Check:
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    there = any(Path(one).is_file() for one in named.split(os.pathsep))
    return Check(
        "ok" if there else "note",
        "cluster",
        named if there else "no kubeconfig",
        "" if there else "set KUBECONFIG to look at a live cluster; files need none",
    )


def _profile(profile: Path) -> Check:
    try:
        kept = store.Profile.open(profile)
        kept.check()
    except errors.PlimsollError as broken:
        return Check("missing", "profile", str(broken), "learn into this directory, or restore it from a copy")
    count = len(kept.segments())
    return Check("ok", "profile", f"{profile}: {count:,} segment{'s' * (count != 1)}, readable", "")


def _room(profile: Path) -> Check:
    place = next(one for one in (profile, *profile.absolute().parents) if one.exists())
    left = shutil.disk_usage(place).free
    enough = left >= ROOM
    return Check(
        "ok" if enough else "missing",
        "disk",
        f"{left / 2**30:,.1f} GiB free at {place}",
        "" if enough else "make room: a profile wants 1 GiB free",
    )

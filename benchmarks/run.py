"""All benchmarks in turn: `make bench`, or `make bench ARGS=--quick` for a glance."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SCRIPTS = ("audit_parse.py", "audit.py", "receiver.py", "rules.py")
"""What is read first, then what is made of it."""
PACKAGES = ("plimsoll", "msgspec", "narwhals", "polars", "duckdb", "pyspark")


def header() -> str:
    """Say what was measured on what."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GiB, Linux {platform.release()}; load before: {load:.1f}\n"
        f"Python {platform.python_version()}; {', '.join(_installed(name) for name in PACKAGES)}"
    )


def _processor() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in told if line.startswith("model name")), platform.machine())


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} absent"


def main() -> int:
    print(header(), flush=True)
    folder = Path(__file__).parent
    return max(
        subprocess.run([sys.executable, folder / name, *sys.argv[1:]], check=False).returncode for name in SCRIPTS
    )


if __name__ == "__main__":
    sys.exit(main())

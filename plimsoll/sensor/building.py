"""From C to the object that the kernel loads: once, when the wheel is built, never on a node.

`python -m plimsoll.sensor.building` does it again after a change, or once clang is there.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "bpf"
OBJECT = Path(__file__).parent / "sensor.bpf.o"

_ARCHITECTURES = {"x86_64": "x86", "aarch64": "arm64"}


def missing() -> str:
    """Return what is lacking to build the object, with its cure; empty where nothing is."""
    if platform.system() != "Linux" or platform.machine() not in _ARCHITECTURES:
        return f"the sensor is for Linux on x86_64 and arm64, not {platform.system()} on {platform.machine()}"
    if not shutil.which("clang"):
        return "no clang: apt-get install clang llvm libbpf-dev"
    if not Path("/usr/include/bpf/bpf_helpers.h").exists():
        return "no headers of libbpf: apt-get install libbpf-dev"
    return ""


def fresh() -> bool:
    """Return whether the object is there and newer than every source."""
    return OBJECT.exists() and OBJECT.stat().st_mtime >= max(file.stat().st_mtime for file in SOURCE.iterdir())


def build() -> str:
    """Build the object where it is not fresh; return why not, empty on success."""
    if fresh():
        return ""
    lack = missing()
    if lack:
        return lack
    made = OBJECT.with_suffix(f".{os.getpid()}.new")  # two may build at once
    lack = compiled(made)
    if not lack:
        made.replace(OBJECT)
    return lack


def compiled(target: Path, *defined: str) -> str:
    """Compile the programs into a file, with what is `defined` (`STREAM=1`); return why not, empty on success."""
    machine = platform.machine()
    command = ["clang", "-O2", "-g", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3"]
    command += [f"-D__TARGET_ARCH_{_ARCHITECTURES[machine]}", f"-I/usr/include/{machine}-linux-gnu"]
    command += [*(f"-D{one}" for one in defined), "-c", str(SOURCE / "sensor.bpf.c"), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        target.unlink(missing_ok=True)
        return f"clang could not build the sensor's programs: {done.stderr.strip()[:500]}"
    strip = shutil.which("llvm-strip")
    if strip:  # debugging lines go, the types the kernel needs stay
        subprocess.run([strip, "-g", str(target)], check=False)  # noqa: S603 - our own words
    return ""


def main() -> int:
    """Build, and say why not."""
    lack = build()
    if lack:
        sys.stderr.write(f"The sensor's kernel programs are not built: {lack}\n")
    return bool(lack)


if __name__ == "__main__":
    sys.exit(main())

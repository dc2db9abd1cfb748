"""What each right gives: the programs loaded with only the rights that the docs name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.sensor.boxes import needs_kernel

SHOW = (
    "import json; from plimsoll.sensor.kernel import Kernel; made = Kernel(pin=None);"
    "print(json.dumps({one.name: one.reason for one in made.coverage})); made.close(unpin=True)"
)
NETWORK = {"network", "dns", "isolation"}


def coverage(rights: str) -> dict[str, str]:
    """Each group and why it does not work, with these rights alone."""
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv: apt-get install util-linux")
    command = ["setpriv", f"--bounding-set=-all,{rights}", "--inh-caps=-all", sys.executable, "-c", SHOW]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "lacks" in done.stderr or "unsupported" in done.stderr:
        pytest.skip(f"rights cannot be dropped here: {done.stderr.strip()}")
    assert not done.returncode, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    found.pop("pinning")
    return found


@needs_kernel
def test_three_rights_are_all_it_takes() -> None:
    assert {name for name, reason in coverage("+bpf,+perfmon,+net_admin").items() if reason} == set()


@needs_kernel
def test_without_the_right_over_networks_the_rest_works_and_what_does_not_is_named() -> None:
    found = coverage("+bpf,+perfmon")
    assert {name for name, reason in found.items() if reason} == NETWORK
    assert all("not permitted" in found[name] for name in NETWORK)

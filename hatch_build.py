"""What the wheel needs beside Python: the sensor's kernel programs, so that a node needs no compiler."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from plimsoll.sensor import building


class SensorHook(BuildHookInterface[Any]):
    """Builds the object into the tree, for the wheel and for an editable install alike."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the hook's shape
        """Build; without a compiler say why and go on: all but the sensor works."""
        if self.target_name != "wheel":
            return
        lack = building.build()
        if lack:
            self.app.display_warning(f"The sensor's kernel programs are not built: {lack}")
            return
        build_data["artifacts"].append("plimsoll/sensor/sensor.bpf.o")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"

"""Made-up hosts: folders that look like /proc, /run and /sys/fs/cgroup."""

import json
from pathlib import Path

POD = "/kubepods/besteffort/pod11111111-2222-3333-4444-555555555555/"
ID = "a1" * 32
SHOP = {
    "io.kubernetes.cri.sandbox-namespace": "shop",
    "io.kubernetes.cri.sandbox-name": "redis-7d9c5b8f6d-x2k4q",
    "io.kubernetes.cri.container-name": "redis",
}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def mounted(root: Path, *, v1: bool, v2: str = "") -> Path:
    """A host with the pids controller on v1, and v2 at a folder."""
    lines = ["22 1 0:20 / /proc rw - proc proc rw"]
    if v1:
        lines.append("30 22 0:25 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids")
        (root / "sys/fs/cgroup/pids").mkdir(parents=True, exist_ok=True)
    if v2:
        lines.append(f"31 22 0:26 / {v2} rw,relatime shared:9 - cgroup2 cgroup2 rw")
        (root / v2.lstrip("/")).mkdir(parents=True, exist_ok=True)
    write(root / "proc/self/mountinfo", "\n".join(lines))
    return root


def bundle(cgroup: str = "", annotations: object = None, **more: object) -> dict[str, object]:
    return {"ociVersion": "1.0.2", "annotations": annotations, "linux": {"cgroupsPath": cgroup}, **more}

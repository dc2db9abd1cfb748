"""Charts and kustomizations as the objects that they make, rendered by the user's own helm, kustomize or kubectl.

A folder with a Chart.yaml is a chart, wherever it stands; its files are no manifests by themselves. The folder that was
named is rendered where it holds a kustomization; those within it are bases and overlays of others and read as they are,
as is one that cannot be rendered.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from plimsoll.cluster import manifests
from plimsoll.cluster.manifests import Document, Reject

PATIENCE = 120
"""Seconds for one chart; a kustomization may fetch its bases."""
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CHART = "Chart.yaml"
_SOURCE = re.compile(rb"# Source: [^/\s]+/(\S+)")

Which = Callable[[str], str | None]


def documents(source: str, which: Which = shutil.which, across: manifests.Across = map) -> Iterator[Document | Reject]:
    """Yield what a name stands for as manifests.documents does, charts and kustomizations rendered."""
    if not Path(source).is_dir():
        yield from manifests.documents(source, across=across)
        return
    if any((Path(source) / name).is_file() for name in KUSTOMIZATIONS):
        made = [*_kustomized(source, which)]
        yield from made
        if not all(isinstance(one, Reject) for one in made):
            return
    charts = [*_charts(source)]
    if charts != [source]:
        yield from manifests.documents(source, frozenset(charts), across)
    for chart in charts:
        yield from _templated(chart, which)


def _charts(folder: str) -> Iterator[str]:
    """Yield the outermost folders that are charts."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if CHART in names:
            folders.clear()
            yield where


def _templated(chart: str, which: Which) -> Iterator[Document | Reject]:
    helm = which("helm")
    if helm is None:
        yield Reject(manifests.shown(chart), 1, "a Helm chart that is not rendered: there is no helm on the PATH")
        return
    yield from _made([helm, "template", "plimsoll", chart], chart)


def _kustomized(folder: str, which: Which) -> Iterator[Document | Reject]:
    kustomize, kubectl = which("kustomize"), which("kubectl")
    if kustomize is None and kubectl is None:
        reason = "a kustomization that is not rendered: neither kustomize nor kubectl is on the PATH"
        yield Reject(manifests.shown(folder), 1, reason)
        return
    yield from _made([kustomize, "build", folder] if kustomize else [str(kubectl), "kustomize", folder], folder)


def _made(command: Sequence[str], folder: str) -> Iterator[Document | Reject]:
    """Yield what a renderer prints, each document under the file it comes from where the renderer tells it."""
    name = manifests.shown(folder)
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603  the user's own
    except (OSError, subprocess.SubprocessError) as problem:
        yield Reject(name, 1, f"not rendered: {problem}"[:200])
        return
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        yield Reject(name, 1, manifests.shown(f"not rendered: {said[-1] if said else f'exit {done.returncode}'}"[:200]))
        return
    lines = done.stdout.splitlines()
    for told in manifests.parsed(name, done.stdout):
        source = _SOURCE.match(lines[told.line - 1]) if 0 < told.line <= len(lines) else None
        file = os.path.join(name, source[1].decode("utf-8", "replace")) if source else name  # noqa: PTH118  as manifests
        yield told._replace(file=manifests.shown(file), line=1)

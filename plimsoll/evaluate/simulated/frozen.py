"""Which world figures are from: the digest of everything that makes it."""

from __future__ import annotations

import hashlib
from importlib import resources

MODULES = ("cluster", "days", "intrusions", "analyst")


def digest() -> str:
    """Return a digest of the modules that make the simulated world; line ends aside.

    >>> len(digest())
    16
    """
    taken = hashlib.sha256()
    for name in MODULES:
        text = resources.files(__package__).joinpath(f"{name}.py").read_text(encoding="utf-8")
        taken.update("\n".join(text.split()).encode())
    return taken.hexdigest()[:16]

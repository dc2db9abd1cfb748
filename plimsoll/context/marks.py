"""What labels of a ticket or categories of a window say to us: whom it is about, and what it excuses.

`k8s:NAMESPACE/NAME` or `k8s:NAMESPACE/KIND/NAME` names a workload, `allow:CLASS` a class of rules. A label is set by
whoever may edit the ticket, so it names one thing and is never a pattern; only the configuration widens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

WORKLOAD, CLASS = "k8s:", "allow:"
_NAMED = re.compile(
    r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:/[A-Z][A-Za-z0-9]{0,62})?/[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
)
_RULES = re.compile(r"[a-z][-_a-z0-9]{0,62}")


class Marks(NamedTuple):
    """What the labels say."""

    scope: tuple[str, ...]
    allows: tuple[str, ...]


def read(labels: Iterable[object], allows: Iterable[str] = ()) -> Marks:
    """Return what labels say; where they name no class of rules it is those that are given.

    >>> read(["k8s:shop/web", "k8s:shop/Deployment/api", "allow:shell", "k8s:*/*", "urgent"])
    Marks(scope=('shop/*/web', 'shop/Deployment/api'), allows=('shell',))
    >>> read(["k8s:shop/web"], ["shell"]).allows
    ('shell',)
    """
    texts = [label.strip() for label, _ in zip(labels, range(200), strict=False) if isinstance(label, str)]
    scope = [workload(text.removeprefix(WORKLOAD)) for text in texts if text.startswith(WORKLOAD)]
    named = [text.removeprefix(CLASS) for text in texts if text.startswith(CLASS)]
    told = tuple(one for one in named if _RULES.fullmatch(one))
    return Marks(tuple(one for one in scope if one), told if named else tuple(allows))


def workload(name: str) -> str:
    """Return the glob of the one workload that is named; empty where it is no name.

    >>> workload("shop/web"), workload("shop/Deployment/web"), workload("shop/*")
    ('shop/*/web', 'shop/Deployment/web', '')
    """
    if len(name) > 400 or not _NAMED.fullmatch(name):
        return ""
    return name if name.count("/") == 2 else name.replace("/", "/*/", 1)

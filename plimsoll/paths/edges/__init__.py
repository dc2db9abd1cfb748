"""What one step of an attacker can be: a module for each family, each a function from the model to edges."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache

from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model

Family = Callable[[Model], Iterator[Edge]]


@cache
def families() -> dict[str, Family]:
    """Return the families by name: the modules here that have `edges`.

    >>> "rbac_secrets" in families()
    True
    """
    modules = (importlib.import_module(f"{__name__}.{name}") for _, name, _ in pkgutil.iter_modules(__path__))
    return {one.__name__.rpartition(".")[2]: one.edges for one in modules if hasattr(one, "edges")}

"""The kinds of objects that generated policies can be written as, and what each cannot say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from plimsoll.policies import admin_yaml, calico_yaml, cilium_yaml, istio_yaml, networkpolicy_yaml
from plimsoll.policies.drafts import Dialect, Generated

Name = Literal["networkpolicy", "cilium", "calico", "admin", "istio"]


class Kind(NamedTuple):
    """One kind."""

    dialect: Dialect
    files: Callable[[Generated], dict[str, str]]
    unsaid: str = ""
    """What it cannot say of what was seen, for people."""
    judged: bool = True
    """Policies of this kind can be replayed."""


KINDS: dict[Name, Kind] = {
    "networkpolicy": Kind(networkpolicy_yaml.DIALECT, networkpolicy_yaml.files),
    "cilium": Kind(cilium_yaml.DIALECT, cilium_yaml.files),
    "calico": Kind(calico_yaml.DIALECT, calico_yaml.files),
    "admin": Kind(
        admin_yaml.DIALECT,
        admin_yaml.files,
        "ClusterNetworkPolicy names nobody outside the cluster as a caller: who calls from there is not held back.",
    ),
    "istio": Kind(
        istio_yaml.DIALECT,
        istio_yaml.files,
        "Istio rules only what comes in over TCP, by service account and where mTLS is STRICT; what goes out stays open.",
        judged=False,
    ),
}

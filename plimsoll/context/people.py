"""Who somebody of another system is in the cluster; whom the configuration cannot name is nobody.

A ticket's reporter and the user of an audit event must be told apart by name, so a name that only looks different
would let somebody excuse himself. Whoever is not mapped is left out, and what he made proves nothing.
"""

from __future__ import annotations

import msgspec

from plimsoll.context import statements


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the users of a source are named in the cluster."""

    names: dict[str, str] = {}
    """From an id, login or e-mail address of the source to the cluster's user name."""
    domains: tuple[str, ...] = ()
    """Domains whose e-mail addresses are user names of the cluster."""
    prefix: str = ""
    """What the cluster's authenticator puts before them: `oidc:`."""

    def known(self, *ids: object) -> str | None:
        """Return the cluster's name of somebody, by the first of his ids that tells.

        >>> People(domains=["acme.example"], prefix="oidc:").known("712:5b", "Ann@ACME.example")
        'oidc:ann@acme.example'
        >>> People({"ann-gh": "oidc:ann@acme.example"}).known("Ann-GH")
        'oidc:ann@acme.example'
        >>> People().known("ann@evil.example") is None
        True
        """
        folded = [statements.plain(one).casefold() for one in ids if isinstance(one, str) and one]
        for key in folded:
            for told, name in self.names.items():
                if told.casefold() == key:
                    return name
        for key in folded:
            local, at, domain = key.rpartition("@")
            if at and local and "@" not in local and any(domain == one.casefold() for one in self.domains):
                return f"{self.prefix}{key}"
        return None

    def all_known(self, *ids: object) -> tuple[str, ...]:
        """Return the cluster's names of several people, those that are known."""
        return tuple(name for one in ids if (name := self.known(one)))

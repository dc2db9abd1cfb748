"""Who may post, and where we listen: certificates, the token, and no open door beyond this machine by accident."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import ssl
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors


class Access(NamedTuple):
    """How senders are let in."""

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    token_file: Path | None = None
    trust_network: bool = False
    """Listen beyond this machine although anyone there could post, or read along."""

    def check(self, host: str) -> None:
        """Refuse what does not hold together, or would let anyone in from elsewhere."""
        if bool(self.certificate) != bool(self.key):
            raise errors.UsageError("--certificate and --key go together")
        if self.client_ca and not self.certificate:
            raise errors.UsageError("--client-ca needs --certificate and --key")
        if is_loopback(host) or self.trust_network:
            return
        if not self.certificate:
            raise errors.UsageError(
                f"{host} is not this machine alone: give --certificate and --key, or --trust-network"
            )
        if not (self.client_ca or self.token_file):
            raise errors.UsageError(
                f"anyone who reaches {host} could post: give --client-ca or --token-file, or --trust-network"
            )

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context, None for plain HTTP."""
        if not (self.certificate and self.key):
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as refused:
            raise errors.UsageError(f"the certificates cannot be used: {refused}") from refused
        return context


class Token:
    """The secret that senders show; the file is read again when it changes, so that it can be renewed."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._stamp = path, (0, 0)
        self._secret = b""
        if path and not self._read(path):
            raise errors.UsageError(f"--token-file {path} holds no token")

    def admits(self, authorization: str) -> bool:
        """Say whether this Authorization header shows the token: as Bearer, or as the password of Basic.

        Falco and other clients that know no tokens take `https://any:TOKEN@host` as their URL.
        """
        if self._path is None:
            return True
        self._read(self._path)
        return hmac.compare_digest(_shown(authorization), self._secret)

    def _read(self, path: Path) -> bool:
        """Read the token where its file is another one than before; a file that is gone or empty changes nothing."""
        try:
            status = path.stat()
            if self._stamp != (stamp := (status.st_mtime_ns, status.st_ino)):
                self._secret = path.read_bytes().strip() or self._secret
                self._stamp = stamp
        except OSError:
            pass
        return bool(self._secret)


def _shown(authorization: str) -> bytes:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return value.strip().encode() if scheme.lower() == "bearer" else b""


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches an address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

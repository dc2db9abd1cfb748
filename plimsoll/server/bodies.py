"""Bodies as they come: unpacked where gzip, never to more than was allowed."""

from __future__ import annotations

import zlib

from plimsoll.server import refusals

GZIP = 31
"""What zlib calls the gzip format (zlib.h, windowBits)."""


def plain(body: bytes, encoding: str, most: int) -> bytes:
    """Return the body without its Content-Encoding (RFC 9110, 8.4).

    >>> plain(zlib.compress(b"text", wbits=GZIP), "gzip", 100)
    b'text'
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzipped(body, most)
    raise refusals.Packed(f"Content-Encoding {encoding[:40]!r}; we take gzip and none")


def _gunzipped(body: bytes, most: int) -> bytes:
    """Return what all members hold (RFC 1952, 2.2)."""
    found = b""
    while body:
        unpacker = zlib.decompressobj(wbits=GZIP)
        try:
            found += unpacker.decompress(body, most + 1 - len(found))
        except zlib.error as broken:
            raise refusals.Refused(f"the gzip stream is corrupt ({broken})") from broken
        if len(found) > most:
            raise refusals.TooLarge(f"the body unpacks to more than {most} bytes")
        if not unpacker.eof:
            raise refusals.Refused("the gzip stream is cut off")
        body = unpacker.unused_data
    return found

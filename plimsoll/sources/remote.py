"""Logs behind a URL: read as they arrive, as the bytes they are."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from plimsoll import errors
from plimsoll.sources import inputs

PATIENCE = httpx2.Timeout(60, connect=10)
HEADERS = {"accept-encoding": "identity", "user-agent": "plimsoll"}
"""No transport coding is asked for: gzip and zstd are recognised by content, wherever they come from."""


def shown(url: str) -> str:
    """Return the URL as people may see it: without password, token or query.

    >>> shown("http://me:secret@host:8080/a.log?sig=abc")
    'http://host:8080/a.log'
    """
    try:
        return str(httpx2.URL(url).copy_with(username=None, password=None, query=None, fragment=None))
    except (httpx2.InvalidURL, ValueError) as problem:
        raise errors.InputError(f"not a URL: {problem}", file=url.partition("?")[0].rpartition("@")[2]) from problem


def blocks(url: str) -> Iterator[bytes]:
    """Yield the body; what cannot be had at all is an InputError, what breaks off is Interrupted."""
    begun = False
    try:
        with httpx2.stream("GET", url, headers=HEADERS, timeout=PATIENCE, follow_redirects=True) as response:
            _must_be_there(response, shown(url))
            for block in response.iter_raw():
                if block:
                    begun = True
                    yield block
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as problem:
        reason = str(problem).partition("\n")[0] or type(problem).__name__
        if begun:
            raise inputs.Interrupted(reason) from problem
        raise errors.InputError(reason, file=shown(url)) from problem


def _must_be_there(response: httpx2.Response, name: str) -> None:
    if response.status_code in (401, 403):
        raise errors.NotAuthorisedError(f"{name}: HTTP {response.status_code} {response.reason_phrase}")
    if not response.is_success:
        raise errors.InputError(f"HTTP {response.status_code} {response.reason_phrase}".strip(), file=name)

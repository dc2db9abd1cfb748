"""Everything that can go wrong for a user, in one small tree.

    PlimsollError            one clear line, and an exit code
    ├── UsageError           the command line or an option does not hold together      exit 2
    ├── InputError           a file, record or rule cannot be used; says where         exit 2
    └── NotAuthorisedError   the cluster or a service refused us                       exit 5

A record that cannot be read is no exception: it is counted and set aside as a reject.
"""

from __future__ import annotations

BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What reading a document that somebody else wrote may raise; msgspec's errors are ValueErrors."""


class PlimsollError(Exception):
    """Something a user can mend; its text is the one line that is shown."""

    exit_code = 2


class UsageError(PlimsollError):
    """Options or arguments that cannot be carried out as given."""


class InputError(PlimsollError):
    """Input that cannot be used.

    >>> str(InputError("not a format we know", file="a.log", line=3))
    'a.log:3: not a format we know'
    """

    def __init__(self, reason: str, *, file: str = "", line: int | None = None, column: int | None = None) -> None:
        self.reason, self.file, self.line, self.column = reason, file, line, column
        place = ":".join(str(part) for part in (file, line, column) if part not in ("", None))
        super().__init__(f"{place}: {reason}" if place else reason)


class NotAuthorisedError(PlimsollError):
    """A cluster or service that said no."""

    exit_code = 5

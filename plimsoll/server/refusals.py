"""Why a request is refused: a status, a word to count it under, a sentence for its sender."""

from __future__ import annotations


class Refused(Exception):
    """A request that nothing was kept of; its text is the reason."""

    status = 400
    kind = "junk"
    retry_after: int | None = None


class Unauthorised(Refused):
    """Without the token."""

    status = 401
    kind = "unauthorised"


class Late(Refused):
    """A body that did not come in time."""

    status = 408
    kind = "late"


class TooLarge(Refused):
    """A body larger than we take."""

    status = 413
    kind = "too_large"


class Packed(Refused):
    """A body in an encoding we do not know."""

    status = 415
    kind = "encoding"


class Full(Refused):
    """No room for it now; the same request is welcome later."""

    status = 429
    kind = "full"

    def __init__(self, reason: str, retry_after: int = 1) -> None:
        super().__init__(reason)
        self.retry_after = retry_after

"""What cannot be used of a Sigma rule, with the place where it stands."""

from __future__ import annotations

from plimsoll.rules import marked


class Unusable(ValueError):
    """A part of a rule that cannot be carried out as it was meant; its text is the reason."""

    def __init__(self, reason: str, mark: marked.Mark) -> None:
        super().__init__(reason)
        self.mark = mark


def shown(text: str) -> str:
    r"""Return a part of a rule as it can be told on one line.

    >>> shown("a\nb"), len(shown("c" * 99))
    ('a?b', 61)
    """
    plain = "".join(char if char.isprintable() else "?" for char in text[:60])
    return plain + "…" * (len(text) > 60)

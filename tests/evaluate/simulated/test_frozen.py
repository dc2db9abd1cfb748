from __future__ import annotations

from plimsoll.evaluate.simulated import frozen


def test_figures_of_another_world_are_told_by_its_digest() -> None:
    assert frozen.digest() == "8c5d215db25b559a", "the simulated world is frozen: changed, its figures are others"

"""The choice among levels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modrobust.errors import UserError
from modrobust.method.level_search import Tried, choose_levels

REACHED = {
    "Contrast": {1: 0.5, 2: 0.75, 3: 0.25, 4: 0.75, 5: 0.1},
    "Rotate90": {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0, 5: 0.5},
    "Swirl": {1: 0.3, 2: 0.3, 3: 0.3, 4: 0.3, 5: 0.3},
}


def test_the_best_level_wins_and_of_equal_ones_the_lowest() -> None:
    asked = []

    def attempt(name: str, level: int) -> Tried:
        asked.append((name, level))
        return Tried(REACHED[name][level], ())

    levels = choose_levels(REACHED, range(1, 6), attempt)
    assert levels.chosen == {"Contrast": 2, "Rotate90": 5, "Swirl": 1}
    assert asked == [(name, level) for name in REACHED for level in range(1, 6)]
    rows = levels.tables["levels"]
    assert [(row["corruption"], row["level"]) for row in rows] == asked
    assert [row["valid_accuracy"] for row in rows] == [100 * REACHED[name][level] for name, level in asked]
    assert [(row["corruption"], row["level"]) for row in rows if row["chosen"]] == [
        *(("Contrast", 2), ("Rotate90", 5), ("Swirl", 1))
    ]


@pytest.mark.parametrize("key", ["auto_modules method.search_epochs=0", "auto_contrastive method.repeats=0"])
def test_a_search_that_tries_nothing(run: Callable[..., Path], epochs: dict[str, int], key: str) -> None:
    method, setting = key.split()
    with pytest.raises(Exception, match=f"{setting}: a whole number of at least 1 is needed") as raised:
        run(f"method={method}", setting)
    assert isinstance(raised.value.__cause__, UserError)  # Hydra wraps it; modrobust.config.explain unwraps it
    assert not epochs

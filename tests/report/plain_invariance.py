"""The definition of the invariance scores as plain loops over compositions and units, step by step."""

from collections.abc import Sequence

import numpy as np


def normalise(grid: np.ndarray) -> np.ndarray:
    return (grid - grid.min()) / (grid.max() - grid.min())


def plain(class_mean: np.ndarray, unit_max: np.ndarray, compositions: Sequence[tuple[str, ...]]) -> np.ndarray:
    """Both scores of all compositions of two or more corruptions: (compositions, 2)."""
    maximum = unit_max.astype(np.float64).max(0)
    rows = []
    for i, composition in enumerate(compositions):
        if len(composition) < 2:
            continue
        places = [compositions.index(()), *(compositions.index((name,)) for name in composition)]
        of_units = []
        for unit in range(class_mean.shape[2]):
            if maximum[unit] <= 1e-6:
                continue
            activations = class_mean[:, :, unit].astype(np.float64) / maximum[unit]
            elemental = activations[places]
            if elemental.min() == elemental.max():
                continue
            whole = normalise(np.vstack([elemental, activations[i]]))
            elemental = normalise(elemental)
            preferred = int(elemental.sum(0).argmax())
            spread = elemental[:, preferred].max() - elemental[:, preferred].min()
            distance = np.abs(elemental[:, preferred] - whole[-1, preferred]).min()
            of_units.append((1 - spread, 1 - distance))
        rows.append(np.median(of_units, axis=0))
    return np.array(rows)

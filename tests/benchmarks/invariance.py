"""Invariance scores of 167 compositions against plain loops over units, in one run: the same scores.

python tests/benchmarks/invariance.py [units [classes]]      default 512 units, 47 classes; random activations
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from plain_invariance import plain

from modrobust.corruption.composition import sample
from modrobust.report.stats.invariance import invariance

ROUNDS = 3
NAMES = ["Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl"]


def main() -> None:
    """Print the seconds of both, their ratio, and by how much the scores differ."""
    given = [int(text) for text in sys.argv[1:]]
    units, classes = [*given, *(512, 47)[len(given) :]]
    compositions = sample(NAMES)
    means = np.maximum(np.random.default_rng(0).normal(size=(len(compositions), classes, units)), 0).astype(np.float32)
    maxima = means.max(1)
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        scores = invariance(means, maxima, compositions)
        seconds.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    loops = plain(means, maxima, compositions)
    slow = time.perf_counter() - begun
    fast = sorted(seconds)[ROUNDS // 2]
    difference = np.abs(np.stack([scores.elemental, scores.composition], 1) - loops).max()
    print(f"{len(compositions)} compositions x {units} units x {classes} classes")
    print(f"modrobust {fast:.3f} s (median of {ROUNDS}), plain loops {slow:.2f} s, {slow / fast:.0f} times as fast")
    print(f"largest difference of a score: {difference:.1e}")


if __name__ == "__main__":
    main()

"""How many times as fast as scikit-image, one image at a time, the corruptions are.

    python tests/benchmarks/corruptions.py [--size 28] [--channels 1] [--batch 256]

Both sides on one thread, in the same run and in turns; of the processor time the best of several rounds counts.
The last column is what the ratio would be if a corruption did nothing but copy its batch to new memory.
"""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage.filters import gaussian
from skimage.transform import AffineTransform, swirl, warp
from skimage.util import random_noise

from modrobust.corruption.corruption import Corruption
from modrobust.corruption.transform import ELEMENTAL
from modrobust.malloc import keep_freed_memory

ROUNDS = 20


def one_at_a_time(size: int, channels: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """The same corruptions by scikit-image and numpy, of one image (H, W) or (H, W, C) in 0..1."""
    channel_axis = None if channels == 1 else -1

    def contrast(x: np.ndarray) -> np.ndarray:
        mean = x.mean((0, 1), keepdims=True)
        return np.clip((x - mean) * 0.3 + mean, 0, 1)

    def rotate90(x: np.ndarray) -> np.ndarray:
        centre = np.array([size, size]) / 2 - 0.5
        turn = AffineTransform(translation=-centre) + AffineTransform(rotation=math.pi / 2)
        return warp(x, turn + AffineTransform(translation=centre))

    return {
        "Contrast": contrast,
        "GaussianBlur": lambda x: np.clip(gaussian(x, sigma=2, channel_axis=channel_axis), 0, 1),
        "ImpulseNoise": lambda x: random_noise(x, mode="s&p", amount=0.27),
        "Invert": lambda x: 1 - x,
        "Rotate90": rotate90,
        "Swirl": lambda x: swirl(x, rotation=0, strength=3, radius=math.sqrt(2) * size / 2),
    }


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Per call."""
    start = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - start) / repeats


def compare(size: int, channels: int, batch: int = 256, rounds: int = ROUNDS) -> dict[str, tuple[float, float, float]]:
    """Processor seconds an image by name: one by one, in a batch, and a copy of it; the best of rounds in turns."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every run does
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (batch, channels, size, size), generator=generator).float()
    index = torch.arange(batch)
    image = (images[0, 0] if channels == 1 else images[0].permute(1, 2, 0)).double().numpy() / 255
    corruption, reference = Corruption(ELEMENTAL), one_at_a_time(size, channels)
    best = dict.fromkeys(ELEMENTAL, (math.inf, math.inf, math.inf))
    for _ in range(rounds):
        for name in best:
            one = seconds(lambda name=name: reference[name](image), 30)
            together = seconds(lambda name=name: corruption.step(images, name, 0, "test", index), 10)
            copied = seconds(images.clone, 10)
            best[name] = tuple(map(min, best[name], (one, together / batch, copied / batch)))
    torch.set_num_threads(threads)
    return best


def main() -> None:
    """Print microseconds an image and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=28, help="height and width in pixels")
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    parser.add_argument("--batch", type=int, default=256)
    args = parser.parse_args()
    best = compare(args.size, args.channels, args.batch)
    print(f"{args.channels} x {args.size} x {args.size}, batch {args.batch}, one thread; microseconds an image")
    print(f"{'':14}{'one by one':>12}{'modrobust':>12}{'ratio':>8}{'at most':>9}")
    totals = tuple(sum(times) / len(best) for times in zip(*best.values(), strict=True))
    for name, (theirs, ours, copy) in {**best, "mean": totals}.items():
        print(f"{name:14}{theirs * 1e6:12.2f}{ours * 1e6:12.2f}{theirs / ours:8.1f}{theirs / copy:9.1f}")


if __name__ == "__main__":
    main()

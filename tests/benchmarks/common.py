"""How many times as fast as the published functions, one image at a time, the nineteen common corruptions are.

    python tests/benchmarks/common.py [--size 32] [--channels 3] [--batch 128] [--rounds 5]

Both sides on one thread, in the same run and in turns; of the processor time the best of several rounds counts. The
published side is tests/corruption/plain_common.py with the nearer table's parameters. A time is the mean of severities
1, 3 and 5, of the functions as they are: of a uint8 image there, of a batch in float32 here. Beside it is
`imagecorruptions` (its functions know one table, and a pixelate of their own), where it is installed and works.
"""

import argparse
import math
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
sys.path.insert(0, str(Path(__file__).parents[1] / "corruption"))
import plain_common
from test_common import tables

from modrobust.corruption.common import PUBLISHED
from modrobust.corruption.common.names import COMMON
from modrobust.corruption.draw import Draw

SEVERITIES = (1, 3, 5)
SECONDS = 0.15  # for each measurement, at least


def published_package() -> Callable[..., np.ndarray] | None:
    """imagecorruptions.corrupt, with what today's setuptools and scipy lack put in its place."""
    resources = types.ModuleType("pkg_resources")
    resources.resource_filename = lambda name, path: str(Path(sys.modules[name].__file__).parent / path)
    sys.modules.setdefault("pkg_resources", resources)
    sys.modules.setdefault("scipy.ndimage.interpolation", scipy.ndimage)
    try:
        from imagecorruptions import corrupt
    except ImportError:
        return None
    return corrupt


def seconds(function: Callable[[], object]) -> float:
    """Per call."""
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < SECONDS or not count:
        function()
        count += 1
    return spent / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    parser.add_argument(
        "--channels", type=int, default=3, choices=(1, 3), help="of ours; the others take colour images"
    )
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")

    golden = np.load(Path(__file__).parents[1] / "golden" / "common.npz")
    source = golden["cifar_images" if args.size < 85 else "imagenet_images"][0]
    image = cv2.resize(source, (args.size, args.size)) if source.shape[0] != args.size else source
    batch = torch.from_numpy(image).permute(2, 0, 1)[: args.channels].float().repeat(args.batch, 1, 1, 1)
    index, rng, corrupt = torch.arange(args.batch), np.random.default_rng(0), published_package()
    table = 32 if args.size < 85 else 224

    def plain(name: str, severity: int) -> np.ndarray:
        return getattr(plain_common, PUBLISHED[name])(image, tables(name)[table][severity - 1], rng)

    def ours(name: str, severity: int) -> torch.Tensor:
        return COMMON[name](batch, Draw.of(0, "test", index, 0, name), severity)

    best: dict[str, list[float]] = {}
    for name in COMMON:
        sides = [lambda s, name=name: plain(name, s), lambda s, name=name: ours(name, s)]
        if corrupt:
            sides.append(lambda s, name=name: corrupt(image, s, PUBLISHED[name]))
        times = [math.inf] * 3
        for _ in range(args.rounds):
            for i, side in enumerate(sides):
                try:
                    times[i] = min(times[i], sum(seconds(lambda s=s, side=side: side(s)) for s in SEVERITIES) / 3)
                except (AttributeError, TypeError):  # with today's numpy or scikit-image
                    continue
        best[name] = [times[0], times[1] / args.batch, times[2]]

    print(f"{args.channels} x {args.size} x {args.size}, batch {args.batch}, one thread; microseconds an image")
    print(f"{'':20}{'published':>12}{'modrobust':>12}{'ratio':>8}{'imagecorruptions':>18}")
    for name, (theirs, own, package) in best.items():
        print(f"{name:20}{theirs * 1e6:12.1f}{own * 1e6:12.1f}{theirs / own:8.1f}{package * 1e6:18.1f}")
    theirs, own = (np.mean([times[i] for times in best.values()]) for i in (0, 1))
    ratios = [times[0] / times[1] for times in best.values()]
    print(f"{'mean time':20}{theirs * 1e6:12.1f}{own * 1e6:12.1f}{theirs / own:8.1f}")
    geometric = np.exp(np.mean(np.log(ratios)))
    print(f"{'mean ratio':44}{np.mean(ratios):8.1f}   geometric {geometric:.1f}, least {min(ratios):.1f}")


if __name__ == "__main__":
    main()

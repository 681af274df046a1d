"""How time and memory grow with images, corruptions, compositions, seeds and runs: from small to ten times the default.

    python tests/benchmarks/growth.py [--only seeds runs] [--rounds 1] [--figure growth.png]

Exponents are those of time (processor seconds) and of memory (peak), fitted by least squares to their logarithms: 1 is
linear; less where a fixed cost is still a good part. Seeds and runs are whole commands, imports included; of the others
memory is what the work adds, and their network is one linear layer, for a network's own arithmetic is the same for
every image: what is left is ours. Each point has a process of its own.

Nothing is known that grows worse than linearly: what compares every pair (differences between methods, orders of a
combination) does so within one table, whose size does not depend on these five.
"""

import argparse
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from matplotlib.figure import Figure
from report import make
from torch import nn

from modrobust.config.options import CONF
from modrobust.corruption.composition import sample
from modrobust.corruption.corruption import Corruption
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.device import prepare, room
from modrobust.evaluation.testing import evaluate
from modrobust.method.objectives import Unpaired
from modrobust.method.views import Views

IMAGES, BATCH, EPOCHS = 300, 256, 100


class OneLayer(nn.Module):
    """A network that takes next to no time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 28 * 28, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, 28, 28) to logits (B, 10)."""
        return self.layer(x.flatten(1))  # type: ignore[no-any-return]

    def predict(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same, and features."""
        return self(x), x[:, 0, 0]


def made_up(n: int) -> ImageDataset:
    images = torch.randint(0, 256, (n, 1, 28, 28), dtype=torch.uint8)
    split = Split(images, torch.arange(n) % 10, torch.arange(n))
    return ImageDataset(
        "made-up", dict.fromkeys(("train", "valid", "test"), split), num_classes=10, image_size=(28, 28)
    )


def corruption_of(n: int) -> Corruption:
    """The six, again and again under other names, until there are n."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        six = instantiate(compose("config").corruption)
    elemental = {f"{name}{i // 6}": six.elemental[name] for i, name in enumerate(six.names * (n // 6 + 1)) if i < n}
    return Corruption(elemental)


def epoch(images: int, corruptions: int) -> None:
    """An epoch of training, the second one: images under corruptions are made in the first and kept."""
    views = Views(made_up(images), corruption_of(corruptions), 0, torch.device("cpu"), room(torch.device("cpu")))
    task = Unpaired(views, OneLayer(), ("Identity", *views.corruption.names), BATCH)
    for number in range(2):
        for step in range(task.steps):
            task.step(number, step)["loss"].backward()


def tested(compositions: int) -> None:
    """An evaluation of so many of the 1,957 compositions of six corruptions."""
    corruption, network = corruption_of(6), OneLayer()
    every = sample(corruption.names, target=720)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        evaluate(
            lambda x, _: {"default": network.predict(x)},
            made_up(IMAGES),
            "test",
            corruption,
            random.Random(0).sample(every, compositions),
            batch_size=BATCH,
            device=torch.device("cpu"),
            folder=Path(folder),
        )


def command(*words: str) -> None:
    """A command, whose time and memory are the child's."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", *words], cwd=folder, check=True, capture_output=True)


def seeds(n: int) -> None:
    command("modrobust", "dataset=boolean", f"replicas={n}", f"training.epochs={EPOCHS}")


def runs(n: int) -> None:
    command("modrobust.report", str(MADE / str(n)), "-o", "report")


MADE = Path(tempfile.gettempdir()) / f"modrobust-growth-{os.getpid()}"
POINTS: dict[str, tuple[Callable[[int], None], tuple[int, ...]]] = {
    "images": (lambda n: epoch(n, 6), (400, 1200, 4000, 12000)),
    "corruptions": (lambda n: epoch(1200, n), (2, 6, 20, 60)),
    "compositions": (tested, (17, 167, 500, 1670)),
    "seeds": (seeds, (10, 100, 300, 1000)),
    "runs": (runs, (50, 200, 1000)),
}


def measured(work: Callable[[int], None], n: int) -> tuple[float, float]:
    """Processor seconds and peak memory (MB, above what a process begins with) of work(n), in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = used()
        work(n)
        peak = max(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
        )
        os.write(writing, f"{used() - begun} {peak / 1024}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        words = answer.read().split()
    if os.waitpid(child, 0)[1] or len(words) != 2:
        raise RuntimeError(f"a point of {n} failed")
    return float(words[0]), float(words[1])


def used() -> float:
    """Processor seconds of this process and its children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(some.ru_utime + some.ru_stime for some in both)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of a straight line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(values, 1e-3)), 1)[0])


def main() -> None:
    """Print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=POINTS, default=list(POINTS))
    parser.add_argument("--rounds", type=int, default=1, help="of each point; medians are shown")
    parser.add_argument("--figure", type=Path, default=Path("growth.png"))
    args = parser.parse_args()
    prepare("cpu", 1)
    print(f"one thread, {platform.machine()}, load {os.getloadavg()[0]:.1f}")
    figure = Figure((9, 3.4), layout="constrained")
    panels, begun = figure.subplots(1, 2), time.perf_counter()
    for what in args.only:
        work, sizes = POINTS[what]
        if what == "runs":
            for n in sizes:
                make(MADE / str(n), n, 1)
        found = [np.median([measured(work, n) for _ in range(args.rounds)], axis=0) for n in sizes]
        for axes, column, unit in zip(panels, zip(*found, strict=True), ("processor seconds", "MB"), strict=True):
            p = exponent(sizes, column)
            axes.loglog(np.divide(sizes, sizes[0]), column, "o-", label=f"{what}: {p:.2f}")
            axes.set(xlabel="times the smallest", ylabel=unit)
            cells = ", ".join(f"{n}: {value:.3g}" for n, value in zip(sizes, column, strict=True))
            print(f"{what:12} {unit:17} exponent {p:5.2f}   {cells}", flush=True)
    for axes in panels:
        axes.legend(fontsize=7)
    figure.savefig(args.figure, dpi=150)
    print(f"{args.figure}; {time.perf_counter() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

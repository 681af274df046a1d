"""One table of ratios, all taken in this run: ours against the network alone, and against the usual way.

    python tests/benchmarks/speed.py [--threads 2] [--rounds 3] [--only corruptions,training,...]

Processor only, about ten minutes on two quiet cores; on a GPU training.py and evaluation.py take --device cuda.
The yardstick (yardstick.py) corrupts images one by one with scikit-image and PIL, in as many workers as threads.
Each ratio is the median over rounds in which both sides take turns; the spread is its lowest and highest.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import corruptions
import evaluation
import torch
import training
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.nn import functional
from yardstick import loader

from modrobust.build import experiment_of
from modrobust.config.identity import unnamed
from modrobust.config.options import CONF
from modrobust.corruption.corruption import quantize
from modrobust.evaluation.testing import corrupted
from modrobust.method import modules
from modrobust.method.clean_features import CleanFeatures

Row = tuple[str, list[float], str]
"""What, the ratios of the rounds, and the goal."""


def composed(*overrides: str) -> Any:
    """A configuration."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides))


def turns(rounds: int, *sides: Callable[[], object]) -> list[list[float]]:
    """Seconds of every side, in turns: a list for each side."""
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for seconds, side in zip(taken, sides, strict=True):
            begun = time.perf_counter()
            side()
            seconds.append(time.perf_counter() - begun)
    return taken


def over(left: list[float], right: list[float]) -> list[float]:
    """Left over right, round by round."""
    return [a / b for a, b in zip(left, right, strict=True)]


def of_corruptions(args: argparse.Namespace) -> Iterator[Row]:
    """The six against scikit-image, and compositions with shared prefixes against each from the start."""
    for size, channels, goal in ((28, 1, 40), (32, 3, 20), (100, 3, 10)):
        rounds = [corruptions.compare(size, channels, rounds=3) for _ in range(args.rounds)]
        means = [sum(one for one, *_ in r.values()) / sum(many for _, many, _ in r.values()) for r in rounds]
        name = f"six corruptions, {size}x{size}x{channels}: scikit-image / ours, one thread"
        yield name, means, f"at least {goal}"
        slowest = [min(one / many for one, many, _ in r.values()) for r in rounds]
        yield "  the slowest of them", slowest, "at least 10"
        copies = [min(one / copy for one, _, copy in r.values()) for r in rounds]
        yield "    the slowest, if each did nothing but copy the batch", copies, "none"
    study = instantiate(composed().corruption)
    images, index = torch.randint(256, (32, 1, 28, 28), dtype=torch.uint8), torch.arange(32)

    def shared() -> None:
        for _ in corrupted(study, study.compositions, images, "test", index):
            pass

    def each() -> None:
        for composition in study.compositions:
            quantize(study.apply(images, composition, "test", index))

    ratios = over(*reversed(turns(5 * args.rounds, shared, each)))
    yield "167 compositions of 32 images: each from the start / shared prefixes", ratios, "at least 3"
    steps = [composition[:n] for composition in study.compositions for n in range(1, len(composition) + 1)]
    yield "  the number of steps alone", [len(steps) / len(set(steps))], "none"


def of_evaluation(args: argparse.Namespace) -> Iterator[Row]:
    """All compositions with the EMNIST network."""
    plain = SimpleNamespace(
        model="emnist_cnn", images=256, device="cpu", precision="float32", threads=args.threads, rounds=args.rounds
    )
    ours, _, ratios = evaluation.compare(plain)  # type: ignore[arg-type]
    yield "evaluation, 167 compositions, EMNIST network: ours / forward passes alone", ratios, "at most 1.10"
    fewer = 32
    cfg = composed("dataset=emnist")
    network, study = instantiate(unnamed(cfg.model)).eval(), instantiate(cfg.corruption)
    images, classes = torch.randint(256, (fewer, 1, 28, 28), dtype=torch.uint8), torch.arange(fewer)

    @torch.inference_mode()
    def usual() -> None:
        for composition in study.compositions:
            items = [(i, composition) for i in range(fewer)]
            for batch, _ in loader(images, classes, items, 256, 0):  # workers of so few images would cost more
                network.predict(batch)

    (seconds,) = turns(1, usual)
    ratio = seconds[0] / fewer / (ours / plain.images)
    yield "  the usual way, one process / ours, an image", [ratio], "at least 3.5"
    rough = SimpleNamespace(**{**vars(plain), "precision": "bfloat16"})
    bfloat16 = evaluation.compare(rough)[0]  # type: ignore[arg-type]
    yield "  ours in float32 / in bfloat16", [ours / bfloat16], "at least 1.5"


def of_training(args: argparse.Namespace) -> Iterator[Row]:
    """An epoch with the EMNIST network."""
    for method in ("cross_entropy", "contrastive"):
        given = SimpleNamespace(
            **{"model": "emnist_cnn", "method": method, "steps": 12, "rounds": args.rounds, "device": "cpu"},
            **{"precision": "float32", "compile": "false", "threads": args.threads},
        )
        ours, _, ratios = training.compare(given)  # type: ignore[arg-type]
        yield f"training, {method}, EMNIST network: ours / ready tensors", ratios, "at most 1.08"
        if method == "cross_entropy":
            usual = _usual_training(args.threads, given.steps)
            yield "  the usual way / ours", [usual / ours], "at least 1.4"


def _usual_training(threads: int, steps: int) -> float:
    """Seconds a step with batches from a DataLoader."""
    cfg = composed("dataset=emnist")
    network = instantiate(unnamed(cfg.model)).train()
    optimizer = instantiate(cfg.training.optimizer)(network.parameters(), lr=1e-3)
    names = ("Identity", *cfg.corruption.names)
    n = steps * 256 // len(names)
    images, classes = torch.randint(256, (n, 1, 28, 28), dtype=torch.uint8), torch.arange(n) % 47
    items = [(i, (name,)) for i in range(n) for name in names]
    begun = time.perf_counter()
    for batch, targets in loader(images, classes, items, 256, threads):
        loss = functional.cross_entropy(network(batch), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - begun) / (len(items) / 256)


def of_modules(args: argparse.Namespace) -> Iterator[Row]:
    """A step of a module at every level: gradients everywhere and nothing cached, against ours."""
    cfg = composed("dataset=emnist", "method=modules", f"threads={args.threads}", "cache_gb=2")
    experiment = experiment_of(cfg, training.made_up(cfg, 256))
    method = instantiate(unnamed(cfg.method))
    network = experiment.probe()
    taken = {True: 0.0, False: 0.0}
    rounds: list[float] = []

    @contextmanager
    def learning(*_: object) -> Iterator[None]:
        yield

    def step(level: int, ours: bool) -> float:
        objective: list[Any] = []
        held, no_grad = modules.fit, torch.no_grad

        def keep(part: Any, module: Any, what: Any, training: Any, lr: Any, keep: bool) -> None:
            objective.append((module, what))

        modules.fit = keep  # type: ignore[assignment]
        try:
            with modules.frozen(network) if ours else learning():
                part = experiment.parts.part("benchmark", ("Identity", "Contrast"), level=level)
                kept = CleanFeatures._worth_keeping
                method._fit(experiment, part, network, "Contrast", level, experiment.training, True)
                ((module, what),) = objective
                module.train()
                if not ours:
                    CleanFeatures._worth_keeping = lambda *_: False  # type: ignore[method-assign]
                    torch.no_grad = nullcontext  # type: ignore[misc, assignment]
                for i in range(2):
                    if i == 1:
                        begun = time.perf_counter()
                    what.step(0, i)["loss"].backward()
                return time.perf_counter() - begun
        finally:
            modules.fit, torch.no_grad = held, no_grad  # type: ignore[misc]
            CleanFeatures._worth_keeping = kept  # type: ignore[method-assign]

    for _ in range(args.rounds):
        for ours in taken:
            taken[ours] = sum(step(level, ours) for level in range(network.levels))
        rounds.append(taken[False] / taken[True])
    yield "modules, a step at every level: gradients everywhere, nothing kept / ours", rounds, "at least 1.5"


PARTS = {"corruptions": of_corruptions, "evaluation": of_evaluation, "training": of_training, "modules": of_modules}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"{args.threads} threads of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    print(f"{'':84}{'median':>8}{'lowest':>8}{'highest':>8}   goal")
    for name in args.only.split(","):
        for what, ratios, goal in PARTS[name](args):
            middle = statistics.median(ratios)
            print(f"{what:84}{middle:8.2f}{min(ratios):8.2f}{max(ratios):8.2f}   {goal}", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

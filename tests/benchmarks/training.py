"""An epoch of training against forward and backward passes on ready tensors, in one run and in turns.

    python tests/benchmarks/training.py [--model emnist_cnn] [--method cross_entropy] [--steps 40] [--device cpu]
                                        [--precision auto] [--threads 2] [--rounds 3]

Made-up images of the size that goes with the network; all seven corruptions; validation is left out on both sides.
"""

import argparse
import statistics
import tempfile
import time
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.nn import functional

from modrobust import build
from modrobust.config.options import CONF
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.method import contrastive, cross_entropy, fit
from modrobust.method.contrastive_loss import contrastive_loss

DATASETS = {"emnist_cnn": "emnist", "small_cnn": "mnist", "resnet18": "cifar10", "inception_v3": "facescrub"}


def made_up(cfg: Any, n: int, n_test: int = 64) -> ImageDataset:
    """Random images of the shape of a dataset."""
    size, channels = cfg.dataset.image_size, 3 if cfg.dataset.name in ("cifar10", "facescrub") else 1
    splits = {}
    for name, count in {"train": n, "valid": 64, "test": n_test}.items():
        images = torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8)
        splits[name] = Split(images, torch.arange(count) % cfg.dataset.num_classes, torch.arange(count))
    augmentation = instantiate(cfg.dataset.get("augmentation")) or {}
    more = {"augmentation": augmentation} if augmentation else {}
    return ImageDataset("made-up", splits, num_classes=cfg.dataset.num_classes, image_size=(size, size), **more)


class Timed:
    """An objective whose second epoch is timed, without its validation."""

    def __init__(self, objective: Any, device: torch.device) -> None:
        self.objective, self.device, self.steps = objective, device, objective.steps

    def step(self, epoch: int, step: int) -> Any:
        if (epoch, step) == (1, 0):
            self.begun = now(self.device)
        return self.objective.step(epoch, step)

    def validate(self) -> dict[str, float]:
        if hasattr(self, "begun"):
            self.seconds = now(self.device) - self.begun
        return {"loss": 0.0}


def now(device: torch.device) -> float:
    """Seconds, when everything before is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def ours(cfg: Any, dataset: ImageDataset) -> float:
    """Seconds a step of the method's own training."""
    taken: list[float] = []

    def timed_fit(part: Any, network: Any, objective: Any, training: Any, lr: Any, keep: bool = True) -> None:
        timed = Timed(objective, experiment.device)
        fit.fit(part, network, timed, training, lr)
        taken.append(timed.seconds / timed.steps)

    with tempfile.TemporaryDirectory() as folder:
        cfg.paths.outputs = folder
        experiment = build.experiment_of(cfg, dataset)
        cross_entropy.fit = contrastive.fit = timed_fit  # type: ignore[assignment]
        build.method_of(cfg).train(experiment)
    return taken[0]


def ready(cfg: Any, dataset: ImageDataset, steps: int) -> float:
    """Seconds a step of the same network on one batch of ready tensors."""
    experiment = build.experiment_of(cfg, dataset)
    device, numerics = experiment.device, experiment.numerics
    network = numerics.ready(experiment.probe().to(device)).train()
    optimizer = experiment.training.optimizer(network.parameters(), lr=1e-3)
    views = 1 + len(experiment.corruption.names)
    n = cfg.training.batch_size // views * views if cfg.method.name == "contrastive" else cfg.training.batch_size
    images = torch.randn(n, 3, *dataset.image_size, device=device)
    if numerics.channels_last:
        images = images.to(memory_format=torch.channels_last)
    classes = (torch.arange(n) % dataset.num_classes).to(device)
    for step in range(steps + 3):
        if step == 3:
            begun = now(device)
        with numerics.autocast():
            if cfg.method.name == "contrastive":
                features = network.features(images, network.levels - 1)
                loss = functional.cross_entropy(network(features, network.levels - 1), classes)
                loss = loss + cfg.method.weight * contrastive_loss(features, views, cfg.method.temperature)
            else:
                loss = functional.cross_entropy(network(images), classes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return (now(device) - begun) / steps


def compare(args: argparse.Namespace) -> tuple[float, float, list[float]]:
    """Seconds a step of ours and on ready tensors, medians over the rounds; all ratios."""
    data = DATASETS[args.model]
    more = [
        f"device={args.device}",
        f"precision={args.precision}",
        f"threads={args.threads}",
        f"compile={args.compile}",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [f"dataset={data}", f"method={args.method}", *more, "training.epochs=2"])
    views = 1 + len(cfg.corruption.names)
    a_step = cfg.training.batch_size // views
    dataset = made_up(cfg, args.steps * a_step + (args.steps if args.method == "cross_entropy" else 0))
    found = []
    for _ in range(args.rounds):
        mine = ours(cfg, dataset)
        found.append((mine, ready(cfg, dataset, args.steps)))
    mine, theirs = (statistics.median(column) for column in zip(*found, strict=True))
    return mine, theirs, [a / b for a, b in found]


def main() -> None:
    """Print the milliseconds of both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=DATASETS, default="emnist_cnn")
    parser.add_argument("--method", choices=("cross_entropy", "contrastive"), default="cross_entropy")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", default="false")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    mine, theirs, ratios = compare(args)
    shown = " ".join(f"{ratio:.3f}" for ratio in ratios)
    print(
        f"{args.model} {args.method} {args.device} {args.precision}: {1000 * mine:.2f} ms a step, on ready tensors "
        f"{1000 * theirs:.2f}; ratio {mine / theirs:.3f} ({shown}); {256 / mine:.0f} images/s"
    )


if __name__ == "__main__":
    main()

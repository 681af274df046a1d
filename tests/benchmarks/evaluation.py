"""Evaluation of all 167 compositions against the network's forward passes alone, in one run and in turns.

    python tests/benchmarks/evaluation.py [--model emnist_cnn] [--images 512] [--device cpu] [--precision auto]
                                          [--threads 2] [--rounds 3]

Made-up images of the size that goes with the network, a network that was not trained.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from training import DATASETS, made_up, now

from modrobust.config.identity import unnamed
from modrobust.config.options import CONF
from modrobust.device import prepare
from modrobust.evaluation.testing import evaluate
from modrobust.numerics import choose

BATCH = 256


def compare(args: argparse.Namespace) -> tuple[float, float, list[float]]:
    """Seconds of an evaluation and of the forward passes alone, medians over the rounds; all ratios."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [f"dataset={DATASETS[args.model]}"])
    device = prepare(args.device, args.threads)
    numerics = choose(device, args.precision, False, "auto")
    corruption, network = instantiate(cfg.corruption), instantiate(unnamed(cfg.model)).eval()
    numerics.ready(network.to(device))
    dataset = made_up(cfg, 8, args.images)

    def forward_alone() -> None:
        inputs = torch.randn(args.images, 3, *dataset.image_size, device=device)
        with torch.inference_mode(), numerics.autocast():
            for _ in corruption.compositions:
                for batch in inputs.split(BATCH):
                    network.predict(batch)

    def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            evaluate(
                lambda x, _: {"default": network.predict(x)},
                dataset,
                "test",
                corruption,
                corruption.compositions,
                batch_size=BATCH,
                device=device,
                folder=Path(folder),
                autocast=numerics.autocast,
            )

    found = []
    for _ in range(args.rounds):
        seconds = []
        for work in (whole, forward_alone):
            begun = now(device)
            work()
            seconds.append(now(device) - begun)
        found.append(seconds)
    mine, theirs = (statistics.median(column) for column in zip(*found, strict=True))
    return mine, theirs, [a / b for a, b in found]


def main() -> None:
    """Print the seconds of both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=DATASETS, default="emnist_cnn")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    mine, theirs, ratios = compare(args)
    shown = " ".join(f"{ratio:.3f}" for ratio in ratios)
    print(
        f"{args.model} {args.device} {args.precision}, 167 compositions of {args.images} images: {mine:.2f} s, "
        f"forward passes alone {theirs:.2f} s; ratio {mine / theirs:.3f} ({shown})"
    )


if __name__ == "__main__":
    main()

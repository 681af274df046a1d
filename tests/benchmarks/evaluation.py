"""Evaluation of all 167 compositions against the network's forward passes alone, in one run.

python tests/benchmarks/evaluation.py [images]      default 512; EMNIST network, 28x28 grey images, 2 threads
"""

import sys
import tempfile
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from modrobust.config.identity import unnamed
from modrobust.config.options import CONF
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.device import prepare
from modrobust.evaluation.testing import evaluate

BATCH, ROUNDS = 256, 3


def main() -> None:
    """Print the seconds of both and their ratio, median of the rounds."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", ["model=emnist_cnn", "dataset=mnist"])
    device = prepare("cpu", cfg.threads)
    corruption, network = instantiate(cfg.corruption), instantiate(unnamed(cfg.model)).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 28, 28), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.zeros(n, dtype=torch.int64), torch.arange(n))
    dataset = ImageDataset("random", {"test": split}, num_classes=10, image_size=28)

    def forward_alone() -> None:
        inputs = torch.randn(n, 3, 28, 28, generator=generator)
        with torch.inference_mode():
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
            )

    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for work in (forward_alone, whole):
            begun = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - begun)
        ratios.append(seconds[1] / seconds[0])
        print(f"forward passes alone {seconds[0]:.2f} s, evaluation {seconds[1]:.2f} s, ratio {ratios[-1]:.3f}")
    print(f"median ratio {sorted(ratios)[ROUNDS // 2]:.3f} (aim: at most 1.25)")


if __name__ == "__main__":
    main()

"""Many small networks trained at once, relative to what torch needs for their arithmetic alone.

    python tests/benchmarks/replicas.py [--replicas 100] [--epochs 300] [--rounds 3]

Both sides on one thread, in one run and in turns, processor time. Ours draws noise for every batch, tests two more
splits after every epoch and keeps the curves of all networks; the other side has one batch, the same networks, loss and
optimiser, and the forward passes of those two splits.
"""

import argparse
import statistics
import tempfile
import time
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from modrobust.build import data_of, experiment_of, method_of
from modrobust.config.options import CONF
from modrobust.method.optimizer import uncompiled
from modrobust.method.rows import rows_of
from modrobust.method.supervised import LOSSES
from modrobust.model.selection import Sampling


def composed(model: str, replicas: int, epochs: int, outputs: str) -> Any:
    """A configuration of the Boolean study."""
    given = {"model": model, "replicas": replicas, "training.epochs": epochs, "threads": 1, "paths.outputs": outputs}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", ["dataset=boolean", *(f"{key}={value}" for key, value in given.items())])


def ours(cfg: Any) -> float:
    """Processor seconds of a training."""
    experiment = experiment_of(cfg, data_of(cfg))
    begun = time.process_time()
    method_of(cfg).train(experiment)
    return time.process_time() - begun


def arithmetic(cfg: Any) -> float:
    """Processor seconds of the networks' own part of it."""
    experiment = experiment_of(cfg, data_of(cfg))
    part = experiment.parts.part("arithmetic", ())
    network, loss = experiment.structured_network(part, experiment.seeds), LOSSES[cfg.method.loss]
    groups = [{"params": some, "lr": cfg.method.lr[what]} for what, some in network.groups().items()]
    optimizer = uncompiled(instantiate(cfg.training.optimizer)(groups))
    rows = rows_of(experiment.structured, experiment.seeds, experiment.device)
    batch, *others = ((some.seen(cfg.replicas), some.targets.expand(cfg.replicas, -1, -1)) for some in rows.values())
    begun = time.process_time()
    for _ in range(cfg.training.epochs):
        (x, task), y = batch
        optimizer.zero_grad(set_to_none=True)
        loss(network(x, task, Sampling(cfg.method.tau, None, False)), y).mean(1).sum().backward()
        optimizer.step()
        with torch.inference_mode():
            for (x, task), _ in others:
                network(x, task)
    return time.process_time() - begun


def main() -> None:
    """Print milliseconds an epoch of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(f"{'':16}{'ours, ms':>10}{'alone, ms':>11}{'ratio':>8}   an epoch of {args.replicas} networks, medians")
    for model in ("mlp", "shared_modular"):
        taken = []
        for _ in range(args.rounds):
            with tempfile.TemporaryDirectory() as folder:
                cfg = composed(model, args.replicas, args.epochs, folder)
                taken.append((ours(cfg), arithmetic(cfg)))
        mine, alone = (1000 * statistics.median(side) / args.epochs for side in zip(*taken, strict=True))
        ratios = " ".join(f"{a / b:.2f}" for a, b in taken)
        print(f"{model:16}{mine:10.2f}{alone:11.2f}{mine / alone:8.2f}   ({ratios})", flush=True)


if __name__ == "__main__":
    main()

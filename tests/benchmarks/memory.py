"""Peak memory of training on data of EMNIST's size with all seven corruptions, the whole process.

python tests/benchmarks/memory.py [steps]           default 100 of 2570 steps, then a batch of a validation
"""

import resource
import sys
import time

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from modrobust.config.identity import unnamed
from modrobust.config.options import CONF
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.device import prepare, room
from modrobust.method.modes import evaluating
from modrobust.method.objectives import Unpaired
from modrobust.method.optimizer import uncompiled
from modrobust.method.views import Views

PER_CLASS = {"train": 2000, "valid": 400, "test": 400}
CLASSES = 47


def megabytes() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the peak after imports, with the data, and after training steps, and the time of a step."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", ["model=emnist_cnn", "dataset=emnist"])
    device = prepare("cpu", cfg.threads)
    print(f"imports {megabytes():.0f} MB")
    splits = {}
    for name, n in PER_CLASS.items():
        images = torch.randint(0, 256, (n * CLASSES, 1, 28, 28), dtype=torch.uint8)
        splits[name] = Split(images, torch.arange(n * CLASSES) % CLASSES, torch.arange(n * CLASSES))
    dataset = ImageDataset("random", splits, num_classes=CLASSES, image_size=(28, 28))
    print(f"data    {megabytes():.0f} MB")
    keep = room(device)
    print(f"room for images under corruptions: {keep / 1e6:.0f} MB, as of a run with cache_gb=auto")
    corruption, network = instantiate(cfg.corruption), instantiate(unnamed(cfg.model))
    task = Unpaired(Views(dataset, corruption, 0, device, keep), network, ("Identity", *corruption.names), 256)
    optimizer = uncompiled(instantiate(cfg.training.optimizer)(network.parameters(), lr=cfg.method.lr))
    begun, making = time.perf_counter(), 0.0
    for step in range(steps):
        loss = task.step(0, step)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - begun
    with evaluating(network):
        batch = next(iter(task.views.validation(task.batch_size)))  # its corrupted images are kept, too
        for name in task.names:
            network(task.views.see(batch, (name,)))
    print(f"validated {megabytes():.0f} MB (aim: under 1300)")
    begun = time.perf_counter()
    for step in range(steps):
        task.views.unpaired(task.names, task.batch_size, 0, step)
    making = time.perf_counter() - begun
    print(f"trained {megabytes():.0f} MB, {1000 * seconds / steps:.0f} ms a step")
    print(f"making the batches takes {100 * making / seconds:.1f} % of that")


if __name__ == "__main__":
    main()

"""Small stand-ins for tests of methods: images made up in memory, and a method that only looks."""

from pathlib import Path
from typing import Any

import torch

from modrobust.dataset.images import image_dataset
from modrobust.dataset.splits import ImageDataset, Split, height_width
from modrobust.method.experiment import Experiment


def images(root: Path, **keys: Any) -> ImageDataset:
    """Noise in which each class has a bright row and column of its own; three channels for photographs."""
    channels = 3 if keys["name"] in ("cifar10", "facescrub") else 1
    (height, width), classes = height_width(keys["image_size"]), keys["num_classes"]
    splits = {}
    for k, name in enumerate(("train", "valid", "test")):
        n = keys.pop(f"n_{name}")
        generator = torch.Generator().manual_seed(k)
        inputs = torch.randint(0, 120, (n, channels, height, width), generator=generator, dtype=torch.uint8)
        targets = torch.arange(n) % classes
        for image, target in zip(inputs, targets.tolist(), strict=True):
            image[:, target % height] += 130
            image[:, :, target % width] += 130 - 120 * (target // width)
        splits[name] = Split(inputs, targets, 3 * torch.arange(n) + k)  # an index is not a place in the split
    for key in ("source", "variant", "transposed", "valid_one_in", "published_split", "n_images", "corrupted"):
        keys.pop(key, None)
    return image_dataset(splits, **keys)


class Look:
    """In a method's place: keeps the experiment it is given, and trains nothing."""

    seen: Experiment

    def __init__(self, **keys: Any) -> None:
        pass

    def train(self, experiment: Experiment) -> None:
        Look.seen = experiment

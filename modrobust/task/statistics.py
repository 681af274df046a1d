"""Statistics of a dataset's pixels."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from modrobust.dataset.moments import mean_and_std, moments
from modrobust.errors import UserError, nearest
from modrobust.method.experiment import Experiment, Method
from modrobust.store.files import write_text

log = logging.getLogger(__name__)

IMAGES_AT_ONCE = 1024


class Statistics:
    """Writes statistics.csv, a row for each channel: mean and standard deviation of pixels in 0..1."""

    def __init__(self, split: str) -> None:
        """Keep the name of the split."""
        self.split = split

    def __call__(self, experiment: Experiment, method: Method, folder: Path) -> None:
        """Count, print and write; the method makes no difference. Raises UserError where there is no such split."""
        dataset = experiment.dataset
        if self.split not in dataset.splits:
            near, allowed = nearest(self.split, dataset.splits), ", ".join(dataset.splits)
            raise UserError(f"task.split={self.split}: {dataset.name} has the splits {allowed}.{near}")
        split = dataset.splits[self.split]
        sums = [moments(some.cpu().numpy()) for some in split.inputs.split(IMAGES_AT_ONCE)]
        mean, std = mean_and_std(np.concatenate(sums), split.inputs[0, 0].numel())
        given = {"dataset": dataset.name, "split": self.split, "n_images": len(split)}
        table = pd.DataFrame({**given, "channel": range(len(mean)), "mean": mean, "std": std})
        write_text(folder / "statistics.csv", table.to_csv(index=False, lineterminator="\n"))
        print(f"# {dataset.name}, {self.split}: {len(split)} images; pixels in 0..1, per channel")
        for name, values in {"mean": mean, "std": std}.items():
            print(f"{name}: [{', '.join(f'{value:.8g}' for value in values)}]")
        log.info("written: %s", folder / "statistics.csv")

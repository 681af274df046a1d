"""The levels of a network: names, shapes, parameters."""

import logging
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from modrobust.method.experiment import Experiment, Method
from modrobust.model.network import Network
from modrobust.store.files import write_text
from modrobust.terminal.folded import print_table

log = logging.getLogger(__name__)


class Levels:
    """Writes levels.csv, a row for each level.

    Columns: level, block (whose input it is), shape (of the features of one image), parameters (of the block), module
    (parameters of a module for the level).
    """

    def __call__(self, experiment: Experiment, method: Method, folder: Path) -> None:
        """List, print and write; nothing is trained. Raises UserError where the network has no levels."""
        network = experiment.divided()
        table = pd.DataFrame(levels(network, experiment.dataset.image_size))
        write_text(folder / "levels.csv", table.to_csv(index=False, lineterminator="\n"))
        lines = [[str(value) for value in row] for row in table.to_numpy()]
        title = f"levels: last is {network.after_convolutions}, penultimate {network.levels - 1}"
        print_table(title, ("level", "input of", "shape", "its parameters", "a module's"), lines)
        log.info("written: %s", folder / "levels.csv")


def levels(network: Network, image_size: tuple[int, int]) -> list[dict[str, int | str]]:
    """A row for each level, with the columns of `Levels`."""
    rows: list[dict[str, int | str]] = []
    x = torch.zeros(2, 3, *image_size)
    with torch.no_grad():
        for level, (name, block) in enumerate(zip(network.block_names, network.eval().blocks, strict=True)):
            shape = "x".join(map(str, x.shape[1:]))
            row: dict[str, int | str] = {"level": level, "block": name, "shape": shape, "parameters": _count(block)}
            rows.append({**row, "module": _count(network.make_module(level))})
            x = block(x)
    return rows


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())

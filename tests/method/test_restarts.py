"""Several networks for each seed, of which that of the smallest training loss is kept; the record of their routing."""

import numpy as np
import pandas as pd
import torch
from test_supervised import Runs, curves, run

from modrobust.method.restarts import best, draws
from modrobust.seeds import derive

__all__ = ["run"]
SMALL = ("model=modular", "dataset.graph=[6,2,2]", "training.epochs=6", "method.lr.modules=.1")


def test_the_best_of_each_seed() -> None:
    losses = torch.tensor([3.0, 1, 1, torch.nan, 5, 4])
    assert best(losses, 3) == [1, 5]
    assert best(losses[:3], 1) == [0, 1, 2]
    assert draws([7, 8], 1) == [7, 8] and draws([7, 8], 2)[::2] == [7, 8] and len({*draws([7, 8], 2)}) == 4


def test_a_network_that_is_kept_is_what_it_would_be_alone(run: Runs) -> None:
    """To the bit; and no other of its seed has a smaller loss on the training rows."""
    folder = run(*SMALL, "replicas=2", "method.restarts=3", "method.routing_every=2")
    found, results = curves(folder), pd.read_csv(folder / "results.csv").set_index(["seed", "split"])
    assert list(found["seeds"]) == [0, 1]
    for i, seed in enumerate((0, 1)):
        each = [run(*SMALL, f"seed={one}") for one in draws([seed], 3)]
        losses = [pd.read_csv(one / "results.csv").set_index("split").loc["train", "loss"] for one in each]
        alone = each[int(np.argmin(losses))]
        for name, values in curves(alone).items():
            assert name == "seeds" or np.array_equal(values[:, 0], found[name][:, i])
        assert results.loc[(seed, "train"), "loss"] == min(losses)
        same, whole = (pd.read_csv(one / "routing.csv") for one in (alone, folder))
        assert list(same["inputs"]) == list(whole[whole["seed"] == seed]["inputs"])


def test_the_routing_is_recorded(run: Runs) -> None:
    """The last record is what routing.csv has; known routing does not change; without being asked there is no file."""
    folder = run(*SMALL, "replicas=2", "method.restarts=2", "method.routing_every=3")
    with np.load(folder / "routing.npz") as content:
        record = dict(content)
    assert list(record.pop("epochs")) == [3, 6] and list(record.pop("seeds")) == [0, 1]
    assert {name: values.shape for name, values in record.items()} == {"0": (2, 2, 1, 2, 2), "outputs": (2, 2, 1, 1, 2)}
    for row in pd.read_csv(folder / "routing.csv").itertuples():
        inputs = record[str(row.layer)][-1, row.seed, 0, row.place]
        assert " ".join(map(str, inputs)) == row.inputs
    assert not (run(*SMALL) / "routing.npz").exists()
    assert derive(0, "restart", 1) == draws([0], 2)[1]

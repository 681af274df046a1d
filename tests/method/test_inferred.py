"""Unknown compositions: what a router tells decides which modules and autoencoders are applied."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from modrobust.config.identity import identity
from modrobust.errors import UserError
from modrobust.method.experiment import Experiment
from modrobust.method.img_space import Restoring
from modrobust.method.inferred import Inferred, inferring
from modrobust.method.modules import WithModules
from modrobust.method.router import NONE, Router, applied, train_router
from modrobust.model.five_by_five import five_by_five
from modrobust.model.network import Network
from modrobust.sweep.pieces import pieces

NAMES = ("Contrast", "Invert", "Rotate90")


class Times(nn.Module):
    """x -> factor * x."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Plain(Router):
    """A router that reads its logits from the first pixels of an image."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, : len(NAMES)]


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return five_by_five(4, 8, widths=(4, 4, 4, 4), hidden=8).eval()


@pytest.fixture
def images() -> Tensor:
    made = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    made[:, 0, 0, :3] = torch.tensor([[-1.0, -1, -1], [2, 1, -1], [1, 2, 3], [-1, 5, -1]])
    return made


def test_each_row_goes_through_its_own_module() -> None:
    found = applied(torch.ones(4, 2), torch.tensor([1, NONE, 0, 1]), [Times(2), Times(3)])
    assert found.tolist() == [[3, 3], [1, 1], [2, 2], [3, 3]]


def test_the_most_certain_comes_first(images: Tensor) -> None:
    router = Plain()
    assert router.order(images).tolist() == [[NONE] * 3, [0, 1, NONE], [2, 1, 0], [1, NONE, NONE]]
    undone = torch.tensor([[False] * 3, [True, False, False], [False, False, True], [False, True, False]])
    assert router.next(images, undone).tolist() == [NONE, 1, 1, NONE]


@torch.no_grad()
def test_modules_are_those_that_the_router_tells(network: Network, images: Tensor) -> None:
    """Image by image the same as if it had been told; within a level the most certain one first."""
    levels = dict(zip(NAMES, (1, 1, 0), strict=True))
    modules = {name: nn.Sequential(Times(k + 2), nn.Threshold(0.3, k)) for k, name in enumerate(NAMES)}
    predictor = WithModules(network, modules, levels)
    found = Inferred(predictor, Plain(), NAMES)(images, ("Contrast", "Invert"))
    assert list(found) == ["told", "inferred"]
    estimated = [(), ("Contrast", "Invert"), ("Rotate90", "Invert", "Contrast"), ("Invert",)]
    for name, compositions in {"told": [("Contrast", "Invert")] * 4, "inferred": estimated}.items():
        for image, composition, logits, units in zip(images, compositions, *found[name][:2], strict=True):
            alone = predictor(image[None], composition)["default"]
            torch.testing.assert_close((logits, units), (alone[0][0], alone[1][0]))
    diagnostics = found["inferred"][2]  # type: ignore[misc]
    assert {name: values.tolist() for name, values in diagnostics.items()} == {
        **{"exact": [0, 100, 0, 0], "missed": [2, 0, 0, 1], "added": [0, 0, 1, 0]}
    }


@torch.no_grad()
def test_after_each_autoencoder_the_rest_is_estimated_anew(network: Network, images: Tensor) -> None:
    """The second image's Contrast is undone by -1, after which its Rotate90 is seen in place of Invert."""
    steps = dict(zip(NAMES, (Times(-1), Times(0.5), Times(1)), strict=True))
    predictor = Restoring(steps, {"one": network, "two": network})
    found = Inferred(predictor, Plain(), NAMES)(images, ("Contrast", "Rotate90"))
    assert list(found) == ["one_told", "two_told", "one_inferred", "two_inferred"]
    expected = images * torch.tensor([1, -1, -0.5, 0.5])[:, None, None, None]
    torch.testing.assert_close(found["one_inferred"][0], network(expected))
    torch.testing.assert_close(found["two_told"][0], network(-images))
    assert found["one_inferred"][2]["exact"].tolist() == [0, 100, 0, 0]  # type: ignore[misc]


def test_a_router_learns(experiment: Callable[..., Experiment]) -> None:
    easy = ("dataset.n_train=24", "model.dropout=[0,0,0,0]", "model.hidden_dropout=0", "training.epochs=12")
    adam = ("training.optimizer._target_=torch.optim.Adam", "~training.optimizer.momentum")
    made = experiment(*easy, *adam, "corruption.names=[Contrast,Invert]")
    router, part, seen = train_router(made, 3e-3, [0, 1, 2])
    assert seen == ["Identity", "Contrast", "Invert", "Contrast-Invert", "Invert-Contrast"]
    assert part.curve()[-1]["valid_accuracy"] > 0.6  # of five sets; chance is less
    batch = next(made.views().validation(8))
    assert router(made.views().see(batch, ("Identity",))).shape == (8, 2)


@pytest.mark.parametrize("method", ["modules", "img_space"])
def test_results_hold_both(run: Callable[..., Path], epochs: Counter[str], method: str) -> None:
    told = pd.read_csv(run(f"method={method}") / "results.csv")
    before = Counter(epochs)
    folder = run(f"method={method}", "method.routing=inferred")
    assert epochs - before == {"router": 1}  # all else is shared
    rows = pd.read_csv(folder / "results.csv")
    variants = list(rows["variant"].unique())
    assert len(variants) == 2 * told["variant"].nunique() and all(
        name.endswith(("told", "inferred")) for name in variants
    )
    same = rows[rows["variant"].str.endswith("told")]
    pd.testing.assert_series_equal(same["loss"].reset_index(drop=True), told["loss"])
    how = pd.read_csv(folder / "diagnostics.csv")
    assert list(how.columns) == ["variant", "composition", "n_corruptions", "exact", "missed", "added"]
    assert len(how) == len(rows) // 2 and how["exact"].between(0, 100).all()
    with np.load(folder / "predictions.npz") as arrays:
        exact = arrays[f"{variants[-1]}/diagnostic exact"]
    np.testing.assert_allclose(exact.mean(1), how["exact"][-len(exact) :])
    assert pd.read_csv(folder / "seen.csv")["composition"].tolist() == ["Identity", "Contrast", "Rotate90"]


def test_there_is_no_other_routing() -> None:
    with pytest.raises(UserError, match=r"^method.routing=guessed: allowed are told and inferred"):
        inferring("guessed", {})
    with pytest.raises(UserError, match=r"^method.router has epochs: its keys are lr and lengths"):
        inferring("inferred", {"lr": 0.1, "lengths": [0, 1], "epochs": 3})


def test_routers_that_see_other_compositions_are_other_parts(experiment: Callable[..., Experiment]) -> None:
    made = experiment("training.epochs=1", "corruption.names=[Contrast]")
    assert len({train_router(made, 0.1, lengths)[1].hash for lengths in ((0, 1), (0,), (1,))}) == 3


@pytest.mark.parametrize("method", ["modules", "img_space"])
def test_what_a_router_cannot_be_trained_on_is_told_before_training(
    run: Callable[..., Path], epochs: Counter[str], method: str
) -> None:
    with pytest.raises(UserError, match=r"method.router.lengths=\[0, 3\]: there are 2 corruptions to compose"):
        run(f"method={method}", "method.routing=inferred", "method.router.lengths=[0,3]")
    with pytest.raises(UserError, match="a batch holds 3 views of an image"):
        run(f"method={method}", "method.routing=inferred", "training.batch_size=2")
    assert not epochs


def test_a_sweep_shares_all_but_the_router(configure: Callable[..., DictConfig]) -> None:
    for method in ("modules", "img_space"):
        told, inferred, pairs = (
            {piece.name: piece.key for piece in pieces(identity(configure(f"method={method}", *more)))}
            for more in ((), ("method.routing=inferred",), ("method.routing=inferred", "method.router.lengths=[0,2]"))
        )
        assert inferred.items() - told.items() == {(method, inferred[method])}
        assert pairs[method] != inferred[method] and pairs.keys() == inferred.keys()

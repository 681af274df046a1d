"""The table of results against the plainest computation: one composition after the other, all images at once."""

from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command import Command
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor
from torch.nn import functional

from modrobust.config.identity import unnamed
from modrobust.config.options import CONF
from modrobust.corruption.choice import choose
from modrobust.corruption.composition import label, parse
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import ImageDataset
from modrobust.evaluation.results import Results, write
from modrobust.evaluation.testing import corrupted, evaluate
from modrobust.method.modes import evaluating
from modrobust.model.network import Network

COMPOSITIONS = [
    parse(text) for text in ("Identity", "ImpulseNoise-Swirl", "Swirl", "Swirl-Invert", "Swirl-ImpulseNoise")
]
NAMES = {"dataset": "digits", "method": "none", "model": "small_cnn", "seed": 3, "split": "test"}


@pytest.fixture(scope="module")
def cfg() -> Any:
    few = ["dataset.n_train=10", "dataset.n_valid=21", "dataset.n_test=37"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=few)


@pytest.fixture(scope="module")
def dataset(cfg: Any) -> ImageDataset:
    dataset: ImageDataset = instantiate(cfg.dataset, root=Path())
    return dataset


@pytest.fixture(scope="module")
def corruption(cfg: Any) -> Corruption:
    corruption: Corruption = instantiate(cfg.corruption)
    return corruption


@pytest.fixture(scope="module")
def network(cfg: Any) -> Network:
    torch.manual_seed(0)
    network: Network = instantiate(unnamed(cfg.model)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # confident, so that losses differ between images
    return network


class Evaluation:
    """Evaluates an untrained network as two variants: itself, and the opposite."""

    def __init__(self, dataset: ImageDataset, corruption: Corruption, network: Network, folder: Path) -> None:
        self.dataset, self.corruption, self.network, self.folder = dataset, corruption, network, folder

    def predict(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, tuple[Tensor, Tensor]]:
        logits, units = self.network.predict(images)
        return {"itself": (logits, units), "opposite": (-logits, -units)}

    def __call__(self, split: str = "test", batch_size: int = 16, activations: bool | str = False) -> Results:
        args = (self.predict, self.dataset, split, self.corruption, COMPOSITIONS)
        return evaluate(*args, batch_size, torch.device("cpu"), self.folder, activations)

    def plainly(self, composition: tuple[str, ...], split_name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Losses, predictions and penultimate features of all images."""
        split = self.dataset.splits[split_name]
        seen = quantize(self.corruption.apply(split.inputs, composition, split_name, split.index))
        with evaluating(self.network):
            logits, units = self.network.predict(normalise(seen, self.dataset))
        return functional.cross_entropy(logits, split.targets, reduction="none"), logits.argmax(1), units


@pytest.fixture
def evaluation(dataset: ImageDataset, corruption: Corruption, network: Network, tmp_path: Path) -> Evaluation:
    return Evaluation(dataset, corruption, network, tmp_path)


@pytest.mark.parametrize("split", ["test", "valid"])
def test_losses_and_predictions(evaluation: Evaluation, split: str) -> None:
    results = evaluation(split)
    for row, composition in enumerate(COMPOSITIONS):
        losses, predictions, _ = evaluation.plainly(composition, split)
        np.testing.assert_allclose(results.arrays["itself/losses"][row], losses, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(results.arrays["itself/predictions"][row], predictions)


def test_results_csv(evaluation: Evaluation) -> None:
    write(evaluation(), evaluation.dataset.splits["test"], evaluation.folder, NAMES)
    text = (evaluation.folder / "results.csv").read_text()
    columns = "dataset,method,variant,model,seed,split,composition,n_corruptions,n_images,loss,accuracy"
    assert text.splitlines()[0] == columns
    assert text.splitlines()[1].startswith("digits,none,itself,small_cnn,3,test,Identity,0,37,")
    table = pd.read_csv(evaluation.folder / "results.csv")
    assert table["variant"].tolist() == ["itself"] * 5 + ["opposite"] * 5
    assert table["composition"].tolist() == 2 * [label(composition) for composition in COMPOSITIONS]
    assert table["n_corruptions"].tolist() == 2 * [0, 2, 1, 2, 2]
    targets = evaluation.dataset.splits["test"].targets
    for row, composition in zip(table.itertuples(), COMPOSITIONS, strict=False):
        losses, predictions, _ = evaluation.plainly(composition, "test")
        assert row.loss == pytest.approx(losses.double().mean().item(), rel=1e-5)
        assert row.accuracy == pytest.approx(100 * (predictions == targets).double().mean().item())


def test_predictions_npz(evaluation: Evaluation) -> None:
    split = evaluation.dataset.splits["test"]
    results = evaluation()
    write(results, split, evaluation.folder, NAMES)
    with np.load(evaluation.folder / "predictions.npz") as file:
        arrays = dict(file)
    assert arrays["compositions"].tolist() == [label(composition) for composition in COMPOSITIONS]
    np.testing.assert_array_equal(arrays["index"], split.index)
    np.testing.assert_array_equal(arrays["targets"], split.targets)
    np.testing.assert_array_equal(arrays["opposite/losses"], results.arrays["opposite/losses"])
    assert arrays["itself/predictions"].shape == (5, 37)
    assert not (evaluation.folder / "activations.npz").exists()


@pytest.mark.parametrize("batch_size", [1, 5, 36, 37, 256])
def test_the_batch_size_changes_nothing(evaluation: Evaluation, batch_size: int) -> None:
    one, other = evaluation(), evaluation(batch_size=batch_size)
    np.testing.assert_allclose(other.arrays["itself/losses"], one.arrays["itself/losses"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(other.arrays["itself/predictions"], one.arrays["itself/predictions"])


def test_activations(evaluation: Evaluation) -> None:
    split = evaluation.dataset.splits["test"]
    write(evaluation(activations="raw"), split, evaluation.folder, NAMES)
    with np.load(evaluation.folder / "activations.npz") as file:
        arrays = dict(file)
    classes = np.arange(10)
    np.testing.assert_array_equal(arrays["class_count"], np.bincount(split.targets, minlength=10))
    for row, composition in enumerate(COMPOSITIONS):
        raw = np.load(evaluation.folder / f"features/itself/{label(composition)}.npy")
        assert raw.dtype == np.float32 and raw.shape == (37, 256)
        np.testing.assert_allclose(raw, evaluation.plainly(composition, "test")[2], rtol=1e-4, atol=1e-5)
        opposite = np.load(evaluation.folder / f"features/opposite/{label(composition)}.npy")
        for variant, units in (("itself", raw), ("opposite", opposite)):
            means = np.stack([units[split.targets == k].mean(0) for k in classes])
            np.testing.assert_allclose(arrays[f"{variant}/class_mean"][row], means, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(arrays[f"{variant}/unit_max"][row], units.max(0))


def test_a_class_without_images_has_mean_zero(evaluation: Evaluation) -> None:
    split = evaluation.dataset.splits["test"].take(slice(0, 3), "cpu")
    evaluation.dataset = ImageDataset(**{**vars(evaluation.dataset), "splits": {"test": split}})
    write(evaluation(activations=True), split, evaluation.folder, NAMES)
    with np.load(evaluation.folder / "activations.npz") as file:
        absent = file["class_count"] == 0
        assert absent.sum() >= 7
        assert not file["itself/class_mean"][:, absent].any()


def test_common_prefixes_are_computed_once(corruption: Corruption, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def step(images: Tensor, name: str, position: int, split: str, index: Tensor) -> Tensor:
        steps.append((name, position))
        return images

    monkeypatch.setattr(corruption, "step", step)
    images = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    args = (corruption, corruption.compositions, images, "test", torch.zeros(1))
    assert {composition for composition, _ in corrupted(*args)} == set(corruption.compositions)
    prefixes = {prefix for composition in corruption.compositions for prefix in accumulate((c,) for c in composition)}
    assert len(steps) == len(prefixes) == 294


def test_choice_of_compositions(corruption: Corruption) -> None:
    names, everything = corruption.names, corruption.compositions
    assert choose(everything, names, None, None) == everything
    assert choose(everything, names, None, 1) == [(), *((name,) for name in names)]
    only = ["Swirl-Contrast-Invert", "Identity", "Invert"]
    assert choose(everything, names, only, None) == [("Swirl", "Contrast", "Invert"), (), ("Invert",)]
    assert choose(everything, names, only, 1) == [(), ("Invert",)]


def test_options_of_the_command_change_what_is_tested_and_train_nothing(
    modrobust: Command, undisturbed: Command
) -> None:
    modrobust.take_parts(undisturbed)
    chosen = "evaluation.compositions=[Swirl-Invert,Identity,Swirl]"
    without_effect = ("dataset.n_test=20", "device=cpu", "paths.data=elsewhere", "checkpoint_seconds=9")
    tested = modrobust(chosen, "evaluation.split=valid", "evaluation.batch_size=7", *without_effect)
    assert tested.code == 0
    assert tested.stderr.startswith("testing 20/20")
    table = pd.read_csv(modrobust.file("results.csv"))
    assert table["composition"].tolist() == ["Identity", "Swirl"]  # of at most one corruption
    assert table["split"].tolist() == ["valid"] * 2 and table["n_images"].tolist() == [20] * 2

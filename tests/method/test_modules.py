"""Modules: how they are applied, what their training leaves alone, the search for their levels."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from modrobust.method import modules
from modrobust.method.cross_entropy import Classifier
from modrobust.method.modules import WithModules
from modrobust.method.objectives import Paired
from modrobust.model.five_by_five import five_by_five
from modrobust.model.network import Network

LEVELS = {"Contrast": 1, "Invert": 1, "Rotate90": 4, "Swirl": 0}


@pytest.fixture(scope="module")
def backbone() -> Network:
    torch.manual_seed(0)
    return five_by_five(10, 28, widths=(4, 4, 4, 4), hidden=8).eval()


class Recording(nn.Module):
    """Multiplies by a number of its own and writes down that it was called."""

    def __init__(self, name: str, factor: float, calls: list[tuple[str, Tensor]]) -> None:
        super().__init__()
        self.name, self.factor, self.calls = name, factor, calls

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append((self.name, x))
        return x * self.factor + 0.1


@pytest.mark.parametrize(
    ("composition", "order"),
    [
        ((), []),
        (("Contrast",), ["Contrast"]),
        (("Contrast", "Invert"), ["Contrast", "Invert"]),
        (("Invert", "Contrast"), ["Invert", "Contrast"]),  # within a level the composition's order
        (("Rotate90", "Invert", "Swirl", "Contrast"), ["Swirl", "Invert", "Contrast", "Rotate90"]),  # level by level
        (("GaussianBlur", "Contrast"), ["Contrast"]),  # of the blur there is no module
        (("GaussianBlur",), []),
    ],
)
@torch.no_grad()
def test_order_of_modules(backbone: Network, composition: tuple[str, ...], order: list[str]) -> None:
    calls: list[tuple[str, Tensor]] = []
    recording = {name: Recording(name, 0.5 + k, calls) for k, name in enumerate(LEVELS)}
    images = torch.randn(3, 3, 28, 28)
    logits, penultimate = WithModules(backbone, recording, LEVELS)(images, composition)["default"]
    assert [name for name, _ in calls] == order

    x, seen = images, iter(calls)
    for level, block in enumerate(backbone.blocks):
        for name in [name for name in order if LEVELS[name] == level]:
            assert torch.equal(next(seen)[1], x)
            x = x * recording[name].factor + 0.1
        if level == backbone.levels - 1:
            assert torch.equal(penultimate, x)
        x = block(x)
    assert torch.equal(logits, x)


def test_the_backbone_is_left_alone(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, gradients, modes, and statistics of batch normalisation: these are those of a ResNet."""
    kept: list[Network] = []
    before: list[dict[str, Tensor]] = []
    during: list[tuple[str, bool]] = []
    train_classifier, step = modules.train_classifier, Paired.step

    def keeping(*args: Any) -> Classifier:
        classifier = train_classifier(*args)
        kept.append(classifier.network)
        before.append({name: x.clone() for name, x in kept[0].state_dict().items()})
        return classifier

    def watching(task: Paired, epoch: int, number: int) -> dict[str, Tensor]:
        scalars = step(task, epoch, number)
        assert not any(m.training for m in kept[0].modules())
        assert all(p.grad is None and not p.requires_grad for p in kept[0].parameters())
        assert all(p.requires_grad for p in task.network.parameters())
        during.append((type(task.network).__name__, task.network.training))
        return scalars

    monkeypatch.setattr(modules, "train_classifier", keeping)
    monkeypatch.setattr(Paired, "step", watching)
    small = ("dataset.image_size=8", "dataset.n_train=8", "dataset.n_valid=4", "training.batch_size=8")
    twice = ("training.epochs=2", "evaluate=false")
    run("method=modules", "dataset=cifar10", *small, *twice, "method.level={Contrast:1,Rotate90:last}")
    assert len(during) == 2 * 2 * 2 and all(training for _, training in during)
    (backbone,) = kept
    assert all(torch.equal(x, before[0][name]) for name, x in backbone.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in backbone.parameters())


@pytest.mark.parametrize("pass_through", [True, False])
def test_what_a_step_covers(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, pass_through: bool) -> None:
    """Half of the batch corrupted and the same images clean, in one forward where these pass through."""
    sizes: Counter[int] = Counter()
    classified: list[tuple[int, int]] = []
    make_module, cross_entropy = Network.make_module, modules.functional.cross_entropy

    def counted(network: Network, level: int) -> nn.Module:
        module = make_module(network, level)
        module.register_forward_hook(lambda module, inputs, output: sizes.update([len(output)]))
        return module

    def classify(logits: Tensor, classes: Tensor) -> Tensor:
        classified.append((len(logits), len(classes)))
        return cross_entropy(logits, classes)

    monkeypatch.setattr(Network, "make_module", counted)
    monkeypatch.setattr(modules.functional, "cross_entropy", classify)
    few = ("corruption.names=[Contrast]", "dataset.n_train=12", "dataset.n_valid=4", "evaluate=false")
    run("method=modules", *few, "training.batch_size=8", f"method.pass_through={pass_through}")
    assert sizes == ({8: 3 + 1} if pass_through else {4: 3 + 1})
    assert classified[-4:] == [(8, 8)] * 4


def test_search_of_levels(run: Callable[..., Path], epochs: Counter[str], tmp_path: Path) -> None:
    folder = run("method=auto_modules", "training.epochs=3", "method.search_epochs=2")
    assert epochs["classifier"] == 3
    for name in ("Contrast", "Rotate90"):
        assert [epochs[f"search2-{name}-level{level}"] for level in range(6)] == [2] * 6
    table = pd.read_csv(folder / "levels.csv")
    assert list(table.columns) == ["corruption", "level", "valid_accuracy", "chosen"]
    assert list(table.level) == [*range(6), *range(6)]
    curves = pd.read_json(folder / "metrics.jsonl", lines=True)
    for name, tried in table.groupby("corruption"):
        assert tried.chosen.sum() == 1
        chosen = tried[tried.chosen].iloc[0]
        assert chosen.valid_accuracy == tried.valid_accuracy.max()
        assert chosen.level == tried.level[tried.valid_accuracy == chosen.valid_accuracy].min()
        assert epochs[f"module-{name}-level{chosen.level}"] == 3
        for row in tried.itertuples():
            curve = curves[curves.part == f"search2-{name}-level{row.level}"]
            assert row.valid_accuracy == pytest.approx(100 * curve.valid_accuracy.max())
            full = curves[curves.part == f"module-{name}-level{chosen.level}"]
            assert list(curve.lr) == list(full.lr)[:2]  # the schedule of the full training
    assert sum(epochs.values()) == 3 + 2 * 6 * 2 + 2 * 3
    searched = list((tmp_path / "parts").glob("*/search2-*"))
    assert len(searched) == 12
    for part in searched:
        assert load_file(part / "weights.safetensors") == {}
        assert json.loads((part / "status.json").read_text())["state"] == "done"
        assert not list(part.glob("checkpoint*"))


def test_a_search_is_no_longer_than_the_training(run: Callable[..., Path], epochs: Counter[str]) -> None:
    run("method=auto_modules", "corruption.names=[Contrast]", "training.epochs=2", "evaluate=false")
    assert set(epochs.values()) == {2}
    assert "search2-Contrast-level0" in epochs


def test_the_searched_module_does_not_begin_where_the_search_ended(
    run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first: dict[str, dict[str, Tensor]] = {}
    fit = modules.fit

    def watching(part: Any, network: nn.Module, *rest: Any) -> None:
        first[part.name] = {name: x.clone() for name, x in network.state_dict().items()}
        fit(part, network, *rest)

    monkeypatch.setattr(modules, "fit", watching)
    run("method=auto_modules", "corruption.names=[Contrast]", "training.epochs=2", "evaluate=false")
    (final,) = (name for name in first if name.startswith("module-"))
    search = first[final.replace("module", "search2")]
    assert any(not torch.equal(x, search[name]) for name, x in first[final].items())


def test_predictor_runs_without_modules(backbone: Network) -> None:
    images = torch.randn(2, 3, 28, 28)
    alone = WithModules(backbone, {}, {})
    with torch.no_grad():
        assert torch.equal(alone(images, ("Contrast", "Swirl"))["default"][0], backbone(images))

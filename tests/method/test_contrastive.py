"""The contrastive method: its levels share forward passes and terms; the search for them."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from modrobust.method.contrastive import SEARCH_BATCHES, Contrastive
from modrobust.method.contrastive_loss import contrastive_loss
from modrobust.method.experiment import Experiment
from modrobust.method.objectives import Paired
from modrobust.method.views import Batch

SIX = ("Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl")


def test_published_length_of_the_search() -> None:
    assert SEARCH_BATCHES == 200


@pytest.mark.parametrize("weight", [0.1, 0])
def test_a_level_has_one_term_with_identity(experiment: Callable[..., Experiment], weight: float) -> None:
    study = experiment("corruption.names=[Contrast,Invert,Rotate90,Swirl]")
    levels = {"Contrast": 1, "Invert": 5, "Rotate90": 5, "Swirl": 1}
    network, views = study.probe().eval(), study.views()
    batch = views.paired(3, 0, 0)
    found = Contrastive(1, weight, 0.15, 1, 1)._scalars(network, views, levels, batch)
    contrast = 0.0
    for level, names in ((1, ("Identity", "Contrast", "Swirl")), (5, ("Identity", "Invert", "Rotate90"))):
        contrast += weight * contrastive_loss(network.features(views.see(batch, names), level), 3)
    logits, classes = network(views.see(batch, ("Identity", *levels))), batch.targets.repeat(5)
    cross_entropy = torch.nn.functional.cross_entropy(logits, classes)
    torch.testing.assert_close(found["contrastive"], torch.as_tensor(contrast), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found["cross_entropy"], cross_entropy)
    torch.testing.assert_close(found["loss"], cross_entropy + contrast, rtol=1e-5, atol=1e-6)
    assert found["accuracy"] == (logits.argmax(1) == classes).float().mean()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(clean images, steps an epoch) of every task, in order of their first step."""
    found: list[tuple[int, int]] = []
    step = Paired.step

    def watching(task: Paired, epoch: int, number: int) -> dict[str, Tensor]:
        if (epoch, number) == (0, 0):
            found.append((task.n_images, task.steps))
        return step(task, epoch, number)

    monkeypatch.setattr(Paired, "step", watching)
    return found


def test_a_batch_is_all_views_of_fewer_images(run: Callable[..., Path], steps: list[tuple[int, int]]) -> None:
    names = f"corruption.names=[{','.join(SIX)}]"
    run("method=contrastive", names, "dataset.n_train=80", "training.batch_size=256", "evaluate=false")
    assert steps == [(36, 2)]


def test_search_of_levels(
    run: Callable[..., Path],
    steps: list[tuple[int, int]],
    epochs: Counter[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modrobust.method.contrastive.SEARCH_BATCHES", 2)
    validated: list[int] = []
    validate = Paired.validate

    def watching(task: Paired) -> dict[str, float]:
        scalars, seen = task.scalars, []
        task.scalars = lambda batch: seen.append(batch) or scalars(batch)  # type: ignore[func-returns-value]
        found = validate(task)
        task.scalars = scalars
        validated.append(len(seen))
        return found

    monkeypatch.setattr(Paired, "validate", watching)
    warm_up = ("training.schedule._target_=torch.optim.lr_scheduler.LinearLR", "~training.schedule.T_max")
    settings = ("method.repeats=2", "training.epochs=3", "training.batch_size=21")
    folder = run("method=auto_contrastive", *settings, *warm_up)
    assert steps == [*[(3, 2)] * (2 * 5 * 2), (7, 1)]  # search: 21 // 7 images, however many corruptions are named
    assert validated == [*[2] * 20, *[2] * 3]  # of 8 images
    curves = pd.read_json(folder / "metrics.jsonl", lines=True)
    table = pd.read_csv(folder / "levels.csv")
    assert list(table.level) == [*range(1, 6), *range(1, 6)]
    for row in table.itertuples():
        names = [f"search-{row.corruption}-level{row.level}-repeat{repeat}" for repeat in range(2)]
        assert [epochs[name] for name in names] == [1, 1]
        curve = curves[curves.part.isin(names)]
        assert row.valid_accuracy == pytest.approx(100 * curve.valid_accuracy.mean())
        assert list(curve.lr) == [0.01, 0.01]  # constant
    assert curves[curves.part == "contrastive"].lr.is_monotonic_increasing  # here the schedule holds
    assert epochs["contrastive"] == 3
    (final,) = (tmp_path / "parts").glob("*/contrastive-*")
    depends = json.loads((final / "depends.json").read_text())
    chosen = table[table.chosen]
    assert depends["levels"] == dict(zip(chosen.corruption, chosen.level, strict=True))
    searched = list((tmp_path / "parts").glob("*/search-*"))
    assert len(searched) == 20
    assert all(load_file(part / "weights.safetensors") == {} for part in searched)


def test_repeats_differ(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modrobust.method.contrastive.SEARCH_BATCHES", 1)
    folder = run("method=auto_contrastive", "corruption.names=[Contrast]", "evaluate=false")
    curves = pd.read_json(folder / "metrics.jsonl", lines=True)
    losses = curves[curves.part.str.startswith("search-Contrast-level1-")].loss
    assert losses.nunique() == 3


def test_level_for_each_on_the_command_line(run: Callable[..., Path], tmp_path: Path) -> None:
    run("method=contrastive", "method.level={Contrast:2,Rotate90:last}", "evaluate=false")
    (part,) = (tmp_path / "parts").glob("*/contrastive-*")
    assert json.loads((part / "depends.json").read_text())["levels"] == {"Contrast": 2, "Rotate90": 4}


def test_batch_of_one_image(experiment: Callable[..., Experiment]) -> None:
    study = experiment()
    network, views = study.probe(), study.views()
    batch: Batch = views.paired(1, 0, 0)
    found = Contrastive(1, 0.1, 0.15, 1, 1)._scalars(network, views, {"Contrast": 5}, batch)
    assert found["contrastive"] == 0 and found["loss"].isfinite()

"""Empirical risk minimisation, unpaired and on the batches of the contrastive method."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from modrobust.method.objectives import Paired, Unpaired
from modrobust.store.parts import Part, Parts


def weights(folder: Path) -> dict[str, Tensor]:
    (file,) = folder.glob("parts/*/same-*/weights.safetensors")
    return load_file(file)


@pytest.mark.parametrize("dataset", ["digits", "cifar10"])  # without and with augmentation
def test_paired_it_is_the_contrastive_method_of_weight_0(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str
) -> None:
    """To the last bit, once both parts have one name: first weights and dropout are drawn for a name."""
    part = Parts.part

    def renamed(parts: Parts, name: str, corruptions: tuple[str, ...], **depends: Any) -> Part:
        return part(parts, "same", corruptions, **depends)

    monkeypatch.setattr(Parts, "part", renamed)
    common = (f"dataset={dataset}", "model=small_cnn", "training.epochs=2", "evaluate=false")
    found = []
    for method in (
        ("method=cross_entropy", "method.pairing=true"),
        ("method=contrastive", "method.weight=0"),
        ("method=contrastive", "method.weight=1"),
    ):
        outputs = tmp_path / str(len(found))
        run(*common, *method, "method.lr=0.05", f"paths.outputs={outputs}")
        found.append(weights(outputs))
    erm, weightless, contrastive = found
    assert all(torch.equal(x, weightless[name]) for name, x in erm.items())
    assert any(not torch.equal(x, contrastive[name]) for name, x in erm.items())


def test_pairing_chooses_the_batches(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[object] = []
    for kind in (Unpaired, Paired):
        monkeypatch.setattr(kind, "step", remembering(tasks, kind.step))
    run("method=cross_entropy", "evaluate=false")
    assert {(type(task), task.batch_size, task.steps) for task in tasks} == {(Unpaired, 12, 3)}
    tasks.clear()
    run("method=cross_entropy", "method.pairing=true", "evaluate=false")
    assert {(type(task), task.n_images, task.steps) for task in tasks} == {(Paired, 4, 3)}


def remembering(tasks: list[Any], step: Callable[..., dict[str, Tensor]]) -> Callable[..., dict[str, Tensor]]:
    def remembering(task: Any, *where: int) -> dict[str, Tensor]:
        tasks.append(task)
        return step(task, *where)

    return remembering

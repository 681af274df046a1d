"""Pieces are trained once, whichever run, method or process asks for them."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modrobust.method.cross_entropy import train_classifier
from modrobust.method.experiment import Experiment

NAMES = ("Contrast", "Invert", "Rotate90")
ALL = f"corruption.names=[{','.join(NAMES)}]"


def one(name: str) -> tuple[str, str]:
    return f"corruption.names=[{name}]", "evaluate=false"


def took(epochs: Counter[str]) -> dict[str, int]:
    """Epochs trained since the last time."""
    found = dict(epochs)
    epochs.clear()
    return found


def test_modules_one_by_one_then_all(run: Callable[..., Path], epochs: Counter[str]) -> None:
    method = ("method=modules", "training.epochs=2")
    assert run(*method, *one("Rotate90")).joinpath("results.csv").exists() is False
    assert took(epochs) == {"classifier": 2, "module-Rotate90-level4": 2}
    for name in ("Contrast", "Invert"):
        run(*method, *one(name))
        assert took(epochs) == {f"module-{name}-level1": 2}
    folder = run(*method, ALL)
    assert took(epochs) == {}
    assert folder.joinpath("results.csv").exists()


def test_searches_one_by_one_then_all(run: Callable[..., Path], epochs: Counter[str], tmp_path: Path) -> None:
    for name in NAMES:
        run("method=auto_modules", *one(name))
    assert sum(took(epochs).values()) == 1 + 3 * (6 + 1)
    folder = run("method=auto_modules", ALL)
    assert took(epochs) == {}
    assert len((folder / "levels.csv").read_text().splitlines()) == 1 + 3 * 6
    chosen = {part.name.split("-small_cnn")[0] for part in tmp_path.glob("parts/*/module-*")}
    levels = ",".join(f"{name}:{level[-1]}" for _, name, level in (part.split("-") for part in chosen))
    run("method=modules", f"method.level={{{levels}}}", ALL)  # by hand what the search found
    assert took(epochs) == {}


def test_image_space_reuses_backbone_and_autoencoders(run: Callable[..., Path], epochs: Counter[str]) -> None:
    run("method=modules", "method.backbone_lr=0.02", *one("Contrast"))
    took(epochs)
    run("method=img_space", "method.lr=0.02", *one("Contrast"))
    assert took(epochs) == {"autoencoder-Contrast": 1, "joint_classifier": 1}
    run("method=img_space", "method.lr=0.02", ALL)
    assert took(epochs) == {"autoencoder-Invert": 1, "autoencoder-Rotate90": 1, "joint_classifier": 1}
    run("method=img_space", "method.lr=0.03", ALL)  # a search over step two reuses step one
    assert took(epochs) == {"classifier": 1, "joint_classifier": 1}


def test_what_a_part_depends_on(run: Callable[..., Path], epochs: Counter[str]) -> None:
    run("method=modules", *one("Contrast"))
    both = set(took(epochs))
    assert both == {"classifier", "module-Contrast-level1"}
    module, nothing = both - {"classifier"}, set[str]()
    for change, trained in {
        "method.weight=2": module,
        "method.temperature=0.2": module,
        "method.lr=0.02": module,
        "method.pass_through=false": module,
        "method.level=2": {"module-Contrast-level2"},
        "corruption.elemental.Contrast.severity=4": module,
        "corruption.elemental.Swirl.severity=4": nothing,
        "method.backbone_lr=0.02": both,
        "seed=1": both,
        "training.epochs=2": both,
        "dataset.n_valid=6": both,
        "dataset.n_test=6": nothing,
        "method.search_epochs=2": nothing,
        "evaluation.batch_size=3": nothing,
        "checkpoint_seconds=1": nothing,
    }.items():
        run("method=modules", *one("Contrast"), change)
        assert (change, set(took(epochs))) == (change, trained)


def test_contrastive_at_the_levels_of_a_search(
    run: Callable[..., Path], epochs: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modrobust.method.contrastive.SEARCH_BATCHES", 1)
    for level in range(1, 6):
        run("method=contrastive", f"method.level={level}", *one("Contrast"))
    assert took(epochs) == {"contrastive": 5}
    run("method=auto_contrastive", "method.repeats=1", *one("Contrast"))
    assert took(epochs) == {f"search-Contrast-level{level}-repeat0": 1 for level in range(1, 6)}


def test_who_needs_what_another_trains_waits_for_it(
    experiment: Callable[..., Experiment], epochs: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    study, found = experiment(), []
    part = study.parts.part("classifier", ("Identity",), lr=0.1, pairing=False)

    def ask() -> None:
        found.append(train_classifier(study, ("Identity",), 0.1))

    thread = threading.Thread(target=ask)
    with part.held():  # as another process that trains it
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
        torch.manual_seed(1)
        trained: dict[str, Tensor] = study.build().state_dict()
        part.write_metrics([])
        part.finish(trained, {})
    thread.join(timeout=30)
    assert f"waiting for classifier, which another run is training ({part.folder})" in caplog.text
    assert took(epochs) == {}
    (classifier,) = found
    assert classifier.part == part
    assert all(torch.equal(x, trained[name]) for name, x in classifier.network.state_dict().items())
    caplog.clear()
    thread = threading.Thread(target=ask)
    with part.held():  # as another process that reads it
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join(timeout=30)
    assert len(found) == 2 and "waiting for" not in caplog.text


def test_a_part_that_is_gone_is_trained_again_alone(
    run: Callable[..., Path], epochs: Counter[str], tmp_path: Path
) -> None:
    run("method=modules", ALL, "evaluate=false")
    (lost,) = tmp_path.glob("parts/*/module-Invert-*")
    before = (lost / "weights.safetensors").read_bytes()
    (lost / "status.json").unlink()
    took(epochs)
    run("method=modules", ALL, "evaluate=false")
    assert took(epochs) == {"module-Invert-level1": 1}
    assert (lost / "weights.safetensors").read_bytes() == before


def test_parts_do_not_depend_on_what_was_trained_before_them(run: Callable[..., Path], tmp_path: Path) -> None:
    """Alone, or after others in one process: the same bits."""

    def content(outputs: Path) -> dict[str, bytes]:
        return {str(file.relative_to(outputs)): file.read_bytes() for file in outputs.glob("parts/*/*/weights.*")}

    runs: dict[str, Any] = {"together": [ALL], "alone": [one(name)[0] for name in reversed(NAMES)]}
    for folder, each in runs.items():
        for names in each:
            run("method=modules", names, "evaluate=false", f"paths.outputs={tmp_path / folder}")
    assert len(content(tmp_path / "alone")) == 4
    assert content(tmp_path / "together") == content(tmp_path / "alone")

"""Images as files: their layout and counts, their bits, and what a second attempt does."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from in_process import SMALL, modrobust

from modrobust.corruption.corruption import quantize
from modrobust.dataset.splits import Split
from modrobust.dataset.take import rank_in_class
from modrobust.method.experiment import Experiment
from modrobust.task.export_images import ExportImages, chunks_of, entries

FEW = (*SMALL, "task=export_images", "task.processes=1", "corruption.names=[ImpulseNoise]")
LETTERS = ("Identity", "ImpulseNoise")


def splits(targets: dict[str, torch.Tensor]) -> dict[str, Split]:
    """Splits of these classes; the images don't matter."""
    return {k: Split(torch.zeros(len(y), 0, dtype=torch.uint8), y, torch.arange(len(y))) for k, y in targets.items()}


def per_class(classes: int, **n: int) -> dict[str, torch.Tensor]:
    return {name: torch.arange(classes).repeat(count) for name, count in n.items()}


def faces() -> dict[str, torch.Tensor]:
    """388 people, 50,429 images, at least 100 each: the last tenth of each is test, the tenth before valid."""
    targets = np.concatenate([np.repeat(np.arange(388), 100), np.arange(50_429 - 38_800) % 300])
    rank, size = rank_in_class(targets)
    held = -(-size // 10)
    part = (rank >= size - 2 * held).astype(int) + (rank >= size - held)
    return {name: torch.from_numpy(targets[part == k]) for k, name in enumerate(("train", "valid", "test"))}


@pytest.mark.parametrize(
    ("targets", "published"),
    [
        (per_class(47, train=2000, valid=400, test=400), 131_745),
        (per_class(10, train=4000, valid=1000, test=1000), 60_034),
        (faces(), 51_597),
    ],
    ids=["EMNIST", "CIFAR", "FACESCRUB"],
)
def test_published_counts(targets: dict[str, torch.Tensor], published: int) -> None:
    chunks = list(chunks_of(splits(targets)))
    assert entries(chunks) == published
    names = list(chain.from_iterable(chunk.names for chunk in chunks))
    assert len(set(names)) == len(names) == sum(map(len, targets.values()))


def test_the_number_is_that_within_class_and_split() -> None:
    (one, other) = chunks_of(splits({"train": torch.tensor([1, 0, 1]), "test": torch.tensor([1])}))
    assert one.names == ["train/1/0.png", "train/0/0.png", "train/1/1.png"]
    assert other.names == ["test/1/0.png"]


@pytest.mark.parametrize("dataset", ["digits", "cifar10"])
def test_files_equal_the_tensors(dataset: str, experiment: Callable[..., Experiment], tmp_path: Path) -> None:
    made = experiment(f"dataset={dataset}")
    ExportImages(str(tmp_path), ["ImpulseNoise-Swirl", "Contrast"], processes=2)(made, None, tmp_path)
    top = tmp_path / {"digits": "DIGITS", "cifar10": "CIFAR"}[dataset]
    assert {path.name for path in top.iterdir() if path.is_dir()} == {"ImpulseNoise-Swirl", "Contrast"}
    for name, split in made.dataset.splits.items():
        images = quantize(made.corruption.apply(split.inputs, ("ImpulseNoise", "Swirl"), name, split.index))
        rank, _ = rank_in_class(split.targets.numpy())
        for image, target, i in zip(images.numpy(), split.targets.tolist(), rank.tolist(), strict=True):
            file = str(top / f"ImpulseNoise-Swirl/{name}/{target}/{i}.png")
            read = np.atleast_3d(cv2.imread(file, cv2.IMREAD_UNCHANGED))[:, :, ::-1].transpose(2, 0, 1)
            assert np.array_equal(read, image)  # a grey file has one channel
    views = made.views()
    fixed = views._fixed("train", torch.arange(12), "Contrast")  # what cross_entropy trains on
    first = cv2.imread(str(top / "Contrast/train/0/0.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(np.atleast_3d(first)[:, :, ::-1].transpose(2, 0, 1), fixed[0].numpy())


def state(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix in (".png", ".sha256")}


def check(manifest: Path) -> int:
    """How many files of a manifest have their checksum."""
    lines = manifest.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    pairs = [line.split("  ") for line in lines[1:]]
    return sum(hashlib.sha256((manifest.parent / name).read_bytes()).hexdigest() == digest for digest, name in pairs)


def test_the_command_again_writes_only_what_is_missing(tmp_path: Path) -> None:
    first = modrobust(tmp_path, *FEW)
    assert first.code == 0, first.err
    assert not (tmp_path / "outputs/runs").exists()
    top = tmp_path / "outputs/images/DIGITS"
    before = state(top)
    assert [check(top / f"{name}.sha256") for name in LETTERS] == [40, 40]
    assert modrobust(tmp_path, *FEW).code == 0 and state(top) == before
    (top / "Identity/test/3/0.png").unlink()
    assert modrobust(tmp_path, *FEW).code == 0
    assert {name for name, time in state(top).items() if time != before[name]} == {
        str(path) for path in (top / "Identity/test").rglob("*.png")
    }  # all of its chunk
    assert check(top / "Identity.sha256") == 40


def test_an_export_that_was_killed_goes_on(tmp_path: Path) -> None:
    small = ("task=export_images", "corruption.names=[Contrast]", "task.processes=2", "threads=1")
    top = tmp_path / "outputs/images/DIGITS"
    with subprocess.Popen([sys.executable, "-m", "modrobust", *small], cwd=tmp_path) as process:
        while not (partial := top / ".Identity.sha256.partial").exists() or partial.read_text().count("\n") < 2:
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
    assert not (top / "Contrast.sha256").exists()
    known = len((top / ".Identity.sha256.partial").read_text().splitlines()) - 1
    assert known > 0
    kept = state(top)
    ended = modrobust(tmp_path, *small)
    assert ended.code == 0, ended.err
    assert [check(top / f"{name}.sha256") for name in ("Identity", "Contrast")] == [1797, 1797]
    assert not [path for path in top.rglob("*") if path.suffix in (".tmp", ".partial")]
    assert sum(kept.get(name) == time for name, time in state(top).items()) >= known


def test_other_settings_and_other_files_are_refused(tmp_path: Path) -> None:
    assert modrobust(tmp_path, *FEW).code == 0
    other = modrobust(tmp_path, *FEW, "corruption.elemental.ImpulseNoise.severity=1")
    assert other.code == 1 and other.err.count("\n") == 1
    assert "ImpulseNoise holds images of other data, severities or corruption.seed: move it and" in other.err
    foreign = tmp_path / "outputs/images/DIGITS/Identity/train/notes.txt"
    foreign.touch()
    result = modrobust(tmp_path, *FEW)
    assert result.code == 1 and "Identity has 75 entries, not 74: it holds files of something else." in result.err


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("task.compositions=[Contrst]", "there is no corruption 'Contrst'. Did you mean 'Contrast'?"),
        (
            "task.compositions=Contrast",
            "task.compositions=Contrast: a list of compositions, such as [Identity,Contrast-Swirl], or null,",
        ),
        ("task.processes=0", "task.processes=0: a whole number of at least 1, or null, is needed."),
        ("task.folders=x", "There is no key 'task.folders'. Did you mean 'task.folder'?"),
        ("task=export_image", "there is no such task. Did you mean 'export_images'?"),
        ("dataset=boolean", "dataset=boolean has no images with classes"),
    ],
)
def test_bad_input_is_told_in_one_line(tmp_path: Path, override: str, told: str) -> None:
    result = modrobust(tmp_path, "task=export_images", "threads=1", override)
    assert result.code == 1 and result.err.count("\n") == 1
    assert told in result.err


def test_a_worker_waits_for_no_torch() -> None:
    code = "import sys, modrobust.task.png; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

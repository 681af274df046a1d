import io
import os
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from modrobust.dataset.cifar import cifar10
from modrobust.dataset.record import record_of
from modrobust.dataset.splits import Augmentation, ImageDataset
from modrobust.errors import UserError

FOLDER = "cifar-10-batches-py"


class Python2Pickler(pickle._Pickler):
    """Writes byte strings and truth values as Python 2 did, as in the published files."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, obj: bytes) -> None:
        self.write(pickle.BINSTRING + len(obj).to_bytes(4, "little") + obj)
        self.memoize(obj)

    def save_truth(self, obj: bool) -> None:
        self.save(int(obj))

    dispatch[bytes] = save_bytes
    dispatch[bool] = save_truth


def python2_pickle(value: object) -> bytes:
    out = io.BytesIO()
    Python2Pickler(out, protocol=2).dump(value)
    return out.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def batch(n: int, seed: int) -> dict[bytes, Any]:
    draw = np.random.default_rng(seed)
    return {
        b"batch_label": b"a batch",
        b"labels": draw.permutation(np.arange(n) % 10).tolist(),
        b"data": draw.integers(0, 256, (n, 3072)).astype(np.uint8),
        b"filenames": [b"x.png"] * n,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five batches of 20, so 10 images a class, and 10 for testing."""
    (tmp_path / FOLDER).mkdir()
    for i in range(1, 6):
        (tmp_path / FOLDER / f"data_batch_{i}").write_bytes(python2_pickle(batch(20, i)))
    (tmp_path / FOLDER / "test_batch").write_bytes(python2_pickle(batch(10, 0)))
    return tmp_path


def load(root: Path, **keys: Any) -> ImageDataset:
    options = {"num_classes": 10, "image_size": 32, "valid_one_in": 5, **keys}
    return cifar10(root, name="cifar10", mean=[0.5] * 3, std=[0.25] * 3, **options)


def test_splits(root: Path) -> None:
    splits = load(root).splits
    batches = [batch(20, i) for i in range(1, 6)]
    images = np.concatenate([b[b"data"] for b in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([b[b"labels"] for b in batches])
    last = sorted(i for c in range(10) for i in np.flatnonzero(labels == c)[-2:])
    assert splits["valid"].index.tolist() == last
    assert splits["train"].index.tolist() == [i for i in range(100) if i not in last]
    for name in ("train", "valid"):
        assert splits[name].inputs.dtype == torch.uint8 and splits[name].targets.dtype == torch.int64
        assert np.array_equal(splits[name].inputs, images[splits[name].index])
        assert np.array_equal(splits[name].targets, labels[splits[name].index])
    assert np.array_equal(splits["test"].inputs.reshape(10, -1), batch(10, 0)[b"data"])
    assert splits["test"].targets.tolist() == batch(10, 0)[b"labels"]
    assert splits["test"].index.tolist() == list(range(10))


def test_corrupted_images_are_part_of_a_record(root: Path) -> None:
    folder = root / "TINY-C"
    folder.mkdir()
    images = np.zeros((50, 32, 32, 3), np.uint8)
    np.save(folder / "labels.npy", np.arange(50) % 10)
    records = [record_of(load(root))]
    for value in (0, 1):
        images[-1] = value
        np.save(folder / "fog.npy", images)
        records.append(record_of(load(root, corrupted="TINY-C")))
    without, black, other = (record["checksums"] for record in records)
    assert black == without | {"TINY-C": black["TINY-C"]} and black["TINY-C"] != other["TINY-C"]
    assert black["TINY-C"].keys() == {"targets", "Fog"} and records[1]["stamp"] != records[2]["stamp"]


def test_limits_and_augmentation(root: Path) -> None:
    dataset = load(root, n_train=20, augmentation=Augmentation(padding=4, flip=True))
    assert torch.bincount(dataset.splits["train"].targets).tolist() == [2] * 10
    assert dataset.augmentation == Augmentation(4, True)
    assert load(root).augmentation == Augmentation()


def test_newer_pickles_of_arrays_are_read(root: Path) -> None:
    (root / FOLDER / "test_batch").write_bytes(pickle.dumps(batch(10, 0), protocol=4))
    assert load(root).splits["test"].targets.tolist() == batch(10, 0)[b"labels"]


class Malicious:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.reduced


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_does_nothing(root: Path, tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    content = {**batch(20, 1), b"extra": Malicious(os.mkdir, str(trace))}
    (root / FOLDER / "data_batch_3").write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(UserError, match=r"data_batch_3 is not a batch of CIFAR-10: .* asks for \S+, which is not"):
        load(root)
    assert not trace.exists()


@pytest.mark.parametrize("function", [eval, getattr, np.load, np.fromfile])
def test_only_constructors_of_arrays_are_allowed(root: Path, function: Any) -> None:
    (root / FOLDER / "data_batch_1").write_bytes(pickle.dumps(Malicious(function, "1"), protocol=4))
    with pytest.raises(UserError, match=rf"asks for \S*{function.__name__}, which is not allowed"):
        load(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"data": np.zeros((20, 3072), np.float32)}, r"holds images float32 \(20, 3072\): allowed is uint8"),
        ({b"data": np.zeros((20, 100), np.uint8)}, r"holds images uint8 \(20, 100\)"),
        ({b"data": np.zeros((0, 3072), np.uint8), b"labels": []}, r"holds images uint8 \(0, 3072\)"),
        ({b"labels": [0] * 19}, r"holds labels int64 \(19,\) for 20 images"),
        ({b"labels": [0] * 19 + [10]}, "holds the label 10: allowed are 0 to 9"),
        ({b"labels": [0] * 19 + [-1]}, "holds the label -1: allowed are 0 to 9"),
        ({b"labels": ["cat"] * 20}, "holds labels <U3"),
    ],
)
def test_a_wrong_batch_is_named(root: Path, change: dict[bytes, Any], message: str) -> None:
    (root / FOLDER / "data_batch_2").write_bytes(pickle.dumps({**batch(20, 2), **change}, protocol=4))
    with pytest.raises(UserError, match=rf"{root}/{FOLDER}/data_batch_2 {message}"):
        load(root)


@pytest.mark.parametrize("content", [b"", b"<html>", python2_pickle(batch(20, 2))[:5000], python2_pickle({})])
def test_a_damaged_batch_is_named(root: Path, content: bytes) -> None:
    (root / FOLDER / "data_batch_2").write_bytes(content)
    with pytest.raises(UserError, match=rf"{root}/{FOLDER}/data_batch_2 is not a batch of CIFAR-10"):
        load(root)


def test_missing_files_are_downloaded_but_not_unpickled(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision.datasets.utils

    def pretend(url: str, folder: str, md5: str) -> None:
        (root / FOLDER).rename(Path(folder) / FOLDER)

    monkeypatch.setattr(torchvision.datasets.utils, "download_and_extract_archive", pretend)
    elsewhere = tmp_path_factory.mktemp("empty")
    assert len(load(elsewhere).splits["train"]) == 80
    assert (elsewhere / FOLDER / "test_batch").is_file()


def test_other_sizes_are_refused(root: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.image_size is 28: the images of CIFAR-10 have 32"):
        load(root, image_size=28)

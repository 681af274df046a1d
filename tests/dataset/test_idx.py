import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import modrobust.dataset.idx
from modrobust.dataset.idx import idx_images
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError

HALF = [0.5, 0.5, 0.5]
CLASSES = 3


def idx_bytes(values: np.ndarray[Any, Any], code: int = 8) -> bytes:
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, code, values.ndim, *values.shape)
    return head + values.astype(np.uint8).tobytes()


def put(path: Path, content: bytes, packed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if packed:
        path = path.with_name(path.name + ".gz")
        content = gzip.compress(content)
    path.write_bytes(content)


def images_and_labels(n: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    draw = np.random.default_rng(seed)
    return draw.integers(0, 256, (n, 28, 28)), draw.permutation(np.arange(n) % CLASSES)


def write(folder: Path, prefix: str, packed: bool = False) -> None:
    """72 training images (24 a class) and 9 test images."""
    for part, n, seed in ((f"{prefix}train", 72, 0), (f"{prefix}{'test' if prefix else 't10k'}", 9, 1)):
        images, labels = images_and_labels(n, seed)
        put(folder / f"{part}-images-idx3-ubyte", idx_bytes(images), packed)
        put(folder / f"{part}-labels-idx1-ubyte", idx_bytes(labels), packed)


def load(root: Path, source: str = "MNIST", **keys: Any) -> ImageDataset:
    options = {"valid_one_in": 10, "num_classes": CLASSES, "image_size": 28, **keys}
    return idx_images(root, source=source, name="tiny", mean=HALF, std=HALF, **options)


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    write(tmp_path / "MNIST/raw", "")
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("block", [4096, 7])
def test_splits(tmp_path: Path, packed: bool, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modrobust.dataset.idx, "BLOCK", block)
    write(tmp_path / "MNIST/raw", "", packed)
    splits = load(tmp_path).splits
    images, labels = images_and_labels(72, 0)
    last = sorted(i for c in range(CLASSES) for i in np.flatnonzero(labels == c)[-2:])  # 24 // 10 of each class
    assert splits["valid"].index.tolist() == last
    assert splits["train"].index.tolist() == [i for i in range(72) if i not in last]
    assert splits["test"].index.tolist() == list(range(9))
    for name in ("train", "valid"):
        split = splits[name]
        assert split.inputs.dtype == torch.uint8 and split.targets.dtype == torch.int64
        assert np.array_equal(split.inputs[:, 0], images[split.index])
        assert np.array_equal(split.targets, labels[split.index])
    images, labels = images_and_labels(9, 1)
    assert np.array_equal(splits["test"].inputs[:, 0], images)
    assert np.array_equal(splits["test"].targets, labels)


@pytest.mark.parametrize("folder", ["EMNIST/raw", "EMNIST/raw/gzip"])
def test_emnist_is_turned_upright(tmp_path: Path, folder: str) -> None:
    write(tmp_path / folder, "emnist-balanced-", packed=folder.endswith("gzip"))
    splits = load(tmp_path, "EMNIST", variant="balanced", transposed=True, valid_one_in=6).splits
    images, _ = images_and_labels(72, 0)
    assert torch.bincount(splits["valid"].targets).tolist() == [4, 4, 4]
    assert torch.bincount(splits["train"].targets).tolist() == [20, 20, 20]
    for name in ("train", "valid"):
        assert np.array_equal(splits[name].inputs[:, 0], images[splits[name].index].transpose(0, 2, 1))
        assert splits[name].inputs.is_contiguous()


NAMES = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


@pytest.mark.parametrize(
    "form",
    [
        *("MNIST/raw/{dotted}", "MNIST/raw/{dotted}.gz", "MNIST/{name}", "MNIST/{name}.gz", "MNIST/{dotted}"),
        *("MNIST/raw/gzip/{name}", "MNIST/gzip/{name}", "MNIST/gzip/{name}.gz", "MNIST/raw/{name}/{name}"),
        "MNIST/{name}/{dotted}",  # as Kaggle's archive unpacks
    ],
)
def test_names_that_people_have(mnist: Path, form: str) -> None:
    expected = load(mnist).splits["train"].inputs
    (mnist / "MNIST").rename(mnist / "before")
    for name in NAMES:
        content = (mnist / "before/raw" / name).read_bytes()
        path = mnist / form.format(name=name, dotted=name.replace("-idx", ".idx"))
        put(path.with_suffix("") if path.suffix == ".gz" else path, content, packed=path.suffix == ".gz")
    assert torch.equal(load(mnist).splits["train"].inputs, expected)


def test_what_a_browser_unpacked_and_left_its_name(mnist: Path) -> None:
    expected = load(mnist).splits["train"].inputs
    for name in NAMES:
        (mnist / "MNIST/raw" / name).rename(mnist / "MNIST/raw" / f"{name}.gz")
    assert torch.equal(load(mnist).splits["train"].inputs, expected)


def test_limits(mnist: Path) -> None:
    splits = load(mnist, n_train=10, n_valid=3, n_test=4).splits
    assert [len(split) for split in splits.values()] == [10, 3, 4]
    images, _ = images_and_labels(72, 0)
    assert np.array_equal(splits["train"].inputs[:, 0], images[splits["train"].index])
    with pytest.raises(UserError, match=r"dataset.n_test is 10, but split 'test' has 9 examples"):
        load(mnist, n_test=10)


IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"
GOOD, GOOD_LABELS = images_and_labels(72, 0)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (IMAGES, idx_bytes(GOOD)[:-1], "is truncated: its header announces 72x28x28 bytes, found 56447"),
        (IMAGES, idx_bytes(GOOD)[:16], "is truncated: .* found 0"),
        (IMAGES, idx_bytes(GOOD)[:9], "is truncated: it ends inside its header"),
        (IMAGES, idx_bytes(GOOD) + b"x", "is too long: bytes follow the 72x28x28 of its header"),
        (IMAGES, b"", r"is not an IDX file of images"),
        (
            IMAGES,
            b"<html>404</html>",
            r"not an IDX file of images \(idx3-ubyte\): it starts with 3c 68 74 6d",
        ),
        (IMAGES, idx_bytes(GOOD, code=13), "is not an IDX file of images"),
        (IMAGES, idx_bytes(GOOD_LABELS), "is not an IDX file of images"),
        (IMAGES, idx_bytes(GOOD[:, :20, :20]), "holds images of 20x20 pixels: allowed are 28x28"),
        (IMAGES, idx_bytes(GOOD[:70]), "holds 70 images, but its file of labels 72"),
        (LABELS, idx_bytes(GOOD), r"is not an IDX file of labels \(idx1-ubyte\)"),
        (LABELS, idx_bytes(GOOD_LABELS + 1), "holds the label 3: allowed are 0 to 2"),
        (LABELS, idx_bytes(GOOD_LABELS)[:-2], "is truncated: its header announces 72 bytes, found 70"),
        (LABELS, idx_bytes(GOOD_LABELS[:0]), "is empty"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_wrong_file_is_named(mnist: Path, file: str, content: bytes, message: str, packed: bool) -> None:
    put(mnist / "MNIST/raw" / file, content, packed)
    with pytest.raises(UserError, match=rf"{mnist}/MNIST/raw/{file}{'.gz' if packed else ''} .*{message}"):
        load(mnist)


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_corrupt_gzip_is_named(mnist: Path, damage: str) -> None:
    path = mnist / "MNIST/raw" / IMAGES
    packed = gzip.compress(idx_bytes(GOOD))
    middle = len(packed) // 2
    flipped = packed[:middle] + bytes(b ^ 255 for b in packed[middle : middle + 20]) + packed[middle + 20 :]
    path.with_name(path.name + ".gz").write_bytes({"cut": packed[:middle], "flipped": flipped}[damage])
    path.unlink()
    with pytest.raises(UserError, match=rf"{path}.gz can't be read: .*\w"):
        load(mnist)


@pytest.mark.parametrize(
    ("source", "keys", "prefix"),
    [
        ("MNIST", {}, ""),
        ("FashionMNIST", {}, ""),
        ("EMNIST", {"variant": "balanced", "transposed": True}, "emnist-balanced-"),
    ],
)
def test_missing_files_come_from_torchvision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, keys: dict[str, Any], prefix: str
) -> None:
    import torchvision

    calls = []

    def pretend(folder: Path, **options: Any) -> None:
        calls.append(options)
        write(Path(folder) / source / "raw", prefix)

    monkeypatch.setattr(torchvision.datasets, source, pretend)
    first = load(tmp_path, source, **keys)
    again = load(tmp_path, source, **keys)
    expected = {"download": True} | ({"split": "balanced"} if "variant" in keys else {})
    assert calls == [expected]
    assert torch.equal(first.splits["train"].inputs, again.splits["train"].inputs)


def test_missing_files_without_internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    def offline(folder: Path, download: bool) -> None:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(torchvision.datasets, "MNIST", offline)
    with pytest.raises(UserError, match=rf"{IMAGES}, {LABELS}, t10k.* not found in {tmp_path}/MNIST/raw.*NAME.gz"):
        load(tmp_path)


@pytest.mark.parametrize("keys", [{"mean": [0.5]}, {"std": [0.5, 0.0, 0.5]}])
def test_mean_and_std_are_three_numbers(mnist: Path, keys: dict[str, list[float]]) -> None:
    values = {"mean": HALF, "std": HALF, **keys}
    with pytest.raises(UserError, match=r"allowed are three numbers each"):
        idx_images(mnist, source="MNIST", name="tiny", num_classes=3, image_size=28, valid_one_in=10, **values)

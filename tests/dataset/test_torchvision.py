"""torchvision's data sets, from small files in their true formats; only their checksums are not asked for."""

import csv
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision
from PIL import Image
from scipy.io import savemat

from modrobust.dataset.splits import ImageDataset
from modrobust.dataset.torchvision import torchvision_images
from modrobust.errors import UserError

CLASSES, EACH = 3, 4
LABELS = np.arange(CLASSES * EACH) % CLASSES


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets.utils, "check_md5", lambda *args, **keys: True)


def load(root: Path, source: str, **keys: Any) -> ImageDataset:
    options = {"image_size": None, "grey": False, "background": [255] * 3, "num_classes": None, "name": source}
    division = {"valid_fraction": 0.25, "test_fraction": 0.25, "split_seed": 0, "mean": None, "std": None}
    return torchvision_images(root, source=source, **{"options": {}, **options, **division, **keys})


def pixels(*shape: int, shift: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Images (N, *shape) of one value each: 20 times the place, and a shift that tells splits apart."""
    values = np.arange(len(LABELS)).reshape(-1, *[1] * len(shape)) * 20 + shift
    return np.broadcast_to(values, (len(LABELS), *shape)).astype(np.uint8)


def svhn(root: Path) -> None:
    for shift, split in enumerate(("train", "test")):
        images = pixels(32, 32, 3, shift=shift).transpose(1, 2, 3, 0)
        savemat(root / f"{split}_32x32.mat", {"X": images, "y": np.where(LABELS == 0, 10, LABELS)[:, None]})


def kmnist(root: Path) -> None:
    raw = root / "KMNIST/raw"
    raw.mkdir(parents=True)
    for shift, split in enumerate(("train", "t10k")):
        header = struct.pack(">BBBBIII", 0, 0, 8, 3, len(LABELS), 28, 28)
        (raw / f"{split}-images-idx3-ubyte").write_bytes(header + pixels(28, 28, shift=shift).tobytes())
        header = struct.pack(">BBBBI", 0, 0, 8, 1, len(LABELS))
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(header + LABELS.astype(np.uint8).tobytes())


def cifar100(root: Path) -> None:
    folder = root / "cifar-100-python"
    folder.mkdir()
    for shift, split in enumerate(("train", "test")):
        content = {"data": pixels(3 * 32 * 32, shift=shift).copy(), "fine_labels": LABELS.tolist()}
        (folder / split).write_bytes(pickle.dumps(content, protocol=2))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["apple", "bee", "crab"]}, protocol=2))


def stl10(root: Path) -> None:
    folder = root / "stl10_binary"
    folder.mkdir()
    for shift, split in enumerate(("train", "test")):
        (folder / f"{split}_X.bin").write_bytes(pixels(3, 96, 96, shift=shift).tobytes())
        (folder / f"{split}_y.bin").write_bytes((LABELS + 1).astype(np.uint8).tobytes())
    (folder / "unlabeled_X.bin").touch()
    (folder / "class_names.txt").write_text("airplane\nbird\ncar\n")


def gtsrb(root: Path) -> None:
    folder = root / "gtsrb"
    (folder / "GTSRB/Final_Test/Images").mkdir(parents=True)
    rows = []
    for i, label in enumerate(LABELS.tolist()):
        place = folder / f"GTSRB/Training/{label:05d}/{i:05d}.ppm"
        place.parent.mkdir(parents=True, exist_ok=True)
        size = (20 + i, 30 - i)
        Image.new("RGB", size, (20 * i,) * 3).save(place)
        Image.new("RGB", size, (20 * i + 1,) * 3).save(folder / f"GTSRB/Final_Test/Images/{i:05d}.ppm")
        rows.append({"Filename": f"{i:05d}.ppm", "ClassId": label})
    with (folder / "GT-final_test.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["Filename", "ClassId"], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def flowers102(root: Path) -> None:
    folder = root / "flowers-102"
    (folder / "jpg").mkdir(parents=True)
    for i in range(3 * len(LABELS)):
        level = 20 * (i % len(LABELS)) + i // len(LABELS)
        Image.new("RGB", (20 + i, 30), (level,) * 3).save(folder / f"jpg/image_{i + 1:05d}.jpg", quality=100)
    savemat(folder / "imagelabels.mat", {"labels": np.tile(LABELS, 3) + 1})
    thirds = np.arange(1, 3 * len(LABELS) + 1).reshape(3, -1)
    savemat(folder / "setid.mat", dict(zip(("trnid", "tstid", "valid"), thirds, strict=True)))


TRUE_FORMATS: dict[str, tuple[Callable[[Path], None], tuple[int, int] | None, list[str]]] = {
    "SVHN": (svhn, (32, 32), ["0", "1", "2"]),
    "KMNIST": (kmnist, (28, 28), ["o", "ki", "su"]),
    "CIFAR100": (cifar100, (32, 32), ["apple", "bee", "crab"]),
    "STL10": (stl10, (96, 96), ["airplane", "bird", "car"]),
    "GTSRB": (gtsrb, None, ["0", "1", "2"]),
    "Flowers102": (flowers102, None, ["pink primrose", "hard-leaved pocket orchid", "canterbury bells"]),
}


@pytest.mark.parametrize("source", TRUE_FORMATS)
def test_images_and_classes(tmp_path: Path, source: str) -> None:
    make, size, classes = TRUE_FORMATS[source]
    make(tmp_path)
    dataset = load(tmp_path, source, image_size=None if size else [16, 12])
    assert dataset.image_size == (size or (16, 12))
    assert dataset.num_classes == CLASSES and [name.lower() for name in dataset.classes] == classes
    has_valid = source == "Flowers102"
    counts = {name: split.targets.bincount().tolist() for name, split in dataset.splits.items()}
    assert counts == {"train": [4 if has_valid else 3] * 3, "valid": [4 if has_valid else 1] * 3, "test": [4] * 3}
    for name, split in dataset.splits.items():
        shift = {"train": 0, "test": 1, "valid": 2 if has_valid else 0}[name]
        level, place = split.inputs[:, 0, 5, 5].long().numpy(), split.index.numpy()
        by_class = source == "GTSRB" and name != "test"  # folders of classes, one after the other
        made = np.argsort(LABELS, kind="stable")[place] if by_class else place
        assert np.abs(level - 20 * made - shift).max() <= 1
        assert (split.targets.numpy() == LABELS[made]).all()
    assert dataset.files and all(path.exists() and path.is_relative_to(tmp_path) for path in dataset.files)


def test_read_from_the_cache_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gtsrb(tmp_path)
    first = load(tmp_path, "GTSRB", image_size=8)
    monkeypatch.setattr("modrobust.dataset.image_cache.write", None)
    again = load(tmp_path, "GTSRB", image_size=8)
    assert all((again.splits[name].inputs == first.splits[name].inputs).all() for name in first.splits)


def test_images_of_many_sizes_need_one(tmp_path: Path) -> None:
    gtsrb(tmp_path)
    with pytest.raises(UserError, match=r"train image \d+ has \d+x\d+ pixels, and train image \d+ .*: set dataset"):
        load(tmp_path, "GTSRB")


def test_what_cannot_be_had_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^dataset.source=SVNH: allowed are CIFAR10, .*\. Did you mean 'SVHN'\?$"):
        load(tmp_path, "SVNH")

    def no_network(*args: Any, **keys: Any) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", no_network)
    line = r"^SVHN can't be read \(Dataset not found or corrupted\.\) and the download failed \(OSError: Name or"
    with pytest.raises(UserError, match=rf"{line} service not known\): put the files below {tmp_path} as .* internet$"):
        load(tmp_path, "SVHN")
    with pytest.raises(UserError, match=r"^FER2013 can't be read \(.*\): put the files below .*torchvision.datasets"):
        load(tmp_path, "FER2013")
    svhn(tmp_path)
    with pytest.raises(UserError, match=r"^dataset.options=.*: torchvision.datasets.SVHN: .*fold"):
        load(tmp_path, "SVHN", options={"fold": 1})


def test_every_source_is_torchvision_s() -> None:
    from modrobust.dataset.torchvision import SOURCES

    assert set(SOURCES) <= set(torchvision.datasets.__all__)

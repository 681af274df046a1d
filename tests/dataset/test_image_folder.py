"""A folder of images: found, divided, decoded once, described; what is wrong with it is one line."""

import os
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import modrobust.dataset.image_cache
from modrobust.dataset.image_folder import image_folder
from modrobust.dataset.record import record_of
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError

CLASSES = ("cats", "dogs", "eels")


def put(path: Path, level: int, size: tuple[int, int] = (12, 10)) -> None:
    """An image of one colour, which says which it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 255 - level, 100)).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty images a class, one in a folder below its class's, beside files that are no images."""
    folder = tmp_path / "photos"
    for k, name in enumerate(CLASSES):
        for i in range(20):
            put(folder / name / ("deeper/0.png" if i == 0 else f"{i}.png"), 80 * k + 4 * i, (12 + i % 3, 10))
    for strange in (".DS_Store", "cats/.hidden.png", "cats/list.txt", "loose.png"):
        (folder / strange).write_text("no image")
    (folder / ".git").mkdir()
    return folder


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each writing of a cache had."""
    seen: list[int] = []
    write = modrobust.dataset.image_cache.write

    def count(out: Any, beside: Path, names: Any, *arguments: Any) -> None:
        seen.append(len(names))
        write(out, beside, names, *arguments)

    monkeypatch.setattr(modrobust.dataset.image_cache, "write", count)
    return seen


def load(folder: Path, **keys: Any) -> ImageDataset:
    options = {"image_size": [8, 9], "grey": False, "background": [255] * 3, "num_classes": None, "name": "photos"}
    division = {"valid_fraction": 0.15, "test_fraction": 0.2, "split_seed": 0, "mean": None, "std": None}
    return image_folder(folder.parent, folder=str(folder), **{**options, **division, **keys})


def levels(dataset: ImageDataset) -> dict[str, list[int]]:
    return {name: split.inputs[:, 0, 4, 4].tolist() for name, split in dataset.splits.items()}


def test_classes_splits_and_pixels(photos: Path) -> None:
    dataset = load(photos)
    assert (dataset.num_classes, dataset.classes, dataset.image_size) == (3, CLASSES, (8, 9))
    counts = {name: split.targets.bincount().tolist() for name, split in dataset.splits.items()}
    assert counts == {"train": [13] * 3, "valid": [3] * 3, "test": [4] * 3}
    places = torch.cat([split.index for split in dataset.splits.values()])
    assert places.sort().values.tolist() == list(range(60))
    for split in dataset.splits.values():
        assert split.inputs.shape == (len(split), 3, 8, 9)
        assert ((split.inputs[:, 0, 4, 4] // 4 - 20 * split.targets) < 20).all()
        assert (split.index // 20 == split.targets).all()


def test_the_division_follows_seed_and_names_alone(photos: Path) -> None:
    before = levels(load(photos))
    assert levels(load(photos, split_seed=1)) != before
    moved = photos.with_name("elsewhere")
    shutil.copytree(photos, moved)
    assert levels(load(moved)) == before
    put(photos / "cats/new.png", 250)
    after = levels(load(photos))
    assert all(len({*before[split]} - {*after[split]}) <= 1 for split in before)


def test_facts_are_found(photos: Path) -> None:
    dataset = load(photos)
    train = dataset.splits["train"].inputs.double() / 255
    assert dataset.mean == pytest.approx(train.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert dataset.std[:2] == pytest.approx(train.std((0, 2, 3), correction=0).tolist()[:2], abs=1e-12)
    assert dataset.std[2] == 1 / 255  # one value only: nothing to divide by
    assert load(photos, mean=[0, 0, 0], std=[1, 1, 1]).mean == (0, 0, 0)
    record = record_of(dataset)
    assert record["classes"]["dogs"] == {"train": 13, "valid": 3, "test": 4}
    assert record["passed_over"] == {"hidden": 3, "foreign": 2}
    assert record["division"] == "valid and test by dataset.split_seed"
    assert record["checksums"]["test"]["n"] == 12
    assert record_of(load(photos, grey=True))["num_classes"] == 3
    assert load(photos, grey=True).splits["test"].inputs.shape == (12, 1, 8, 9)


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (("train", "valid", "test"), {"train": 20, "valid": 20, "test": 20}),
        (("train", "val"), {"train": 16, "valid": 20, "test": 4}),
        (("Training", "TEST"), {"train": 17, "valid": 3, "test": 20}),
        (("train",), {"train": 13, "valid": 3, "test": 4}),
    ],
    ids=str,
)
def test_folders_of_splits(photos: Path, names: tuple[str, ...], counts: dict[str, int]) -> None:
    folder = photos.with_name("with_splits")
    for name in names:
        shutil.copytree(photos, folder / name, ignore=shutil.ignore_patterns("loose.png"))
    dataset = load(folder)
    assert {name: len(split) // 3 for name, split in dataset.splits.items()} == counts
    assert dataset.classes == CLASSES


def test_a_class_may_be_called_train(photos: Path) -> None:
    (photos / "cats").rename(photos / "train")
    shutil.rmtree(photos / "train/deeper")
    assert load(photos).classes == ("dogs", "eels", "train")


def test_images_in_two_splits_are_named(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = photos.with_name("with_splits")
    for name in ("train", "test"):
        shutil.copytree(photos, folder / name)
    put(folder / "test/eels/7.png", 3)
    dataset = load(folder)
    assert dataset.notes["in_two_splits"] == 59
    assert "images in two splits: " in caplog.text and ", and 54 more" in caplog.text
    assert "test/cats/1.png (test) is train/cats/1.png (" in caplog.text
    assert "in_two_splits" not in load(photos).notes


def test_all_of_one_size_can_stay_as_they_are(photos: Path) -> None:
    with pytest.raises(UserError, match=r"^\S+png has \d+x10 pixels, and .*: set dataset.image_size to a size"):
        load(photos, image_size=None)
    for path in photos.rglob("*.png"):
        if not path.name.startswith((".", "loose")):
            put(path, 9, (12, 10))
    assert load(photos, image_size=None).image_size == (10, 12)


def test_decoded_once_and_again_when_the_folder_changes(photos: Path, writes: list[int]) -> None:
    cache = photos.parent / "cache"
    load(photos)
    load(photos, n_train=9)
    assert writes == [60] and len([*cache.rglob("*.npy")]) == 1
    load(photos, split_seed=1)
    load(photos)
    assert writes == [60, 60] and len([*cache.rglob("*.npy")]) == 2  # both divisions are kept
    put(photos / "cats/1.png", 255)
    os.utime(photos / "cats/1.png", ns=(1, 1))
    assert any(255 in seen for seen in levels(load(photos)).values())
    assert writes == [60] * 3 and len([*cache.rglob("*.npy")]) == 1  # those of the old images are gone


def test_runs_that_start_together_decode_once(photos: Path, writes: list[int]) -> None:
    runs = [threading.Thread(target=load, args=(photos,)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert writes == [60]


def test_where_data_is_read_only_the_cache_is_the_user_s(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(photos.parent / "home"))
    load(photos)
    assert not (photos.parent / "cache").exists()
    (cache,) = (photos.parent / "home/modrobust").rglob("*.npy")
    (photos.parent / "cache").mkdir()
    shutil.move(cache.parent, photos.parent / "cache")  # decoded by who could write there
    load(photos)
    assert not [*(photos.parent / "home/modrobust").rglob("*.npy")]


def test_a_truncated_image_is_named(photos: Path) -> None:
    path = photos / "dogs/5.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(UserError, match=r"photos: dogs/5.jpg is not a whole image: OSError: .*truncated"):
        load(photos)
    path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"photos: dogs/5.jpg can't be read: UnidentifiedImageError"):
        load(photos)


def emptied(photos: Path) -> None:
    shutil.rmtree(photos)
    photos.mkdir()


def without_images(photos: Path) -> None:
    emptied(photos)
    (photos / "cats").mkdir()
    for name in ("a.txt", "b.csv"):
        (photos / "cats" / name).touch()


def only_loose(photos: Path) -> None:
    emptied(photos)
    put(photos / "1.png", 0)


def one_class(photos: Path) -> None:
    shutil.rmtree(photos / "dogs")
    shutil.rmtree(photos / "eels")


def one_image_a_class(photos: Path) -> None:
    emptied(photos)
    for name in CLASSES:
        put(photos / name / "1.png", 0)


def beside_splits(photos: Path) -> None:
    shutil.copytree(photos / "cats", photos / "train/cats")


def new_class(photos: Path) -> None:
    emptied(photos)
    for i, place in enumerate(["train/cats", "train/dogs", "test/elks"] * 3):
        put(photos / place / f"{i}.png", 0)


BAD = {
    shutil.rmtree: r"dataset.folder=\S+photos: \S+photos does not exist",
    emptied: r"\S+photos holds no images in folders of classes, such as cats/1.jpg, but no files at all",
    without_images: r"\S+ holds no images in folders of classes, .*, but 2 other files, such as cats/a.txt",
    only_loose: r"\S+ holds no images in folders of classes, .*, but one other file, 1.png",
    one_class: r"\S+photos has one class, cats: at least two are needed",
    one_image_a_class: r"\S+photos: class cats has 1 image for training: at least 3 are needed, for train, .*",
    beside_splits: r"\S+ holds folders of splits \(train\) and others beside them \(cats, dogs, eels\): give one or .*",
    new_class: r"\S+photos: class elks of test has no images in train",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_bad_folder_is_one_line(photos: Path, spoil: Any) -> None:
    spoil(photos)
    with pytest.raises(UserError, match=f"^{BAD[spoil]}$"):
        load(photos)


def test_a_folder_that_cannot_be_read(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=r"^\S+photos can't be read: Permission denied$"):
        load(photos)


def test_fractions_and_classes_must_fit(photos: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.valid_fraction=0.5 and dataset.test_fraction=0.5 leave class"):
        load(photos, valid_fraction=0.5, test_fraction=0.5)
    with pytest.raises(UserError, match=r"has 3 classes: dataset.num_classes=4 \(null for any number\)"):
        load(photos, num_classes=4)
    assert Counter(load(photos, num_classes=3).splits["test"].targets.tolist()) == {0: 4, 1: 4, 2: 4}

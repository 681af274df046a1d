import errno
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import modrobust.dataset.facescrub
import modrobust.dataset.image_cache
from modrobust.dataset.facescrub import facescrub
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError

COUNTS = (11, 20, 29)  # 60 photos; 2, 2 and 3 of them are test


def photo(path: Path, level: int, size: tuple[int, int] = (100, 100)) -> None:
    """A photo of one colour, which says who and which it is."""
    Image.new("RGB", size, (level, 255 - level, 100)).save(path, quality=95)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "FaceScrub"
    folder.mkdir()
    for identity, count in enumerate(COUNTS):
        for number in range(1, count + 1):
            photo(folder / f"{100 + identity}_{number}.jpg", 80 * identity + 2 * number)
    return tmp_path


def load(root: Path, **keys: Any) -> ImageDataset:
    options = {"num_classes": 3, "n_images": 60, "image_size": 100, **keys}
    return facescrub(root, name="facescrub", mean=[0.5] * 3, std=[0.5] * 3, **options)


def caches(root: Path) -> list[Path]:
    return sorted((root / "cache").glob("*.npy"))


def test_splits_by_number_within_an_identity(root: Path) -> None:
    splits = load(root).splits
    assert {name: torch.bincount(split.targets).tolist() for name, split in splits.items()} == {
        "train": [7, 16, 23],
        "valid": [2, 2, 3],
        "test": [2, 2, 3],
    }
    assert splits["test"].index.tolist() == [9, 10, 29, 30, 57, 58, 59]
    assert splits["valid"].index.tolist() == [7, 8, 27, 28, 54, 55, 56]
    first = np.cumsum([0, *COUNTS])
    for split in splits.values():
        assert split.inputs.dtype == torch.uint8 and split.inputs.shape == (len(split), 3, 100, 100)
        number = split.index - torch.from_numpy(first)[split.targets] + 1  # 10 after 9, not after 1
        level = 80 * split.targets + 2 * number
        assert (split.inputs[:, 0, 50, 50] - level).abs().max() <= 3
        assert (split.inputs[:, 2, 0, 99].int() - 100).abs().max() <= 3


def test_inputs_stay_mapped_and_the_file_stays_as_it_is(root: Path) -> None:
    splits = load(root).splits
    pointers = [split.inputs.data_ptr() for split in splits.values()]
    lengths = [split.inputs.numel() for split in splits.values()]
    assert pointers[1] - pointers[0] == lengths[0] and pointers[2] - pointers[1] == lengths[1]
    maps = Path("/proc/self/maps")
    if maps.exists():
        ranges = [
            line.split()[0].split("-")
            for line in maps.read_text(encoding="utf-8").splitlines()
            if str(caches(root)[0]) in line
        ]
        assert any(int(low, 16) <= pointers[0] < int(high, 16) for low, high in ranges)
    before = caches(root)[0].read_bytes()
    splits["train"].inputs.zero_()
    assert caches(root)[0].read_bytes() == before


def test_the_cache_is_made_once_and_again_when_a_photo_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Path] = []
    decode = modrobust.dataset.facescrub.decode

    def count(file: Path, *size: int) -> Any:
        decoded.append(file)
        return decode(file, *size)

    monkeypatch.setattr(modrobust.dataset.facescrub, "decode", count)
    load(root)
    load(root, n_train=5)
    assert len({*decoded}) == 60 and len(decoded) == 61  # the first tells the shape, too
    old = caches(root)
    photo(root / "FaceScrub/101_20.jpg", 250)
    os.utime(root / "FaceScrub/101_20.jpg", ns=(1, 1))
    (root / "cache/.facescrub-0123.npy.1.tmp").write_text("left by a killed run")
    changed = load(root).splits["test"]
    assert len(decoded) == 122
    assert changed.inputs[changed.index == 30][0, 0, 0, 0] > 240
    assert len(caches(root)) == 1 and caches(root) != old
    assert [path.name for path in (root / "cache").glob(".*.tmp")] == []


def test_parallel_runs_decode_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    write = modrobust.dataset.image_cache.write

    def count(*arguments: Any) -> None:
        writes.append(1)
        write(*arguments)

    monkeypatch.setattr(modrobust.dataset.image_cache, "write", count)
    runs = [threading.Thread(target=load, args=(root,)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(writes) == 1


def test_photos_larger_by_one_lose_their_last_row_and_column(root: Path) -> None:
    image = np.full((101, 101, 3), 200, np.uint8)
    image[:, 100] = image[100] = 0
    Image.fromarray(image).save(root / "FaceScrub/100_1.jpg", quality=100, subsampling=0)
    first = load(root).splits["train"].inputs[0]
    assert first[:, :96, :96].min() > 190
    assert first[:, -1, -1].min() > 150


def test_grey_photos_become_rgb(root: Path) -> None:
    Image.new("L", (100, 100), 77).save(root / "FaceScrub/100_1.jpg")
    assert load(root).splits["train"].inputs[0].unique().tolist() == [77]


@pytest.mark.parametrize("size", [(102, 100), (100, 99), (300, 300)])
def test_a_photo_of_another_size_is_named(root: Path, size: tuple[int, int]) -> None:
    photo(root / "FaceScrub/101_7.jpg", 0, size)
    with pytest.raises(UserError, match=rf"101_7.jpg has {size[0]}x{size[1]} pixels: allowed are 100x100, and one"):
        load(root)
    assert caches(root) == []


@pytest.mark.parametrize("keep", [0, 0.2, 0.7])
def test_a_truncated_photo_is_named(root: Path, keep: float) -> None:
    path = root / "FaceScrub/102_9.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(UserError, match=r"102_9.jpg is not a whole image"):
        load(root)
    assert [path.name for path in (root / "cache").iterdir()] == [".facescrub.lock"]
    photo(path, 9)
    assert len(load(root).splits["train"]) == 46


@pytest.mark.parametrize("name", ["100_x.jpg", "Tom_Hanks.jpg", "100_1.png", "100_1.jpg.part"])
def test_a_strange_name_is_named(root: Path, name: str) -> None:
    (root / "FaceScrub" / name).touch()
    with pytest.raises(UserError, match=rf"{root}/FaceScrub holds {name}: allowed are names <identity>_<number>.jpg"):
        load(root)


def test_hidden_files_are_left_alone(root: Path) -> None:
    (root / "FaceScrub/.DS_Store").touch()
    assert len(load(root).splits["train"]) == 46


def test_wrong_identities_and_counts_are_named(root: Path) -> None:
    with pytest.raises(UserError, match=r"missing 103, 104, 105, 106, 107 and 3 more: .*=11 expects 100 to 110"):
        load(root, num_classes=11)
    with pytest.raises(UserError, match=r"holds 3 identities, surplus 101, 102: .*num_classes=1 expects 100 to 100"):
        load(root, num_classes=1)
    with pytest.raises(UserError, match=r"holds 60 photos: dataset.n_images expects 61 \(null for any number\)"):
        load(root, n_images=61)
    assert len(load(root, n_images=None).splits["train"]) == 46


def test_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"paths.data is .*nowhere, which does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=rf"{tmp_path}/FaceScrub not found: .* on request only .* by hand"):
        load(tmp_path)


def test_a_cache_that_cannot_be_written(root: Path) -> None:
    (root / "cache").touch()
    with pytest.raises(UserError, match=rf"{root}/cache can't be written \(.+\): .* need 0.0018 GB"):
        load(root)


def test_a_full_disk_leaves_no_cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"disk is full"):
        load(root)
    assert [path.name for path in (root / "cache").iterdir()] == [".facescrub.lock"]


def test_a_damaged_cache_is_named(root: Path) -> None:
    load(root)
    path = caches(root)[0]
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=rf"{path} is damaged .*: delete it"):
        load(root)

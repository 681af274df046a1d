"""Parquet and Arrow files: columns and splits found, pixels kept; what is wrong is one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modrobust.dataset.huggingface import huggingface
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def load(path: Path | str, **keys: Any) -> ImageDataset:
    options = {"image_size": None, "grey": False, "background": [255] * 3, "num_classes": None, "name": "mine"}
    division = {"valid_fraction": 0.25, "test_fraction": 0.25, "split_seed": 0, "mean": None, "std": None}
    columns = {"config": None, "image_column": None, "label_column": None}
    root = path.parent if isinstance(path, Path) else Path("nowhere")
    return huggingface(root, path=str(path), **{**options, **division, **columns, **keys})


def table(shift: int = 0, n: int = 12) -> Any:
    """Twelve images of 6x5 pixels and of one value each, 20 times the place and a shift; three classes by turns."""
    images = [Image.fromarray(np.full((5, 6, 3), 20 * i + shift, np.uint8)) for i in range(n)]
    features = datasets.Features(
        {"id": datasets.Value("int64"), "picture": datasets.Image(), "kind": datasets.ClassLabel(names=["a", "b", "c"])}
    )
    rows = {"id": list(range(n)), "picture": images, "kind": [i % 3 for i in range(n)]}
    return datasets.Dataset.from_dict(rows, features=features)


def one_parquet(folder: Path) -> Path:
    table().to_parquet(folder / "all.parquet")
    return folder / "all.parquet"


def one_arrow(folder: Path) -> Path:
    table().save_to_disk(folder / "saved")
    return next((folder / "saved").glob("*.arrow"))


def saved(folder: Path) -> Path:
    table().save_to_disk(folder / "saved")
    return folder / "saved"


def saved_splits(folder: Path) -> Path:
    datasets.DatasetDict({"train": table(), "validation": table(1), "test": table(2)}).save_to_disk(folder / "saved")
    return folder / "saved"


def folder_of_parquet(folder: Path) -> Path:
    for shift, name in enumerate(("train", "validation", "test")):
        (folder / "data").mkdir(exist_ok=True)
        table(shift).to_parquet(folder / f"data/{name}-00000-of-00001.parquet")
    return folder / "data"


WHOLE, SPLIT = {"train": 6, "valid": 3, "test": 3}, {"train": 12, "valid": 12, "test": 12}


@pytest.mark.parametrize(
    ("make", "sizes"),
    [(one_parquet, WHOLE), (one_arrow, WHOLE), (saved, WHOLE), (saved_splits, SPLIT), (folder_of_parquet, SPLIT)],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_images_classes_and_splits(tmp_path: Path, make: Callable[[Path], Path], sizes: dict[str, int]) -> None:
    dataset = load(make(tmp_path))
    assert (dataset.classes, dataset.image_size) == (("a", "b", "c"), (5, 6))
    assert {name: len(split) for name, split in dataset.splits.items()} == sizes
    for shift, split in enumerate(dataset.splits.values()):
        level = 20 * split.index + (shift if sizes is SPLIT else 0)
        assert (split.inputs[:, 1, 2, 3] == level).all() and (split.targets == split.index % 3).all()


def test_plain_columns_of_bytes_and_texts(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = table().cast_column("picture", datasets.Image(decode=False))
    content = [one["bytes"] for one in rows["picture"]]
    plain = pyarrow.table({"image": content, "label": ["zebra", "ant", "mole"] * 4})
    parquet.write_table(plain, tmp_path / "plain.parquet")
    dataset = load(tmp_path / "plain.parquet")
    assert dataset.classes == ("ant", "mole", "zebra")
    test = dataset.splits["test"]
    assert (test.inputs[:, 0, 0, 0] == 20 * test.index).all()
    assert [("zebra", "ant", "mole")[i % 3] for i in test.index] == [dataset.classes[k] for k in test.targets]
    assert load(tmp_path / "plain.parquet", image_column="image", label_column="label").num_classes == 3


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    path = one_parquet(tmp_path)
    with pytest.raises(UserError, match=r"^dataset.label_column=kinds: \S+ has id, picture, kind. Did you mean 'kind'"):
        load(path, label_column="kinds")
    table().remove_columns("kind").to_parquet(tmp_path / "none.parquet")
    with pytest.raises(UserError, match=r"^dataset.label_column=null: \S+ has id, picture: name one of them$"):
        load(tmp_path / "none.parquet")
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(UserError, match=r"^dataset.path=\S+: it can't be read \(\w+: [^\n]*\)$"):
        load(tmp_path / "broken.parquet")
    (tmp_path / "table.csv").touch()
    with pytest.raises(UserError, match=r"^dataset.path=\S+: a file ends in .parquet or .arrow$"):
        load(tmp_path / "table.csv")
    with pytest.raises(UserError, match=r"^dataset.path=someone/pictures: there is no \S+, and the hub can't be asked"):
        load("someone/pictures")

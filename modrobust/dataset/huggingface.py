"""Images with classes that the library `datasets` reads: parquet and Arrow files, and the hub's by name."""

import logging
from collections.abc import Callable, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from modrobust.dataset.image_cache import cache_folders
from modrobust.dataset.image_files import SPLITS
from modrobust.dataset.labels import as_classes
from modrobust.dataset.source import Source, dataset_of
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError, nearest
from modrobust.store.stamp import stamp_of

LABELS = ("label", "labels", "class", "target", "fine_label", "category")
"""What people call the column of classes, where its kind does not tell."""
ENDINGS = {".parquet": "parquet", ".arrow": "arrow"}


def huggingface(
    root: Path,
    *,
    path: str,
    config: str | None,
    image_column: str | None,
    label_column: str | None,
    content: str | None = None,
    **properties: Any,
) -> ImageDataset:
    """A parquet or Arrow file, a folder of such (also one that `save_to_disk` wrote), or a data set of the hub.

    Its splits are kept; what is missing of valid and test is taken from train, and what is all one split is divided.

    Args:
        root: the folder `paths.data`.
        path: of the file or folder, or the name on the hub, such as ylecun/mnist.
        config: which variant, where the hub has several.
        image_column, label_column: their names; None: the column of images, and that of classes.
        content: names the files in a run's hash; not used here.
        properties: see `dataset_of`.

    Raises:
        UserError: the library is not installed, the data can't be had or read, or has no such columns.
    """
    local = Path(path).expanduser()
    tables = _tables(path, local, config)
    picture, label = _columns(next(iter(tables.values())), image_column, label_column, path)
    feature = next(iter(tables.values())).features[label]
    given = {split: np.array(table[label][:]) for split, table in tables.items()}
    labels, classes = as_classes(given, getattr(feature, "names", None), path)
    files = (local.absolute(),) if local.exists() else None
    stamp = stamp_of(files) if files else sha256("".join(table._fingerprint for table in tables.values()).encode())
    return dataset_of(
        {
            split: Source(labels[split], [f"{split} image {i}" for i in range(len(table))], _image(table, picture))
            for split, table in tables.items()
        },
        classes,
        where=path,
        caches=cache_folders(root, f"huggingface-{sha256(str(path).encode()).hexdigest()[:6]}"),
        stamp=stamp if isinstance(stamp, str) else stamp.hexdigest()[:10],
        notes={},
        files=files,
        **properties,
    )


def _tables(path: str, local: Path, config: str | None) -> Mapping[str, Any]:
    """The tables of all splits, by our names of them."""
    try:
        import datasets
    except ImportError as error:
        raise UserError("dataset=huggingface needs the library: pip install -e '.[huggingface]'") from error
    datasets.disable_progress_bars()
    for name in ("datasets", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is told below
    try:
        if (local / "dataset_dict.json").exists() or (local / "state.json").exists():
            found = datasets.load_from_disk(str(local))
        elif local.is_file():
            kind = ENDINGS.get(local.suffix)
            if kind is None:
                raise UserError(f"dataset.path={path}: a file ends in {' or '.join(ENDINGS)}")
            found = datasets.load_dataset(kind, data_files=str(local))
        else:
            found = datasets.load_dataset(str(local) if local.is_dir() else path, config)
    except UserError:
        raise
    except Exception as error:  # of the library, of the network
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        hub = f"there is no {local.absolute()}, and the hub can't be asked"
        place = "it can't be read" if local.exists() else hub
        raise UserError(f"dataset.path={path}: {place} ({why})") from error
    tables = dict(found) if isinstance(found, dict) else {"train": found}
    named = {SPLITS[name.lower()]: table for name, table in tables.items() if name.lower() in SPLITS}
    if "train" in named:
        return {split: named[split] for split in ("train", "valid", "test") if split in named}
    if len(tables) > 1:
        raise UserError(f"dataset.path={path}: a split train is needed, it has {', '.join(tables)}")
    return {"train": next(iter(tables.values()))}


def _columns(table: Any, image: str | None, label: str | None, path: str) -> tuple[str, str]:
    """The names of the columns of images and of classes."""
    kinds = {name: type(feature).__name__ for name, feature in table.features.items()}
    images = [name for name, kind in kinds.items() if kind == "Image"] or [
        name for name in ("image", "img") if name in kinds
    ]
    labels = [name for name, kind in kinds.items() if kind == "ClassLabel"] or [
        name for name in LABELS if name in kinds
    ]
    chosen = []
    for key, name, found in (("image_column", image, images), ("label_column", label, labels)):
        if name is not None and name not in kinds:
            raise UserError(f"dataset.{key}={name}: {path} has {', '.join(kinds)}.{nearest(name, kinds)}")
        if name is None and not found:
            raise UserError(f"dataset.{key}=null: {path} has {', '.join(kinds)}: name one of them")
        chosen.append(name or found[0])
    return chosen[0], chosen[1]


def _image(table: Any, column: str) -> Callable[[int], Image.Image]:
    """Opens the images of a column, which are bytes or files."""
    import datasets

    stored = table.select_columns([column]).cast_column(column, datasets.Image(decode=False))

    def image(i: int) -> Image.Image:
        one = stored[i][column]
        return Image.open(BytesIO(one["bytes"]) if one["bytes"] else one["path"])

    return image

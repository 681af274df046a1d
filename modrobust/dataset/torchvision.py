"""The data sets of torchvision that have images with classes, in the files and folders that torchvision knows."""

from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from modrobust.dataset.download import DEFAULT_ROOT, data_folder, short_timeout
from modrobust.dataset.image_cache import cache_folders
from modrobust.dataset.labels import as_classes
from modrobust.dataset.source import Source, dataset_of
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError, nearest
from modrobust.store.lock import Lock
from modrobust.store.stamp import stamp_of

SOURCES = (
    *("CIFAR10", "CIFAR100", "CLEVRClassification", "Caltech101", "Caltech256", "Country211", "DTD", "EMNIST"),
    *("EuroSAT", "FER2013", "FGVCAircraft", "FashionMNIST", "Flowers102", "Food101", "GTSRB", "INaturalist"),
    *("ImageNet", "Imagenette", "KMNIST", "LFWPeople", "MNIST", "Omniglot", "OxfordIIITPet", "PCAM", "Places365"),
    *("QMNIST", "RenderedSST2", "SEMEION", "STL10", "SUN397", "SVHN", "StanfordCars", "USPS"),
)
SPELLINGS = {"train": ("train", "trainval", "train-standard"), "valid": ("val", "valid"), "test": ("test",)}
"""What torchvision's data sets call their splits."""
FOLDERS = ("raw_folder", "_base_folder", "_data_dir", "_data_path", "_image_root")
LABELS = ("targets", "labels", "_labels", "y")
PAIRS = ("_samples", "_flat_character_images")
"""Where they keep labels, and pairs of an image and its label."""


def torchvision_images(
    root: Path,
    *,
    source: str,
    options: Mapping[str, Any] | None,
    **properties: Any,
) -> ImageDataset:
    """A data set of torchvision, read from where it keeps it below `root`, downloaded there if it is missing.

    Its own splits are kept; what is missing of valid and test is taken from train (see `divided`). Where it has only
    one to look at besides train, as ImageNet's val, that is valid.

    Args:
        root: the folder `paths.data`.
        source: a class of torchvision.datasets (see SOURCES).
        options: more arguments of that class, such as {split: balanced} of EMNIST; None for none.
        properties: see `dataset_of`.

    Raises:
        UserError: there is no such data set, its files are missing and can't be downloaded, or are damaged.
    """
    if source not in SOURCES:
        raise UserError(f"dataset.source={source}: allowed are {', '.join(SOURCES)}.{nearest(source, SOURCES)}")
    if root.resolve() == DEFAULT_ROOT.resolve():
        root.mkdir(exist_ok=True)
    found = _splits(source, data_folder(root), dict(options or {}))
    given = {split: _labels(dataset) for split, dataset in found.items()}
    known = {split: labels for split, labels in given.items() if labels.dtype != object}  # None: not published
    labels, classes = as_classes(known, getattr(found["train"], "classes", None), source)
    places = [place for split in known if (place := _place(found[split], root))]
    files = tuple(dict.fromkeys(places)) or None
    sources = {
        split: Source(labels[split], [f"{split} image {i}" for i in range(len(labels[split]))], _image(found[split]))
        for split in known
    }
    return dataset_of(
        sources,
        classes,
        where=source,
        caches=cache_folders(root, source),
        stamp=stamp_of(files) if files else f"{crc32(np.concatenate([*labels.values()]).tobytes()):08x}",
        notes={},
        files=files,
        **properties,
    )


def _splits(source: str, root: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The data sets of all splits that there are."""
    kind = getattr(datasets, source)
    keys = signature(kind.__init__).parameters
    if "train" in keys or issubclass(kind, datasets.MNIST):
        return {split: _made(kind, root, {**options, "train": split == "train"}) for split in ("train", "test")}
    if "split" not in keys:
        return {"train": _made(kind, root, options)}
    found = {}
    for split, spellings in SPELLINGS.items():
        for spelling in spellings:
            if dataset := _made(kind, root, {**options, "split": spelling}):
                found[split] = dataset
                break
    return found


def _made(kind: Any, root: Path, arguments: dict[str, Any]) -> Any:
    """A data set; None where it has no such split. Raises UserError where it can't be had."""
    try:
        return kind(str(root), **arguments)
    except ValueError as error:
        if "argument split" in str(error):
            return None
        raise UserError(f"{kind.__name__}: {error}") from error
    except TypeError as error:
        raise UserError(f"dataset.options={arguments}: torchvision.datasets.{kind.__name__}: {error}") from error
    except Exception as error:  # in files that are not there, or damaged, all kinds come up
        return _downloaded(kind, root, arguments, error)


def _downloaded(kind: Any, root: Path, arguments: dict[str, Any], missing: Exception) -> Any:
    advice = f"put the files below {root.resolve()} as torchvision.datasets.{kind.__name__} has them"
    reason = " ".join(str(missing).split()).removesuffix(" You can use download=True to download it")[:200]
    keys = signature(kind.__init__).parameters
    if "download" not in keys and "kwargs" not in keys:
        raise UserError(f"{kind.__name__} can't be read ({reason}): {advice}") from missing
    try:
        with Lock(root / f".{kind.__name__}.lock"), short_timeout():
            return kind(str(root), **arguments, download=True)
    except Exception as error:  # whatever goes wrong in a download, the remedy is the same
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(
            f"{kind.__name__} can't be read ({reason}) and the download failed ({why}): {advice}, or run once where"
            " there is internet"
        ) from error


def _labels(dataset: Any) -> NDArray[Any]:
    """The labels (N,), without decoding images where that is possible."""
    for key in LABELS:
        if (labels := getattr(dataset, key, None)) is not None:
            array = np.asarray(labels)
            return array if array.ndim == 1 else array[:, 0]  # QMNIST's have columns
    for key in PAIRS:
        if pairs := getattr(dataset, key, None):
            return np.array([label for _, label in pairs])
    return np.array([dataset[i][1] for i in range(len(dataset))])


def _image(dataset: Any) -> Callable[[int], Any]:
    return lambda i: dataset[i][0]


def _place(dataset: Any, root: Path) -> Path | None:
    """The file or folder that it was read from; None where that can't be told."""
    for key in FOLDERS:
        if found := getattr(dataset, key, None):
            return Path(found).absolute()
    for key in ("base_folder", "filename"):
        if found := getattr(dataset, key, None):
            return (root / found).absolute()
    own = Path(dataset.root).absolute()
    return own if own != root.absolute() else None

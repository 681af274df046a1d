"""What the record of a run says of its data."""

from typing import Any

from modrobust.dataset.content import content_of, content_of_corrupted
from modrobust.dataset.splits import Dataset, ImageDataset
from modrobust.store.stamp import stamp_of


def record_of(dataset: Dataset) -> dict[str, Any]:
    """How many examples each split has, checksums of them, and what was found in the images, as plain values.

    Args:
        dataset: its splits on the CPU.
    """
    splits = dataset.splits
    content: dict[str, Any] = {"checksums": {name: content_of(split) for name, split in splits.items()}}
    if isinstance(dataset, ImageDataset) and dataset.corrupted is not None:
        content["checksums"][dataset.corrupted.name] = content_of_corrupted(dataset.corrupted)
    if dataset.files is not None:
        content |= {"files": [str(path) for path in dataset.files], "stamp": stamp_of(dataset.files)}
    if not isinstance(dataset, ImageDataset):
        return content
    facts = {key: getattr(dataset, key) for key in ("num_classes", "image_size", "mean", "std")}
    counts = {name: split.targets.bincount(minlength=dataset.num_classes).tolist() for name, split in splits.items()}
    classes = {name: {split: n[k] for split, n in counts.items()} for k, name in enumerate(dataset.classes)}
    return {**content, **facts, **({"classes": classes} if classes else {}), **dataset.notes}

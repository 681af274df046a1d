"""A few test images under every composition: one picture beside the runs, for reports, which know no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modrobust.config.identity import fingerprint, of_dataset
from modrobust.store.files import write_atomically, write_json

if TYPE_CHECKING:
    from modrobust.corruption.corruption import Corruption
    from modrobust.dataset.splits import ImageDataset

FOLDER = "examples"
LARGEST = 40  # pixels of a tile's longer side: larger images are averaged down, for a page embeds the picture
IMAGES = {1: 3, 3: 2}  # by channels, for the same reason


def examples_path(outputs: Path, content: Mapping[str, Any]) -> Path:
    """The picture's path, <outputs>/examples/<dataset>/<split>-<hash>.png; its description has the suffix .json.

    Args:
        outputs: the folder that holds `runs`.
        content: a run's configuration as plain containers. The hash covers what the images depend on, so that all
            runs tested on the same images name the same file.
    """
    wanted, dataset = content["evaluation"], of_dataset(content["dataset"])
    for split in {"train", "valid", "test"} - {wanted["split"]}:
        dataset.pop(f"n_{split}", None)
    shown = {key: wanted[key] for key in ("split", "compositions", "max_length")}
    name = f"{wanted['split']}-{fingerprint([dataset, content['corruption'], shown])}.png"
    return outputs / FOLDER / content["dataset"]["name"] / name


def find_examples(run: Path, content: Any) -> Path | None:
    """The picture of the images that a run was tested on; None where there is none, or for other data than images.

    Args:
        run: its folder, in or below the folder of outputs.
        content: its configuration as plain containers.
    """
    try:
        below = examples_path(Path(), content)
    except (KeyError, TypeError, AttributeError):  # not a configuration of images
        return None
    found = (folder / below for folder in run.absolute().parents)
    return next((path for path in found if path.with_suffix(".json").exists()), None)


def write_examples(
    path: Path,
    dataset: "ImageDataset",
    split_name: str,
    corruption: "Corruption",
    compositions: list[tuple[str, ...]],
) -> None:
    """Write the picture, unless it is there: a row of tiles for each composition, a column for each image.

    The images are the first of as many classes; they are corrupted as in the evaluation, to the bit.

    The .json beside it: compositions (names, a row each), index and targets (of the images), tile (height and width in
    pixels).

    Args:
        path: see `examples_path`.
        dataset, split_name: whose images.
        corruption: their corruptions.
        compositions: the rows.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    if path.with_suffix(".json").exists():  # written last
        return
    import torch
    from PIL import Image

    from modrobust.corruption.composition import label
    from modrobust.evaluation.testing import corrupted

    split = dataset.splits[split_name]
    classes = list(dict.fromkeys(split.targets.tolist()))[: IMAGES[split.inputs.shape[1]]]
    first = torch.tensor([int((split.targets == one).nonzero()[0]) for one in classes])
    some = split.take(first, "cpu")
    with torch.inference_mode():
        rows = dict(corrupted(corruption, compositions, some.inputs, split_name, some.index))
    sheet = torch.stack([rows[composition] for composition in compositions])  # row, column, channel, height, width
    pixels = sheet.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2).squeeze(-1)
    shrink = min(1, LARGEST / max(dataset.image_size))
    tile = [max(1, round(side * shrink)) for side in dataset.image_size]
    image = Image.fromarray(pixels.numpy())
    image = image.resize((tile[1] * len(first), tile[0] * len(compositions)), Image.Resampling.BOX)
    write_atomically(path, lambda file: image.save(file, format="png"))
    description = {"compositions": [label(composition) for composition in compositions], "tile": tile}
    where = {"index": some.index.tolist(), "targets": some.targets.tolist()}
    write_json(path.with_suffix(".json"), {**description, **where})

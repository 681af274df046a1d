"""What a method says of images besides their classes: kept through interruptions, written as means, merged."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from modrobust.dataset.splits import Split
from modrobust.errors import UserError
from modrobust.evaluation.results import Results, write
from modrobust.evaluation.shards import _merge_results
from modrobust.method.made import checked

COMPOSITIONS = [(), ("Contrast",), ("Contrast", "Swirl")]
SPLIT = Split(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1, 0, 1]), torch.arange(4))


def written(compositions: list[tuple[str, ...]], folder: Path) -> Path:
    """Images in two batches, with an interruption in between."""
    folder.mkdir()
    for start in (0, 2):
        results = Results(compositions, 4, 2, activations=False)
        results.restore(folder / "partial.npz")
        for composition in compositions:
            numbers = {"missed": torch.tensor([start, len(composition)])}
            for variant, more in (("told", ()), ("inferred", (numbers,))):
                logits = torch.eye(2)
                results.add(variant, composition, start, logits, logits, SPLIT.targets[:2], *more)
        results.save(folder / "partial.npz")
    write(results, SPLIT, folder, {"dataset": "digits", "method": "modules", "model": "x", "seed": 0, "split": "test"})
    return folder


def test_means_over_images_and_shares_are_the_whole(tmp_path: Path) -> None:
    whole = written(COMPOSITIONS, tmp_path / "whole")
    table = pd.read_csv(whole / "diagnostics.csv")
    assert table.to_dict("list") == {
        "variant": ["inferred"] * 3,
        "composition": ["Identity", "Contrast", "Contrast-Swirl"],
        "n_corruptions": [0, 1, 2],
        "missed": [0.5, 1.0, 1.5],
    }
    shares = [written(COMPOSITIONS[i::2], tmp_path / f"share{i}") for i in (0, 1)]
    (merged := tmp_path / "merged").mkdir()
    _merge_results(shares, merged, list(table["composition"]))
    for name in ("results.csv", "diagnostics.csv"):
        assert (merged / name).read_bytes() == (whole / name).read_bytes()


def test_numbers_of_another_shape_are_refused() -> None:
    logits = torch.eye(2)
    assert checked({"default": (logits, logits, {"missed": torch.zeros(2)})}, 2, 2)
    for more in ({"missed": torch.zeros(3)}, torch.zeros(2), {"missed": 1}):
        with pytest.raises(UserError, match=r"more than logits and features as default: \{name: numbers \(2,\)\}"):
            checked({"default": (logits, logits, more)}, 2, 2)

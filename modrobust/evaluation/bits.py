"""evaluation=bits: networks on structured data, a row for each seed and split. Knows no method by name."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from modrobust.errors import UserError
from modrobust.evaluation.evaluation import Evaluation, Output

if TYPE_CHECKING:
    from modrobust.method.experiment import Experiment
    from modrobust.method.made import BitPredictor, Made

EVERY = "all"


class Bits(Evaluation):
    """The share of right bits, for every seed."""

    def __init__(self, split: str = EVERY) -> None:
        """Keep the split to test, or `all`."""
        self.split = split

    def splits(self, experiment: "Experiment") -> list[str]:
        """The splits to test. Raises UserError where there is no such split, or targets are no bits."""
        dataset = experiment.structured
        if self.split != EVERY and self.split not in dataset.splits:
            allowed = ", ".join([*dataset.splits, EVERY])
            raise UserError(f"evaluation.split={self.split}: {dataset.name} has the splits {allowed}.")
        return list(dataset.splits) if self.split == EVERY else [self.split]

    def check(self, experiment: "Experiment") -> None:
        """Refuse a split that there is not, and data whose targets are no bits."""
        self.splits(experiment)

    def __call__(self, made: "Made", experiment: "Experiment", output: Output) -> None:
        """See `Evaluation`; the files are told in `write_bits`."""
        from modrobust.method.made import BitPredictor

        if not isinstance(made.predictor, BitPredictor):
            raise UserError("evaluation=bits is for method=supervised, which predicts the bits of all rows of a split.")
        write_bits(made.predictor, self.splits(experiment), output)


def write_bits(predictor: "BitPredictor", splits: Iterable[str], output: Output) -> None:
    """Write predictions.npz and, last, results.csv (see results.COLUMNS; accuracy is the percentage of right bits).

    predictions.npz: seeds (R,), and for each split <split>/logits float32 (R, n, B) and <split>/targets bool
    (R or 1, n, B).

    Args:
        predictor: of one or more seeds.
        splits: to test.
        output: where files go; its columns are dataset, method, model.
    """
    import numpy as np
    import pandas as pd

    from modrobust.evaluation.results import COLUMNS
    from modrobust.store.files import write_atomically, write_npz

    rows, arrays = [], {"seeds": np.array(predictor.seeds)}
    for split in splits:
        with output.watch():
            outputs = predictor.outputs(split)
        right = ((outputs["logits"] > 0) == (outputs["targets"] > 0.5)).double().mean((1, 2))
        losses = outputs["loss"].double().mean(1)
        arrays[f"{split}/logits"] = outputs["logits"].cpu().numpy()
        arrays[f"{split}/targets"] = (outputs["targets"] > 0.5).cpu().numpy()
        for seed, loss, share in zip(predictor.seeds, losses.tolist(), right.tolist(), strict=True):
            row = {**output.columns, "variant": "default", "seed": seed, "split": split, "composition": "Identity"}
            row |= {"n_corruptions": 0, "n_images": outputs["logits"].shape[1]}
            rows.append({**row, "loss": loss, "accuracy": 100 * share})
    write_npz(output.folder / "predictions.npz", arrays)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_atomically(output.folder / "results.csv", lambda file: table.to_csv(file, index=False, lineterminator="\n"))

"""What every logger is given: a row for each epoch of each part, and the final accuracies. This one keeps nothing."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from modrobust.errors import Pruned


class Logger:
    """Takes a run's metrics while they come; a context manager, closed however the run ends.

    Every attempt at a run is given all rows from the first on, in the same order: those of parts that are loaded and of
    epochs before a checkpoint, too. So a log is whole, and a logger must not show the rows of earlier attempts twice.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Start to log.

        Args:
            folder: of the run.
            config: all that its result depends on, as plain containers.

        Raises:
            UserError: a package is missing, or the tracker can't be reached.
        """

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch of a part, as in metrics.jsonl: `part`, `epoch` (from 1), and named numbers."""

    def accuracy(self, name: str, corruptions: int, percent: float) -> None:
        """A mean over compositions of one number of corruptions; the name is <split>/<variant>."""

    def results(self, path: Path) -> None:
        """Tell the accuracies of a results.csv by number of corruptions; nothing where nothing was tested."""
        if not path.exists():
            return
        import pandas as pd

        rows = pd.read_csv(path)
        means = rows.groupby(["split", "variant", "n_corruptions"], sort=False)["accuracy"].mean().reset_index()
        for row in means.to_dict("records"):
            self.accuracy(f"{row['split']}/{row['variant']}", row["n_corruptions"], row["accuracy"])

    def close(self, failed: bool) -> None:
        """Write what is left."""

    def __enter__(self) -> "Logger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(failed=error is not None and not isinstance(error, Pruned))


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a row, named <part>/<metric>."""
    return {f"{row['part']}/{name}": value for name, value in row.items() if name not in ("part", "epoch")}

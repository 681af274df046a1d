"""TensorBoard: scalars of each part by epoch, accuracy by number of corruptions."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modrobust.errors import UserError
from modrobust.logger.logger import Logger, numbers


class TensorBoard(Logger):
    """Writes <run folder>/tensorboard anew in every attempt: event files can only be added to."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError(
                f"logger=tensorboard: {error}. Install it (pip install tensorboard) or leave logger out."
            ) from error
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        self.writer = SummaryWriter(str(folder / "tensorboard"))
        self.writer.add_text("config", f"```json\n{json.dumps(config, indent=2, default=str)}\n```")

    def epoch(self, row: Mapping[str, Any]) -> None:
        for name, value in numbers(row).items():
            self.writer.add_scalar(name, value, row["epoch"])

    def accuracy(self, name: str, corruptions: int, percent: float) -> None:
        """A curve over numbers of corruptions, in the place of steps."""
        self.writer.add_scalar(f"{name}/accuracy_by_corruptions", percent, corruptions)

    def close(self, failed: bool) -> None:
        self.writer.close()

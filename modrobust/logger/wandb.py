"""Weights & Biases, online or offline: metrics of each part by epoch, final accuracies in the run's summary."""

import logging
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from modrobust.errors import UserError
from modrobust.logger.logger import Logger, numbers
from modrobust.store.files import write_text

log = logging.getLogger(__name__)


class WandB(Logger):
    """One W&B run for a run folder, however many attempts it takes; its id is in <run folder>/wandb/id.

    Online, steps that W&B has already are not sent again. Offline, every attempt writes all steps into a folder of its
    own, and those of earlier attempts are removed.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        project: str,
        entity: str | None,
        mode: Literal["online", "offline"] | None,
    ) -> None:
        """Start to log.

        Args:
            folder: of the run.
            config: all that its result depends on, as plain containers.
            project: where the runs are shown.
            entity: user or team; None for the default.
            mode: online or offline; None for what WANDB_MODE says.

        Raises:
            UserError: the package is missing, the mode is not allowed, nobody is logged in, W&B can't be reached.
        """
        if mode not in (None, "online", "offline"):
            raise UserError(f"logger.mode={mode}: allowed are online, offline and null.")
        try:
            import wandb
        except ImportError as error:
            raise UserError(f"logger=wandb: {error}. Install it (pip install wandb) or leave logger out.") from error
        identifier = folder / "wandb" / "id"
        if not identifier.exists():
            write_text(identifier, secrets.token_hex(8))
        for earlier in folder.glob("wandb/offline-run-*"):
            shutil.rmtree(earlier, ignore_errors=True)
        names = [config[group]["name"] for group in ("dataset", "method", "model")]
        try:
            self.run = wandb.init(
                project=project,
                entity=entity,
                mode=mode,
                dir=folder,
                config=dict(config),
                id=identifier.read_text(encoding="utf-8"),
                resume="allow",
                group="-".join(names),
                name=f"{'-'.join(names)} {folder.name}",
                settings=wandb.Settings(console="off", silent=True),  # run.log has what is printed
            )
        except wandb.Error as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise UserError(f"logger=wandb: {reason}. Without a network: logger.mode=offline.") from error
        if not self.run.offline:
            log.info("Weights & Biases: %s", self.run.url)
        self.run.define_metric("*", step_metric="epoch")
        self.sent = self.run.step  # W&B has these already
        self.step = 0

    def epoch(self, row: Mapping[str, Any]) -> None:
        if self.step >= self.sent:
            self.run.log({**numbers(row), "epoch": row["epoch"]}, step=self.step)
        self.step += 1

    def accuracy(self, name: str, corruptions: int, percent: float) -> None:
        self.run.summary[f"{name}/accuracy_{corruptions}"] = percent

    def close(self, failed: bool) -> None:
        self.run.finish(exit_code=int(failed))

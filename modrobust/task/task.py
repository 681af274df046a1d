"""What a task is: something else than to train and test, done with what a configuration describes."""

from pathlib import Path
from typing import Protocol

from modrobust.method.experiment import Experiment, Method


class Task(Protocol):
    """What a task's YAML makes."""

    def __call__(self, experiment: Experiment, method: Method, folder: Path) -> None:
        """Do it; what an earlier attempt finished is not done again.

        Args:
            experiment: what methods are given.
            method: the configuration's; it trains only if the task asks it to.
            folder: for the task's files, below outputs/tasks.

        Raises:
            UserError: it cannot be done.
        """

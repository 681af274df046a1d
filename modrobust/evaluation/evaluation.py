"""What an evaluation is: an object that checks what it is asked, then tests and writes results. Imports no torch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modrobust.errors import UserError

if TYPE_CHECKING:
    from modrobust.method.experiment import Experiment
    from modrobust.method.made import Made


@dataclass(frozen=True)
class Output:
    """Where an evaluation writes, and what it writes there about the run.

    Attributes:
        folder: of its files.
        columns: values of the columns dataset, method, model and seed of results.csv.
        checkpoint_seconds: how much work a killed run may lose.
        examples: where runs that are tested on the same images share a picture of some of them; None for no picture.
        watch: makes the context of every batch; see `modrobust.profile.Profile`.
    """

    folder: Path
    columns: Mapping[str, Any]
    checkpoint_seconds: float = 60.0
    examples: Path | None = None
    watch: Callable[[], AbstractContextManager[object]] = nullcontext


class Evaluation(ABC):
    """One way to test what a method made; a subclass is named as `_target_` in a YAML, whose keys it takes."""

    def check(self, experiment: "Experiment") -> None:  # noqa: B027  unless told otherwise, nothing is refused
        """Refuse what cannot be tested, before anything is trained. Raises UserError."""

    def draw(self, experiment: "Experiment", folder: Path) -> None:
        """For vis=true: write pictures of what goes in. Raises UserError where there are none."""
        raise UserError(f"vis=true: dataset={experiment.data.name} has no corrupted images to show.")

    @abstractmethod
    def __call__(self, made: "Made", experiment: "Experiment", output: Output) -> None:
        """Test, and write the results; a run that was interrupted goes on where it was.

        Raises:
            UserError: there is nothing to test.
            Interrupted: a signal came; what was done is saved.
        """

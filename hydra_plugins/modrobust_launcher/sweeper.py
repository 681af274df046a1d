"""hydra/sweeper=sweep: Hydra's own sweeper, for thousands of runs."""

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class Sweeper(BasicSweeper):
    """Launches every combination of the command line's comma lists."""

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Compose one of all runs that differ only in values; Hydra composes each, which takes a tenth of a second."""
        from modrobust.sweep.plan import different  # here, since Hydra looks through all plugins at every start

        super().validate_batch_is_legal(different(batch))

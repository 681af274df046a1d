"""What -m does: Hydra's own sweep, for thousands of runs, or in its place hyper-parameter searches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser


class Sweeper(BasicSweeper):
    """Launches every combination of the command line's comma lists; with dry_run it only tells what that would be."""

    def __init__(self, max_batch_size: int | None, params: Any, dry_run: bool) -> None:
        super().__init__(max_batch_size, params)
        self.dry_run = dry_run

    def sweep(self, arguments: list[str]) -> Any:
        """Name the folder where a disk refuses what Hydra writes, which does not say it."""
        assert self.config is not None
        HydraConfig.instance().set_config(self.config)  # what checks look into, before any run is begun
        if self.dry_run:
            return self._forecast(arguments)
        try:
            return super().sweep(arguments)
        except OSError as error:
            if error.filename is None:
                error.filename = str(self.config.hydra.sweep.dir)
            raise

    def _forecast(self, arguments: list[str]) -> list[Any]:
        """In place of the sweep; see `modrobust.sweep.forecast`."""
        from modrobust.sweep.forecast import forecast
        from modrobust.sweep.plan import Composer

        assert self.config is not None and self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        (jobs,) = self.split_arguments(parser.parse_overrides([*self._parse_config(), *arguments]), None)
        forecast(Composer(self.hydra_context, self.config), jobs)
        return []

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Check every run as a single run is checked; modrobust's own launchers do so themselves."""
        from modrobust.sweep.plan import Composer, plan  # here, since Hydra looks through all plugins at every start

        assert self.config is not None and self.hydra_context is not None
        if not getattr(self.launcher, "checks_all", False):
            plan(batch, Composer(self.hydra_context, self.config), Path(str(self.config.hydra.sweep.dir)))


class SearchSweeper(BasicSweeper):
    """Each combination of the command line's comma lists is a search; see `modrobust.search.sweep`."""

    def __init__(self, max_batch_size: int | None, params: Any, dry_run: bool) -> None:
        super().__init__(max_batch_size, params)
        self.dry_run = dry_run

    def sweep(self, arguments: list[str]) -> Any:
        """Search, then print what was chosen; imports here, since Hydra looks through all plugins at every start."""
        from modrobust.errors import UserError
        from modrobust.search.show import show
        from modrobust.search.sweep import search

        if self.dry_run:
            raise UserError("--dry-run is for sweeps; what a search will try follows from what it finds.")
        assert self.config is not None and self.hydra_context is not None and self.launcher is not None
        HydraConfig.instance().set_config(self.config)
        config, loader, launcher = self.config, self.hydra_context.config_loader, self.launcher
        presets = [text for text in self._parse_config() if not text.startswith("seed=")]  # a search has its own
        parsed = OverridesParser.create(config_loader=loader).parse_overrides([*presets, *arguments])
        (combinations,) = self.split_arguments(parsed, None)
        runs = Path(str(config.hydra.sweep.dir)).absolute()
        records = search(
            combinations,
            arguments,
            lambda overrides: loader.load_sweep_config(config, overrides),
            lambda jobs: launcher.launch(jobs, initial_job_idx=0),
            runs,
        )
        for record in records:
            show(record)
        return []

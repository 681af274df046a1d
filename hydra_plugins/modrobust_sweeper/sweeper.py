"""What -m does: Hydra's own sweep, for thousands of runs, or in its place hyper-parameter searches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser


class Sweeper(BasicSweeper):
    """Launches every combination of the command line's comma lists."""

    def sweep(self, arguments: list[str]) -> Any:
        """Name the folder where a disk refuses what Hydra writes, which does not say it."""
        assert self.config is not None
        HydraConfig.instance().set_config(self.config)  # what checks look into, before any run is begun
        try:
            return super().sweep(arguments)
        except OSError as error:
            if error.filename is None:
                error.filename = str(self.config.hydra.sweep.dir)
            raise

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Check every run as a single run is checked; modrobust's own launchers do so themselves."""
        from modrobust.sweep.plan import Composer, plan  # here, since Hydra looks through all plugins at every start

        assert self.config is not None and self.hydra_context is not None
        if not getattr(self.launcher, "checks_all", False):
            plan(batch, Composer(self.hydra_context, self.config), Path(str(self.config.hydra.sweep.dir)))


class SearchSweeper(BasicSweeper):
    """Each combination of the command line's comma lists is a search; see `modrobust.search.sweep`."""

    def sweep(self, arguments: list[str]) -> Any:
        """Search, then print what was chosen; imports here, since Hydra looks through all plugins at every start."""
        from modrobust.search.show import show
        from modrobust.search.sweep import search

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

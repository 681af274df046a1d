"""hydra/launcher=slurm: the submitit launcher, for sweeps that are interrupted, go on, and say what failed."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as SubmititSlurmLauncher


class SlurmLauncher(SubmititSlurmLauncher):
    """Submits what is not done or queued yet, and waits for it (or not); resources are those of submitit.

    Args of its configuration besides submitit's: runs_per_job, wait, python.
    """

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """See `modrobust.sweep.launch`; imported here, since Hydra looks through all plugins at every start."""
        from modrobust.sweep.launch import launch

        return launch(self.params, self._compose, self.config, job_overrides)

    def _compose(self, overrides: list[str]) -> Any:
        assert self.hydra_context is not None and self.config is not None
        return self.hydra_context.config_loader.load_sweep_config(self.config, overrides)

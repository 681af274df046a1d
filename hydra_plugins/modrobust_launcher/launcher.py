"""hydra/launcher=slurm and local: sweeps that are interrupted, go on, and say what failed."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hydra.core.utils import JobReturn
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher as SubmititLocalLauncher
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as SubmititSlurmLauncher


class SlurmLauncher(SubmititSlurmLauncher):
    """Submits what is not done or queued yet, and waits for it (or not); resources are those of submitit.

    Args of its configuration besides submitit's: runs_per_job, wait, python.
    """

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """See `modrobust.sweep.launch`; imported here, since Hydra looks through all plugins at every start."""
        from modrobust.sweep.launch import launch

        return launch(self.params, partial(composed, self), self.config, job_overrides)


class LocalLauncher(SubmititLocalLauncher):
    """The same sweeps on one machine, by a bounded number of worker processes."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """See `modrobust.sweep.local`."""
        from modrobust.sweep.local import launch

        return launch(self.params, partial(composed, self), self.config, job_overrides)


def composed(launcher: Any, overrides: list[str]) -> Any:
    """The configuration of one run of the sweep."""
    return launcher.hydra_context.config_loader.load_sweep_config(launcher.config, overrides)

"""hydra/launcher=slurm and local: sweeps that are interrupted, go on, and say what failed."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher as SubmititLocalLauncher
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as SubmititSlurmLauncher


class SlurmLauncher(SubmititSlurmLauncher):
    """Submits what is not done or queued yet, and waits for it (or not); resources are those of submitit.

    Args of its configuration besides submitit's: runs_per_job, wait, python.
    """

    checks_all = True

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """See `modrobust.sweep.launch`; imported here, since Hydra looks through all plugins at every start."""
        from modrobust.sweep.launch import launch
        from modrobust.sweep.plan import Composer

        return launch(self.params, Composer(self.hydra_context, self.config), job_overrides)


class LocalLauncher(SubmititLocalLauncher):
    """The same sweeps on one machine, by a bounded number of worker processes."""

    checks_all = True

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """See `modrobust.sweep.local`."""
        from modrobust.sweep.local import launch
        from modrobust.sweep.plan import Composer

        return launch(self.params, Composer(self.hydra_context, self.config), job_overrides)

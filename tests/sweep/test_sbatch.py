"""What jobs are started by."""

import shlex
import subprocess
import sys

from modrobust.sweep.sbatch import DEAF


def test_a_job_that_is_preempted_while_python_starts_goes_on() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); print('alive')"
    line = f"{DEAF} {shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    assert subprocess.run(line, shell=True, capture_output=True, text=True).stdout == "alive\n"

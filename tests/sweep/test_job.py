"""What runs within a job, without one."""

from typing import cast

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext

from modrobust.store.provenance import code_version
from modrobust.sweep.job import Job

CONTEXT = HydraContext(cast(ConfigLoader, None), Callbacks())


def test_code_that_has_changed_since_the_submission_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    now = code_version()
    if "git_commit" not in now:
        pytest.skip("this is no git checkout")
    Job([], CONTEXT, now)()
    assert capsys.readouterr().err == ""
    Job([], CONTEXT, {**now, "git_commit": "0" * 40, "git_dirty": True})()
    assert f"the code has changed since the submission: then {'0' * 40} with changes, now" in capsys.readouterr().err

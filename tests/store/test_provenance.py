"""What a run's record tells of where it was made."""

import json
from importlib import metadata
from pathlib import Path

import pytest
import torch
from in_process import SMALL, modrobust

from modrobust.store import provenance
from modrobust.store.provenance import code_version


@pytest.mark.parametrize("task", [(), ("task=statistics",)])
def test_a_run_and_a_task_record_versions_and_the_device(tmp_path: Path, task: tuple[str, ...]) -> None:
    assert modrobust(tmp_path, *SMALL, "method=cross_entropy", *task).code == 0
    (path,) = (tmp_path / "outputs" / ("tasks" if task else "runs")).rglob("status.json")
    status = json.loads(path.read_text())
    assert status["torch"] == torch.__version__ and status["cuda"] == (torch.version.cuda or torch.version.hip)
    assert status["device_name"].startswith("cpu, ") and len(status["device_name"]) > len("cpu, ")
    assert status["modrobust"] == metadata.version("modrobust")


def test_an_installed_package_has_no_commit_of_a_checkout_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(provenance.__file__).parents[2]
    monkeypatch.setattr(provenance, "__file__", str(here / ".venv/lib/site-packages/modrobust/store/provenance.py"))
    assert set(code_version()) == {"python", "modrobust"}

"""The task that lists a network's levels."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from modrobust.errors import UserError
from modrobust.method.experiment import Experiment
from modrobust.model.divided import divided
from modrobust.task.levels import Levels


@pytest.mark.parametrize("model", ["small_cnn", "torchvision"])
def test_the_table(
    experiment: Callable[..., Experiment], tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    made = experiment(f"model={model}")
    Levels()(made, None, tmp_path)  # type: ignore[arg-type]
    table, network = pd.read_csv(tmp_path / "levels.csv"), made.probe()
    assert list(table.block) == network.block_names
    assert table["shape"][0] == "3x16x16"
    assert table.parameters.sum() == sum(p.numel() for p in network.parameters())
    assert table.module[1] == sum(p.numel() for p in network.make_module(1).parameters())
    assert f"last is {network.after_convolutions}, penultimate {network.levels - 1}" in capsys.readouterr().out


def test_a_network_without_levels_says_why(experiment: Callable[..., Experiment], tmp_path: Path) -> None:
    from dataclasses import replace

    from test_cut import Flow

    made = replace(experiment(), build=lambda: divided(Flow(), (16, 16), "model (mine.Flow)"))
    with pytest.raises(
        UserError, match=r"no levels, for torch\.fx cannot trace it: TraceError: .* \(.*test_cut\.py, line"
    ):
        Levels()(made, None, tmp_path)  # type: ignore[arg-type]

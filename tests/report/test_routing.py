"""Routing over training: what is drawn is what modules hold; files for the runs that have a record."""

from pathlib import Path

import numpy as np
import pytest
from made_bits import write_run

from modrobust.report.figures.routing import held, routing, write_routing
from modrobust.report.read.bits import read_bits
from modrobust.report.read.facts import collect
from modrobust.report.read.groups import groups


def test_an_input_that_a_module_holds_is_marked() -> None:
    choices = np.array([[[0, 2], [1, 2]], [[0, 1], [1, 2]], [[1, 0], [2, 1]]])  # three records of two modules
    first, second = held(choices).reshape(2, 3, 3)
    assert first.tolist() == [[1, 1, 1], [0, 1, 1], [1, 0, 0]]
    assert second.tolist() == [[0, 0, 0], [2, 2, 2], [2, 2, 2]]


def test_a_figure_for_runs_with_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"0": np.zeros((2, 3, 1, 2, 2), np.int16), "outputs": np.zeros((2, 3, 1, 1, 2), np.int16)}
    epochs, seeds = np.array([2, 4]), np.array([0, 1, 2])
    folders = [write_run(tmp_path / name, model=name) for name in ("modular", "shared_modular", "mlp")]
    np.savez(folders[0] / "routing.npz", epochs=epochs, seeds=seeds, **record)  # type: ignore[arg-type]
    (folders[1] / "routing.npz").write_text("no archive")
    some = groups(read_bits(folders)[0], collect(folders, []))
    names = [path.name for path in write_routing(some, tmp_path)]
    assert names == ["routing_boolean_modular.pdf", "routing_boolean_modular.png"]
    assert "routing.npz is damaged" in capsys.readouterr().err
    panels = routing({**record, "epochs": epochs, "seeds": seeds}, "boolean").axes
    assert len(panels) == 6 and [axes.get_title() for axes in panels[:3]] == ["seed 0", "seed 1", "seed 2"]

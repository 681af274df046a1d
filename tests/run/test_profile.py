"""profile=true, and what a run records of its speed and memory."""

import json
from pathlib import Path

from in_process import SMALL, modrobust


def test_a_profile_tells_where_time_goes_and_changes_nothing_else(tmp_path: Path) -> None:
    many = ("dataset.n_train=40", "training.batch_size=10", "training.epochs=1")
    plain, profiled = (
        modrobust(tmp_path, *SMALL, *many, *more) for more in (["paths.outputs=plain"], ["profile=true"])
    )
    assert (plain.code, profiled.code) == (0, 0), profiled.err
    (folder,) = tmp_path.glob("outputs/runs/digits/*/seed0-*")
    stretches = {"training": {"modrobust: data"}, "testing": {"modrobust: data", "modrobust: corruption"}}
    for what, expected in stretches.items():  # images in training are kept, and no longer corrupted
        events = json.loads((folder / f"profile-{what}.json").read_text())["traceEvents"]
        assert expected <= {event.get("name") for event in events}
    assert [word in profiled.out for word in ("network", "corruption", "data", "waiting")] == [True] * 4
    (other,) = tmp_path.glob("plain/runs/digits/*/*")
    assert other.name == folder.name
    assert (other / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()


def test_speed_and_memory_are_recorded_and_shown(tmp_path: Path) -> None:
    result = modrobust(tmp_path, *SMALL)
    (file,) = tmp_path.glob("outputs/runs/digits/*/seed0-*/status.json")
    status = json.loads(file.read_text())
    assert status["training_images_per_second"] > 0 and status["testing_images_per_second"] > 0
    assert 100 < status["peak_memory_mb"] < 20_000
    assert "images/s, at most" in result.out

"""Run folders and parts: what is done is not done again, and nobody works where another does."""

import time
from pathlib import Path

import pytest
import torch
from command import Command, Process
from composed import configured

from modrobust.config.identity import identity, training_identity
from modrobust.dataset.content import content_of
from modrobust.dataset.splits import Split
from modrobust.errors import UserError
from modrobust.store.parts import Parts
from modrobust.store.run_folder import RunFolder

WAIT_IN_TRAINING = """
import time
from pathlib import Path
from modrobust import interrupt
pending = interrupt.pending

def wait():
    Path("waiting").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    return pending()

interrupt.pending = wait
"""

SLOW_TO_WRITE_DEPENDS = """
import time
from pathlib import Path
replace = Path.replace

def slow(temporary, target):
    if Path(target).name == "depends.json":
        Path("waiting").touch()
        time.sleep(2)
    return replace(temporary, target)

Path.replace = slow
"""


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


def wait_until_said(process: Process, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in process.said:
        assert time.monotonic() < deadline, process.said
        time.sleep(0.01)


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != "run.log"}


def test_a_done_run_is_left_alone(modrobust: Command) -> None:
    assert modrobust().code == 0
    before = files(modrobust.folder)
    again = modrobust()
    assert again.code == 0
    assert again.stderr.splitlines() == ["This run is done already; nothing to do. To repeat it, move its folder away."]
    assert "7 rows of 40 images each" in again.stdout
    assert files(modrobust.folder) == before

    path = modrobust.file("config.yaml")
    path.write_text(path.read_text().replace("seed: 0", "seed: 5", 1))
    refused = modrobust()
    assert refused.code == 1
    assert "holds a run of another configuration (different: seed); move it away" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert modrobust.status()["state"] == "done"


def test_a_run_is_not_started_twice_at_once(modrobust: Command) -> None:
    first = modrobust.start(before=WAIT_IN_TRAINING)
    wait_for(modrobust.folder / "waiting")
    second = modrobust()
    assert second.code == 1
    (line,) = second.stderr.splitlines()
    assert line.startswith(f"modrobust: this run is already going on: process {first.pid} on ")
    assert modrobust.status()["state"] == "running"
    (modrobust.folder / "go").touch()
    assert first.wait().code == 0
    assert modrobust.status()["state"] == "done"
    assert modrobust.status()["attempt"] == 1


def test_one_run_trains_the_part_another_waits_for(modrobust: Command) -> None:
    first = modrobust.start(before=WAIT_IN_TRAINING)
    wait_for(modrobust.folder / "waiting")
    second = modrobust.start("evaluation.split=valid")
    wait_until_said(second, "waiting for classifier, which another run is training")
    (modrobust.folder / "go").touch()
    ended = [first.wait(), second.wait()]
    assert [process.code for process in ended] == [0, 0]
    trained = ["classifier 16/16 epoch 2" in process.stderr for process in ended]
    assert trained == [True, False]
    assert len(list(modrobust.folder.rglob("weights.safetensors"))) == 1
    assert len(list(modrobust.folder.rglob("results.csv"))) == 2


def test_two_runs_may_begin_the_same_part_at_once(modrobust: Command) -> None:
    first = modrobust.start(before=SLOW_TO_WRITE_DEPENDS)
    wait_for(modrobust.folder / "waiting")
    second = modrobust.start("evaluation.split=valid")
    assert [first.wait().code, second.wait().code] == [0, 0], first.said + second.said


def classifier(*overrides: str) -> str:
    """The hash of the part that `modrobust <overrides>` trains."""
    cfg = configured(*overrides)
    parts = Parts(Path("parts"), training_identity(cfg), identity(cfg)["corruption"])
    return parts.part("classifier", ("Identity", *cfg.corruption.names), lr=cfg.method.lr).hash


def test_a_part_depends_on_its_training() -> None:
    changes = ["seed=1", "threads=3", "dataset.n_train=30", "training.epochs=1", "training.optimizer.momentum=0"]
    changes += ["method.lr=0.01", "model.hidden=128", "corruption.seed=1", "corruption.names=[Swirl,Contrast]"]
    changes += ["corruption.elemental.Swirl.severity=2"]
    assert len({classifier(), *map(classifier, changes)}) == 1 + len(changes)


def test_a_part_depends_on_nothing_else() -> None:
    options = ["evaluate=false", "evaluation.split=valid", "evaluation.max_length=1", "evaluation.batch_size=7"]
    options += ["dataset.n_test=20", "corruption.compositions.max_length=2", "checkpoint_seconds=9"]
    options += ["paths.data=elsewhere", "paths.outputs=elsewhere", "device=cuda"]
    assert classifier(*options) == classifier()


COMMON = {"dataset": {"name": "d"}, "model": {"name": "m"}, "seed": 3}
CORRUPTION = {"seed": 0, "elemental": {"A": {"severity": 1}, "B": {"severity": 2}}, "compositions": [[]]}


def hash_of(corruption: dict[str, object] = CORRUPTION, name: str = "classifier", **depends: object) -> str:
    return Parts(Path("parts"), COMMON, corruption).part(name, ("Identity", "A"), **depends).hash


@pytest.mark.parametrize("change", [{"elemental": {"A": {"severity": 1}}}, {"compositions": [["A"]]}])
def test_hash_ignores_corruptions_that_are_not_trained_with(change: dict[str, object]) -> None:
    assert hash_of(CORRUPTION | change) == hash_of()


@pytest.mark.parametrize("change", [{"elemental": {"A": {"severity": 2}}}, {"seed": 1}])
def test_hash_knows_the_corruptions_trained_with(change: dict[str, object]) -> None:
    assert hash_of(CORRUPTION | change) != hash_of()


def test_hash_knows_name_and_whatever_else_the_part_depends_on() -> None:
    assert len({hash_of(), hash_of(name="module-A"), hash_of(lr=0.1), hash_of(lr=0.2), hash_of(below="abc")}) == 5


def test_a_record_is_compared_by_the_checksums_that_it_has(tmp_path: Path) -> None:
    record = RunFolder(tmp_path / "run", configured("dataset=digits"))
    for checksums in ({"train": 1}, {"train": 1, "TINY-C": 2}):  # that earlier versions did not have
        record.note_data({"checksums": checksums})
    for other in ({"train": 1, "TINY-C": 3}, {"train": 1}, {"train": 2, "TINY-C": 2}):
        with pytest.raises(UserError, match="holds results of other data"):
            record.note_data({"checksums": other})


def split(**changes: torch.Tensor) -> Split:
    inputs = torch.arange(2 * 1 * 3 * 3, dtype=torch.uint8).view(2, 1, 3, 3)
    return Split(**({"inputs": inputs, "targets": torch.tensor([0, 1]), "index": torch.tensor([4, 5])} | changes))


def test_content_knows_pixels_classes_and_order() -> None:
    pixels = split().inputs.clone()
    pixels[1, 0, 2, 2] += 1
    changed = [split(inputs=pixels), split(targets=torch.tensor([1, 1])), split(index=torch.tensor([5, 4]))]
    assert content_of(split()) == content_of(split())
    assert all(content_of(other) != content_of(split()) for other in changed)

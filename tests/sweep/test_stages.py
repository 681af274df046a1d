"""What several runs of a sweep share is trained first, once; nothing waits for another run's lock."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from composed import composed
from omegaconf import DictConfig
from sweeps import SLURM, Modrobust, ask, queue, results, start, until

from modrobust.sweep.order import Order
from modrobust.sweep.plan import Planned, plan
from modrobust.sweep.stages import staged
from modrobust.sweep.status import statuses

FEW = ("training.epochs=1", "dataset.n_train=64", "dataset.n_valid=16", "dataset.n_test=16", "threads=1")
FEW += ("training.batch_size=32", "corruption.names=[Contrast,Invert]", "evaluation.max_length=1")


def planned(runs: Path, *jobs: Sequence[str]) -> list[Planned]:
    return plan(jobs, lambda overrides: composed(*overrides, hydra=True).copy(), runs)


def told(some: Sequence[Planned]) -> list[tuple[str, list[str]]]:
    return [(run.overrides[0].removesuffix(" of"), list(run.after)) for run in some]


def of(runs: Path, some: list[Planned], split: bool = False) -> tuple[list[Planned], list[Planned]]:
    return staged(some, statuses([run.folder for run in some], runs), runs, split)


def done(folder: Path, state: str = "done") -> None:
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"state": state}))
    (folder / "config.yaml").touch()


def test_only_what_several_runs_share_is_a_stage(tmp_path: Path) -> None:
    methods = ("cross_entropy", "contrastive", "modules", "auto_modules", "img_space")
    some = planned(tmp_path, *((f"method={m}", f"seed={s}") for s in (0, 1) for m in methods))
    stages, runs = of(tmp_path, some)
    assert told(stages) == [("backbone", []), ("backbone", [])]
    assert [list(run.after) for run in runs] == [[], [], ["backbone"], ["backbone"], []] * 2
    assert runs[2].after == runs[3].after != runs[7].after
    assert [run.folder for run in runs] == [run.folder for run in some]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("method.lr=.1", "method.lr=.2", ["backbone"]),
        ("method.weight=.2", "method.level.Swirl=2", ["backbone"]),
        ("method.level.Swirl=1", "method.level.Swirl=2", ["backbone", "module-Contrast"]),
        (
            "corruption.elemental.Invert._partial_=true",
            "corruption.elemental.Contrast.severity=3",
            ["backbone", "module-Swirl"],
        ),
        ("evaluation.split=valid", "evaluation.split=test", ["backbone", "module-Contrast", "module-Swirl"]),
        ("evaluation.shard=1/2", "evaluation.shard=2/2", ["backbone", "module-Contrast", "module-Swirl"]),
        ("dataset.n_test=9", "dataset.n_test=8", ["backbone", "module-Contrast", "module-Swirl"]),
        ("method.backbone_lr=.1", "method.backbone_lr=.2", []),
        ("training.epochs=1", "training.epochs=2", []),
        ("corruption.seed=1", "corruption.seed=2", []),
    ],
)
def test_a_piece_depends_on_what_its_part_depends_on(tmp_path: Path, one: str, other: str, shared: list[str]) -> None:
    mine = ("method=modules", "corruption.names=[Contrast,Swirl]")
    stages, _ = of(tmp_path, planned(tmp_path, (*mine, one), (*mine, other)))
    assert [name for name, _ in told(stages)] == shared


def test_runs_that_differ_only_in_their_test_share_all_that_is_trained(tmp_path: Path) -> None:
    some = planned(tmp_path, *(("dataset=boolean", f"evaluation.split={split}") for split in ("valid", "test")))
    stages, runs = of(tmp_path, some)
    assert told(stages) == [("supervised", [])] and [list(run.after) for run in runs] == [["supervised"]] * 2


def test_what_is_done_is_no_stage_and_what_is_going_on_is_waited_for(tmp_path: Path) -> None:
    some = planned(tmp_path, *((f"method={m}",) for m in ("modules", "auto_modules", "img_space")))
    (stage,), _ = of(tmp_path, some)
    done(some[2].folder)
    assert told(of(tmp_path, some)[0]) == [("backbone", [])]
    done(stage.folder)
    stages, runs = of(tmp_path, some)
    assert stages == [] and [run.after for run in runs] == [{}, {}]
    (stage.folder / "status.json").write_text('{"state": "failed"}')
    done(some[0].folder, "running")
    (some[0].folder / "status.json").write_text('{"state": "running", "host": "elsewhere"}')
    stages, runs = of(tmp_path, some)
    assert stages == [] and [run.after for run in runs] == [{"backbone": some[0].folder}]
    (some[0].folder / "status.json").write_text('{"state": "done"}')
    stages, runs = of(tmp_path, some)
    assert stages == [] and [run.after for run in runs] == [{}]


def test_one_run_can_be_split_into_its_pieces(tmp_path: Path) -> None:
    mine = "corruption.names=[Contrast,Swirl]"
    some = planned(tmp_path, ("method=auto_modules", mine), ("method=img_space", mine), ("method=contrastive", mine))
    assert of(tmp_path, some)[0] == []
    stages, runs = of(tmp_path, some, split=True)
    autoencoders = ["autoencoder-Contrast", "autoencoder-Swirl"]
    assert told(stages) == [
        ("backbone", []),
        ("module-Contrast", ["backbone"]),
        ("module-Swirl", ["backbone"]),
        *((name, []) for name in (*autoencoders, "classifier")),
    ]
    modules = ["backbone", "module-Contrast", "module-Swirl"]
    assert [list(run.after) for run in runs] == [modules, [*autoencoders, "classifier"], []]


def some_runs(**after: Sequence[str]) -> dict[str, Planned]:
    run = partial(Planned, content={}, hydra=DictConfig({}))
    return {name: run((name,), Path(name), after={one: Path(one) for one in names}) for name, names in after.items()}


def test_a_run_is_begun_when_all_it_waits_for_is_done() -> None:
    runs = some_runs(a=[], b=[], c=["a", "elsewhere"], d=["a", "b"])
    order = Order([runs["d"], runs["c"], runs["a"], runs["b"]])
    assert [order.take(), order.take()] == [runs["a"], runs["b"]]
    taken: list[Planned | None] = []
    waits = Thread(target=lambda: taken.append(order.take()))
    waits.start()
    assert order.ended(runs["b"], done=True) == []
    waits.join(0.05)
    assert waits.is_alive()
    assert order.ended(runs["a"], done=True) == []
    waits.join()
    assert taken == [runs["d"]] and order.take() == runs["c"] and order.take() is None
    assert (order.done, order.failed, order.running) == (2, 0, 2)


def test_what_needs_a_failed_stage_is_not_begun() -> None:
    runs = some_runs(a=[], b=["a"], c=["b"], d=[])
    order = Order(list(runs.values()))
    assert order.take() == runs["a"]
    assert order.ended(runs["a"], done=False) == [runs["b"], runs["c"]]
    assert order.take() == runs["d"] and order.take() is None and order.failed == 3


def test_pieces_are_the_parts_that_the_runs_then_find(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", *FEW, "method=modules,img_space", "seed=0")
    split = ("hydra/launcher=local", "hydra.launcher.processes=2", "hydra.launcher.split=parts")
    ended = modrobust(*sweep, *split)
    assert ended.returncode == 0, ended.stderr
    assert "first, each by one job: 1 backbone, 2 module, 2 autoencoder, 1 classifier" in ended.stdout
    runs = tmp_path / "outputs/runs"
    logs = [file.read_text() for file in runs.rglob("run.log")]
    assert len(logs) == 8 and not any("waiting for" in text for text in logs)
    made = [json.loads(file.read_text())["parts"] for file in (runs / ".stages").rglob("status.json")]
    own = {part for parts in made for part in parts}
    used = {part for file in (runs / "digits").rglob("status.json") for part in json.loads(file.read_text())["parts"]}
    assert own < used and [Path(part).name.partition("-")[0] for part in used - own] == ["joint_classifier"]
    assert modrobust(*sweep, "paths.outputs=plain").returncode == 0
    assert results(runs) == results(tmp_path / "plain/runs")


@pytest.mark.usefixtures("slurm")
def test_slurm_jobs_wait_for_their_stage_even_if_it_is_requeued(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", *FEW, "method=modules", "method.weight=0,1", "seed=0", *SLURM)
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    stage = min(queue(), key=lambda job: int(job.partition("_")[0]))
    until(lambda: queue().get(stage) == "RUNNING")
    ask("scontrol", "requeuehold", stage)
    until(lambda: queue().get(stage) == "PENDING")
    asked = modrobust(*sweep, "hydra.launcher.wait=false")  # before it goes on: then the runs may begin at any time
    assert asked.returncode == 0 and "2 runs: 0 done, 2 queued, 0 running; 0 to do" in asked.stdout
    start(stage)
    assert modrobust(*sweep).returncode == 0
    assert len(results(tmp_path / "outputs/runs")) == 2
    assert not any("waiting for" in file.read_text() for file in tmp_path.rglob("run.log"))


@pytest.mark.usefixtures("slurm")
def test_a_stage_that_fails_names_what_could_not_start(modrobust: Modrobust) -> None:
    shards = "evaluation.shard=1/2,2/2"
    sweep = ("-m", *FEW, "method=modules", shards, "method.backbone_lr=1e30", *SLURM)
    ended = modrobust(*sweep)
    assert ended.returncode == 1 and ended.stdout.count("backbone of") == 1
    assert ended.stdout.count("could not start: its backbone is not trained (classifier: the training loss is ") == 2
    status = modrobust("--status", module="modrobust.report").stdout
    assert status.startswith("outputs/runs: 0 done, 1 failed, 4 lost\n")

"""What a sweep will do and take, told before it begins: modrobust -m ... --dry-run. Nothing is submitted or written."""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.progress import duration
from modrobust.store.files import read_json
from modrobust.sweep.changed import with_data
from modrobust.sweep.plan import Composer, Planned, counted, plan
from modrobust.sweep.stages import staged
from modrobust.sweep.status import statuses_at_once
from modrobust.sweep.submit import in_jobs

ARRAY = 1000  # jobs of an array, as Slurm allows unless told otherwise
MOST_EARLIER = 1000  # runs of a folder that are looked at
SAMPLES = 3  # of a kind whose files are counted


@dataclass(frozen=True)
class Takes:
    """What finished runs of one kind took, the medians.

    Attributes:
        seconds: from begin to end, of all attempts.
        bytes, files: that they left, in parts that they use, too.
        runs: how many there were.
        where: the devices.
    """

    seconds: float
    bytes: float
    files: float
    runs: int
    where: frozenset[str]


def forecast(compose: Composer, jobs: Sequence[Sequence[str]]) -> None:
    """Print the runs of a sweep, the parts and jobs they will be, and what they may take by earlier runs.

    Args:
        compose: makes a run's configuration from its overrides.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher or of a run is wrong; two runs are the same.
    """
    launcher = plain(compose.config.hydra.launcher)
    check_values(launcher, "hydra.launcher.")
    runs = Path(str(compose.config.hydra.sweep.dir)).absolute()
    planned = plan(jobs, compose, runs)
    found, refusal = statuses_at_once([run.folder for run in planned], runs)
    found = with_data(planned, found)
    stages, missing = staged(planned, found, runs, launcher.get("split") == "parts")
    earlier = _earlier([*stages, *missing])
    if refusal:
        print(refusal)
    changed = {folder for folder, status in found.items() if status.state == "changed"}
    waits = {run.folder: f"   (after {', '.join(run.after)})" * bool(run.after) for run in (*stages, *missing)}
    print(f"{'state':<9} {'time':<8} run")
    for run in (*stages, *planned):
        to_do = run.folder in waits
        state = "to do" if to_do and run.folder not in changed else found[run.folder].state
        time = "" if not to_do else duration(earlier[run.kind].seconds) if run.kind in earlier else "unknown"
        print(f"{state:<9} {time:<8} {' '.join(run.overrides)}{waits.get(run.folder, '')}")
    count = Counter(status.state for status in found.values())
    states = ", ".join(f"{count[state]} {state}" for state in ("done", "queued", "running"))
    print(f"\n{counted(planned)} in {os.path.relpath(runs)}: {states}; {len(missing)} to do")
    if changed:
        told = "done, but with other files of data than are there now: done again, they compare what is in them"
        print(f"{len(changed)} changed: {told}")
    both = [*stages, *missing]
    print("\n".join([*_parts(planned, stages, missing), *_jobs(launcher, both), *_takes(launcher, both, earlier)]))
    print("Nothing was begun or submitted.")


def _parts(planned: Sequence[Planned], stages: Sequence[Planned], missing: Sequence[Planned]) -> Iterator[str]:
    wanted = {piece.key: piece.name for run in missing for piece in run.pieces}
    there = {piece.key for run in planned for piece in run.pieces} - wanted.keys()
    yield f"to train: {_named(wanted.values()) or 'nothing'}{f'; {len(there)} are there' * bool(there)}"
    if stages:
        yield f"first, each by one job: {_named(stage.pieces[-1].name for stage in stages)}"


def _named(names: Iterable[str]) -> str:
    """`2 backbones`, and so on, by what names begin with."""
    count = Counter(name.partition("-")[0] for name in names)
    return ", ".join(f"{number} {name}" for name, number in count.items())


def _jobs(launcher: Mapping[str, Any], to_do: Sequence[Planned]) -> Iterator[str]:
    """How they are launched."""
    if "runs_per_job" in launcher and to_do:
        arrays = [len(group) for group in in_jobs(to_do, launcher["runs_per_job"])]
        number = sum(math.ceil(size / ARRAY) for size in arrays)
        each = [
            f"{launcher['gpus_per_node'] or 0} GPUs",
            f"{launcher['cpus_per_task']} cores",
            f"{launcher['mem_gb']} GB",
        ]
        where = f" on partition {launcher['partition']}" if launcher["partition"] else ""
        limit = f"{launcher['timeout_min']} min at a time"
        yield f"Slurm: {sum(arrays)} jobs in {number} arrays{where}, each with {', '.join(each)}, {limit}"


def _takes(launcher: Mapping[str, Any], to_do: Sequence[Planned], earlier: Mapping[str, Takes]) -> Iterator[str]:
    """What they may take, by what earlier ones took; nothing where there is nothing to do."""
    known = [earlier[run.kind] for run in to_do if run.kind in earlier]
    unknown = Counter(run.folder.parts[-2] for run in to_do if run.kind not in earlier)
    but = f"; unknown for {', '.join(f'{n} {name}' for name, n in unknown.items())}" if unknown else ""
    if not known:
        if to_do:
            yield "time, disk: unknown: no run of these kinds is done here"
        return
    seconds = sum(takes.seconds for takes in known)
    where = ", ".join(sorted({name for takes in known for name in takes.where}))
    past = sum(earlier[kind].runs for kind in {run.kind for run in to_do if run.kind in earlier})
    yield f"time: {duration(seconds)} of all together, by {past} earlier runs on {where}{but}"
    yield f"the longest chain: {duration(_longest(to_do, earlier))}"
    if "gpus_per_node" in launcher:
        gpus, cores = launcher["gpus_per_node"] or 0, launcher["cpus_per_task"] or 1
        yield f"cost: {gpus * seconds / 3600:.1f} GPU hours, {cores * seconds / 3600:.1f} core hours{but}"
    size, files = sum(takes.bytes for takes in known), sum(takes.files for takes in known)
    yield f"disk: {size / 1e6:,.0f} MB in {files:,.0f} files{but}"


def _longest(to_do: Sequence[Planned], earlier: Mapping[str, Takes]) -> float:
    """Seconds of the longest chain of runs that wait for each other."""
    ends: dict[Path, float] = {}
    for run in to_do:  # stages come before what waits for them
        own = earlier[run.kind].seconds if run.kind in earlier else 0.0
        ends[run.folder] = own + max((ends.get(folder, 0.0) for folder in run.after.values()), default=0.0)
    return max(ends.values())


def _earlier(to_do: Sequence[Planned]) -> dict[str, Takes]:
    """What finished runs took, by their kind; those in the same folders are looked at."""
    wanted = {run.kind for run in to_do}
    found = defaultdict[str, list[tuple[Path, dict[str, Any]]]](list)
    for place in {run.folder.parent for run in to_do}:
        for run in islice(place.iterdir() if place.is_dir() else (), MOST_EARLIER):
            status = read_json(run / "status.json") or {}
            if status.get("state") == "done" and status.get("kind") in wanted:
                found[status["kind"]].append((run, status))
    return {kind: _took(some) for kind, some in found.items()}


def _took(some: Sequence[tuple[Path, Mapping[str, Any]]]) -> Takes:
    sizes = []
    for run, status in some[:SAMPLES]:
        folders = [run, *map(Path, status.get("parts", []))]
        files = [file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file()]
        sizes.append((sum(files), len(files)))
    return Takes(
        median(status.get("seconds", 0) for _, status in some),
        median(size for size, _ in sizes),
        median(number for _, number in sizes),
        len(some),
        frozenset(str(status.get("device_name")) for _, status in some),
    )

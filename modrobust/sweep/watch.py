"""modrobust-report --status --watch: how runs are doing, again and again, until none is queued or running."""

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from modrobust.progress import duration
from modrobust.sweep.show import found_in
from modrobust.sweep.status import Status

SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between two looks; at least five times as long as one takes
SECONDS_BETWEEN_LINES = 60.0
WINDOW = 600.0  # seconds over which runs a minute are counted
AHEAD = ("running", "queued", "waiting", "preempted")
BAD = ("failed", "lost")
TOLD = (*BAD, "pruned", *AHEAD)

Found = Mapping[Path, Status]


class Rate:
    """Runs that have ended within the last minutes."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def __call__(self, now: float, ended: int) -> float | None:
        """Runs a minute; None until there are two looks.

        Args:
            now: seconds.
            ended: runs that have ended by now.
        """
        self._seen = [(at, number) for at, number in self._seen if now - at <= WINDOW] + [(now, ended)]
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        return (after - before) / (last - first) * 60 if last > first else None


def watch(folders: Sequence[Path]) -> None:
    """Show until no run is queued or running: on a terminal in place, elsewhere a line a minute; failures at once.

    Raises:
        UserError: a folder does not exist or has no run.
    """
    console = Console()
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    rate, known, last_line = Rate(), set[Path](), -SECONDS_BETWEEN_LINES
    begun = True
    try:
        while True:
            asked = time.monotonic()
            found = {run: one for folder in folders for run, one in found_in(folder).items()}
            took = time.monotonic() - asked
            bad = {run: one for run, one in found.items() if one.state in BAD}
            for run in bad.keys() - known if not begun else ():
                console.print(
                    f"{bad[run].state}: {run}: {bad[run].error or 'no message'}", markup=False, soft_wrap=True
                )
            known, begun = set(bad), False
            states = Counter(one.state for one in found.values())
            line = _line(states, rate(asked, sum(states[state] for state in ("done", "failed", "pruned"))))
            if live:
                if not live.is_started:
                    live.start()
                live.update(Group(_bars(found, folders), line, *_gpus()), refresh=True)
            elif asked - last_line >= SECONDS_BETWEEN_LINES:
                last_line = asked
                print(line, flush=True)
            if not any(states[state] for state in ("running", "queued", "waiting")):
                return
            time.sleep(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, 5 * took)))
    finally:
        if live and live.is_started:
            live.stop()
        sys.stdout.flush()


def _line(states: Counter[str], a_minute: float | None) -> str:
    told = [f"{states['done']} of {states.total()} done"]
    told += [f"{states[state]} {state}" for state in TOLD if states[state]]
    if a_minute:
        told.append(f"{a_minute:.1f} runs a minute")
        if left := sum(states[state] for state in AHEAD):
            told.append(f"about {duration(left / a_minute * 60)} left")
    return ", ".join(told)


def _bars(found: Found, folders: Sequence[Path]) -> Table:
    """A line for each dataset, method and model: how many runs are done, and a bar."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for run, status in found.items():
        place = run.parent if run.name.startswith("seed") else run.parent.parent
        groups["/".join(place.parts[-2:])][status.state] += 1
    grid = Table.grid(padding=(0, 1, 0, 0))
    for name, states in sorted(groups.items()):
        others = ", ".join(f"{states[state]} {state}" for state in TOLD if states[state])
        bar = ProgressBar(states.total(), states["done"], width=24)
        grid.add_row(name, bar, f"{states['done']}/{states.total()}", others)
    return grid


def _gpus() -> list[str]:
    """How busy this machine's GPUs are, where it has some and tells."""
    ask = ["nvidia-smi", "--query-gpu=index,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(ask, capture_output=True, encoding="utf-8", timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    gpus = [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line.count(",") == 3]
    return [f"GPU {name}: {busy} % busy, {used} of {total} MiB" for name, busy, used, total in gpus]

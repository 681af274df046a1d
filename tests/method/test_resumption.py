"""Methods of several parts, interrupted again and again, end with the bits of an undisturbed run."""

import itertools
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modrobust import interrupt

METHODS = {
    "modules": ["training.epochs=2"],
    "auto_modules": ["corruption.names=[Contrast]", "training.epochs=2", "model.widths=[4,4,4,4]"],
    "auto_contrastive": ["corruption.names=[Contrast]", "method.repeats=1", "training.epochs=2"],
    "img_space": ["training.epochs=2"],
    "cross_entropy": ["method.pairing=true", "training.epochs=3"],
}


@pytest.fixture(autouse=True)
def short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modrobust.method.contrastive.SEARCH_BATCHES", 2)


def interrupt_after(calls: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """A signal at the calls-th time that the work asks for one; how often it asked."""
    count = itertools.count(1)
    asked = [0]

    def pending() -> int | None:
        asked[0] = next(count)
        return signal.SIGTERM if asked[0] >= calls else None

    monkeypatch.setattr(interrupt, "pending", pending)
    return lambda: asked[0]


def content(outputs: Path) -> dict[str, Any]:
    """Weights, learning curves without times, results."""
    found: dict[str, Any] = {}
    for file in outputs.glob("parts/*/*/weights.safetensors"):
        found[str(file.relative_to(outputs))] = file.read_bytes()
    for file in outputs.glob("parts/*/*/metrics.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        found[str(file.relative_to(outputs))] = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    return found


@pytest.mark.parametrize("method", METHODS)
def test_interrupted_again_and_again(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    settings = (f"method={method}", *METHODS[method])
    asked = interrupt_after(10**9, monkeypatch)
    undisturbed = run(*settings, f"paths.outputs={tmp_path / 'undisturbed'}")
    calls = asked()
    assert calls > 9

    (tmp_path / "runs").rename(tmp_path / "runs of undisturbed")
    undisturbed = tmp_path / "runs of undisturbed" / undisturbed.name
    interruptions = 0
    while True:
        interrupt_after(max(2, calls // 6), monkeypatch)
        try:
            again = run(*settings, f"paths.outputs={tmp_path / 'again'}")
            break
        except interrupt.Interrupted:
            interruptions += 1
        assert interruptions < 20
        (status,) = (tmp_path / "runs").glob("*/status.json")
        assert json.loads(status.read_text())["state"] == "preempted"
    assert interruptions >= 4
    assert content(tmp_path / "again") == content(tmp_path / "undisturbed")
    for name in ("results.csv", *(["levels.csv"] * method.startswith("auto"))):
        assert (again / name).read_bytes() == (undisturbed / name).read_bytes()


def test_interrupted_in_the_second_module(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: dict[str, int]
) -> None:
    settings = ("method=modules", "training.epochs=2", "evaluate=false")
    run(*settings, f"paths.outputs={tmp_path / 'undisturbed'}")
    epochs.clear()
    interrupt_after(2 * 1 + 2 * 2 + 1, monkeypatch)  # of 12 images a step for the backbone, two for a module
    with pytest.raises(interrupt.Interrupted, match="SIGTERM"):
        run(*settings)
    assert epochs == {"classifier": 2, "module-Contrast-level1": 2, "module-Rotate90-level4": 1}
    monkeypatch.undo()
    run(*settings)
    (part,) = tmp_path.glob("parts/*/module-Rotate90-*")
    assert not list(part.glob("checkpoint*"))
    assert content(tmp_path) == content(tmp_path / "undisturbed")

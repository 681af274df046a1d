"""keep=results: a run that leaves fewer and smaller files, with the same results."""

from pathlib import Path

from in_process import SMALL, modrobust

FEW = {"metrics.csv", "predictions.npz"}


def names(outputs: Path) -> set[str]:
    return {file.name for file in (outputs / "runs").rglob("*") if file.is_file() and not file.name.startswith(".")}


def test_results_are_the_same_without_what_few_need(tmp_path: Path) -> None:
    for outputs, keep in (("all", "all"), ("few", "results")):
        assert modrobust(tmp_path, *SMALL, f"keep={keep}", f"paths.outputs={outputs}").code == 0
    assert names(tmp_path / "all") - names(tmp_path / "few") == FEW
    results = [file.read_bytes() for file in sorted(tmp_path.rglob("results.csv"))]
    assert len(results) == 2 and results[0] == results[1]
    again = modrobust(tmp_path, *SMALL, "keep=results", "paths.outputs=all")
    assert "done already" in again.err + again.out and names(tmp_path / "all") > FEW


def test_shares_are_merged_before(tmp_path: Path) -> None:
    sweep = (*SMALL, "evaluation.max_length=1", "keep=results")
    for share in ("1/2", "2/2"):
        assert modrobust(tmp_path, *sweep, f"evaluation.shard={share}").code == 0
    (merged,) = (file for file in tmp_path.rglob("results.csv") if not file.parent.name.startswith("shard"))
    assert len(merged.read_text().splitlines()) == 1 + 7

"""The command `modrobust-report`: tables and figures of what run folders hold."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modrobust.errors import UserError
from modrobust.report.read.find import find, is_structured

if TYPE_CHECKING:
    from modrobust.report.read.facts import Facts

DESCRIPTION = """\
Tables over runs: means and 95 % t intervals over seeds.
Images: accuracy by number of corruptions, and differences to the first method (cross_entropy, where it was run) on the
same seeds and compositions. Structured data: accuracy of each split, epochs until the test accuracy is 95 and 100 %,
and the routing found. Runs that differ in settings stand in lines of their own.
"""
OUTPUT = """\
also write here, as Markdown, CSV and LaTeX: table, paired (all pairs of methods), compositions, order_pairs and
order_longer (effect of the order), difficulty (pairs of corruptions), correlations (of invariance, from runs with
evaluation.activations=true; also invariance.csv and figures); as PDF and PNG: boxplot, heatmap_accuracy and
_loss, learning (curves), levels (their search), corruptions, compositions and autoencoders (images); and report.html, a
page to explore all of it down to a run's log; of structured data: structure, and figures: curves (test accuracy by
epochs), and one of each numeric setting that differs, as dataset.train_fraction
"""
BEST = """\
what hyper-parameter searches chose, as recipes that the next runs use (conf/recipe/<dataset>_<method>.yaml in the
current folder, or in -o FOLDER); -m search=grid searches
"""


def main() -> None:
    """The console script. Exits with 1 after an error."""
    parser = argparse.ArgumentParser(
        "modrobust-report", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    help = "run folders, or folders of them (default: outputs/runs); runs that are not finished are named"
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("outputs/runs")], help=help)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help=OUTPUT)
    help = "also 95 %% intervals from N draws of seeds, and of compositions within each (images); 10000 is usual"
    parser.add_argument("--bootstrap", type=_draws, metavar="N", default=0, help=help)
    parser.add_argument("--best", action="store_true", help=BEST)
    parser.add_argument("--status", action="store_true", help="how the runs are doing: done, running, queued, failed")
    arguments = parser.parse_args()
    try:
        if arguments.best:
            from modrobust.search.show import write_best

            write_best(arguments.folders, arguments.output or Path("conf/recipe"))
            return
        if arguments.status:
            from modrobust.sweep.show import show_status

            show_status(arguments.folders)
            return
        report(arguments.folders, arguments.output, arguments.bootstrap)
    except UserError as error:
        sys.exit(f"modrobust-report: {error}")


def _draws(text: str) -> int:
    if not text.isdigit() or int(text) < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 100.")
    return int(text)


def report(folders: Iterable[Path], output: Path | None = None, draws: int = 0) -> None:
    """Print tables of finished runs; with an output folder also write them, and figures, and print the paths.

    Args:
        folders: run folders, or folders of them.
        output: where to write.
        draws: of the bootstrap, 0 for none.

    Raises:
        UserError: a folder does not exist or holds no run with results, runs cannot be pooled, or a file cannot be read
            or written.
    """
    runs, without = find(folders)
    if not runs:
        states = Counter(one.state for one in without)
        raise UserError("no run has results yet: " + ", ".join(f"{n} {state}" for state, n in states.items()) + ".")
    from modrobust.report.read.facts import collect
    from modrobust.report.read.pending import named

    facts = collect(runs, without)
    for line in named(facts.waiting):
        print(f"modrobust-report: without results: {line}", file=sys.stderr)
    images = [run for run in runs if not is_structured(run)]
    structured = [run for run in runs if is_structured(run)]
    paths = [*_images(images, facts, output, draws), *_structured(structured, facts, output)]
    if output:
        print("\n".join(map(str, paths)))


def _images(runs: list[Path], facts: "Facts", output: Path | None, draws: int) -> Iterator[Path]:
    """What is told of images: two tables are printed, everything is written."""
    if not runs:
        return
    from modrobust.report.tables.formats import markdown, told_once, write
    from modrobust.report.tables.images import others, rows_of, shown

    rows = rows_of(runs, facts)
    tables = shown(rows, facts, draws, all_pairs=output is not None)
    print(markdown(told_once([section for table in tables for section in table.sections])))
    if output:  # each kind of files: write(rows, runs, output) -> their paths
        from modrobust.report.figures.write import write_figures
        from modrobust.report.invariance_files import write_invariance
        from modrobust.report.page import write_page

        for table in (*tables, *others(rows, facts)):
            yield from write(table, output)
        yield from write_invariance(rows, runs, output)
        yield from write_figures(rows, facts.configs, output)
        yield from write_page(rows, runs, output)


def _structured(runs: list[Path], facts: "Facts", output: Path | None) -> Iterator[Path]:
    """What is told of structured data."""
    if not runs:
        return
    from modrobust.report.tables.formats import markdown, write
    from modrobust.report.tables.notes import notes_of_bits
    from modrobust.report.tables.structure import groups, structure_table

    some = groups(runs)
    table = structure_table(some, notes_of_bits(runs, facts))
    print(markdown(table.sections))
    if output:
        from modrobust.report.figures.structure import write_figures

        yield from write(table, output)
        yield from write_figures(some, output)


if __name__ == "__main__":
    main()

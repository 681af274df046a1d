"""The command `modrobust-report`: tables and figures of what run folders hold."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing and pathlib take a while, in which Ctrl-C would not be quiet
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pandas import DataFrame

    from modrobust.report.read.facts import Facts
    from modrobust.report.read.find import Without
    from modrobust.report.read.groups import Group

MANY = 200
"""Runs from which on a process that draws figures is worth its start, two seconds of a processor."""
DESCRIPTION = """\
Tables over runs: means and 95 % t intervals over seeds.
Images: accuracy by number of corruptions, and differences to the first method (cross_entropy, where it was run) on the
same seeds and compositions. Structured data: accuracy of each split, epochs until the test accuracy is 95 and 100 %,
and the routing found. Runs that differ in settings stand in lines of their own.
"""
OUTPUT = """\
also write here, as Markdown, CSV and LaTeX: table, paired (all pairs of methods), compositions, order_pairs and
order_longer (effect of the order), difficulty (pairs of corruptions), corruption_error (of runs with
evaluation.severities; also a figure), correlations (of invariance, from runs with
evaluation.activations=true; also invariance.csv and figures), searches (what was tried and chosen, and Optuna's
pictures of it, where optuna is installed); as PDF and PNG: boxplot, heatmap_accuracy and
_loss, learning (curves), levels (their search), corruptions, compositions and autoencoders (images); of structured
data: structure, and figures: curves (test accuracy by epochs), routing (which inputs modules hold, by epoch), and one
of each numeric setting that differs, as dataset.train_fraction; and report.html, a page to explore all of it down to
a run's log
"""
ONLY = """\
report only runs with this value in their config.yaml or status.json, such as threads=1 or host=node7; may be repeated
"""
BEST = """\
what hyper-parameter searches chose, as recipes that the next runs use (conf/recipe/<dataset>_<method>.yaml in the
current folder, or in -o FOLDER), and where optuna is installed pictures of them, into their folders: history, parallel
coordinates, importance; -m search=grid searches
"""


def main() -> None:
    """The console script. Its exit codes are those of `modrobust.terminal.shell.command`."""
    try:
        from modrobust.terminal import shell  # here, so that Ctrl-C is quiet from the start
    except KeyboardInterrupt:
        os._exit(130)
    with shell.command("modrobust-report"):
        _work()


def _work() -> None:
    import argparse
    from pathlib import Path

    import modrobust

    parser = argparse.ArgumentParser(
        "modrobust-report", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    help = "run folders, folders of them (default: outputs/runs) or archives; runs that are not finished are named"
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("outputs/runs")], help=help)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help=OUTPUT)
    help = "also 95 %% intervals from N draws of seeds, and of compositions within each (images); 10000 is usual"
    parser.add_argument("--bootstrap", type=_draws, metavar="N", default=0, help=help)
    parser.add_argument("--only", action="append", metavar="KEY=VALUE", default=[], help=ONLY)
    help = "a run, against which mean corruption errors are told (mCE, relative mCE), of runs with severities"
    parser.add_argument("--reference", type=Path, metavar="RUN", help=help)
    parser.add_argument("--best", action="store_true", help=BEST)
    parser.add_argument("--status", action="store_true", help="how the runs are doing: done, running, queued, failed")
    help = "with --status: again and again, until no run is queued or running"
    parser.add_argument("--watch", action="store_true", help=help)
    help = "pack the finished runs into one file, which reports read as if it were their folders (needs pyarrow)"
    parser.add_argument("--archive", type=_parquet, metavar="FILE.parquet", help=help)
    parser.add_argument("--version", action="version", version=f"%(prog)s {modrobust.__version__}")
    arguments = parser.parse_args()
    if arguments.best:
        from modrobust.report.figures.searches import write_search
        from modrobust.search.show import write_best

        write_best(arguments.folders, arguments.output or Path("conf/recipe"), write_search)
    elif arguments.watch:
        from modrobust.sweep.watch import watch

        watch(arguments.folders)
    elif arguments.status:
        from modrobust.sweep.show import show_status

        show_status(arguments.folders)
    elif arguments.archive:
        from modrobust.report.archive import pack

        pack(arguments.folders, arguments.archive)
    else:
        with _unpacked(arguments.folders) as folders:
            report(folders, arguments.output, arguments.bootstrap, arguments.only, arguments.reference)


def _unpacked(places: Sequence[Path]) -> AbstractContextManager[Sequence[Path]]:
    """Archives among some places as folders."""
    from contextlib import nullcontext

    if not any(place.suffix == ".parquet" for place in places):
        return nullcontext(places)
    from modrobust.report.archive import as_folders

    return as_folders(places)


def _parquet(text: str) -> Path:
    from argparse import ArgumentTypeError
    from pathlib import Path

    if not text.endswith(".parquet"):
        raise ArgumentTypeError(f"{text!r}: a name that ends with .parquet is needed.")
    return Path(text)


def _draws(text: str) -> int:
    from argparse import ArgumentTypeError

    if not text.isdigit() or int(text) < 100:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 100.")
    return int(text)


def report(
    folders: Iterable[Path],
    output: Path | None = None,
    draws: int = 0,
    only: Sequence[str] = (),
    reference: Path | None = None,
) -> None:
    """Print tables of finished runs; with an output folder also write them, and figures, and print the paths.

    Runs whose files cannot be read are named on stderr, and the others reported.

    Args:
        folders: run folders, or folders of them.
        output: where to write.
        draws: of the bootstrap, 0 for none.
        only: conditions, such as ``threads=1``, for runs to be reported.
        reference: a run, against which mean corruption errors are told.

    Raises:
        UserError: a folder does not exist or holds no run with results, or a file cannot be written.
    """
    from collections import Counter
    from contextlib import nullcontext

    from modrobust.errors import UserError
    from modrobust.report.figures.drawing import beside
    from modrobust.report.read.find import find

    runs, without = find(folders)
    if not runs:
        states = Counter(one.state for one in without)
        raise UserError("no run has results yet: " + ", ".join(f"{n} {state}" for state, n in states.items()) + ".")
    with beside() if output and len(runs) >= MANY else nullcontext():
        _report(runs, without, output, draws, only, reference)


def _report(
    runs: Sequence[Path],
    without: Sequence[Without],
    output: Path | None,
    draws: int,
    only: Sequence[str],
    reference: Path | None,
) -> None:
    """What `report` does with the runs that it has found."""
    from contextlib import nullcontext

    from modrobust.errors import UserError
    from modrobust.report.read.bits import read_bits
    from modrobust.report.read.facts import collect
    from modrobust.report.read.find import is_structured
    from modrobust.report.read.groups import groups
    from modrobust.report.read.pending import named
    from modrobust.report.say import say
    from modrobust.report.tables.images import rows_of
    from modrobust.terminal.shell import only_shown

    facts = collect(runs, without, only)
    for line in named(facts.waiting):
        say(f"without results: {line}")
    images = [run for run in facts.statuses if not is_structured(run)]
    rows = rows_of(images, facts)
    found, unread = read_bits([run for run in facts.statuses if is_structured(run)])
    for line in unread.values():
        say(f"left out: {line}.")
    bits = groups(found, facts)
    if rows.empty and not bits:
        raise UserError("no run is left to report.")
    told: list[str] = []
    paths = [*_images(rows, facts, output, draws, told), *_severities(rows, reference, output, told)]
    paths += _structured(bits, facts, output, told)
    if output:
        from modrobust.report.figures.drawing import finish
        from modrobust.report.page import write_page

        paths += _searches(facts.statuses, output)
        paths += write_page(rows, bits, output)
        finish()
    with only_shown() if output else nullcontext():
        print("\n".join(told))
        if output:
            print("\n".join(map(str, paths)))


def _images(rows: DataFrame, facts: Facts, output: Path | None, draws: int, told: list[str]) -> Iterator[Path]:
    """What there is about images: two tables are told, everything is written; the files' paths."""
    if rows.empty:
        return
    from pathlib import Path

    from modrobust.report.tables.formats import markdown, told_once, write
    from modrobust.report.tables.images import others, shown

    figures: list[Path] = []
    if output:
        from modrobust.report.figures.write import write_figures

        figures += write_figures(rows, facts.num_classes, output)  # first, so that they are drawn meanwhile
    tables = shown(rows, facts, draws, all_pairs=output is not None)
    told.append(markdown(told_once([section for table in tables for section in table.sections])))
    if output:  # each kind of files: write(rows, runs, output) -> their paths
        from modrobust.report.invariance_files import write_invariance

        runs = [Path(run) for run in rows["run"].unique()]
        for table in (*tables, *others(rows, facts)):
            yield from write(table, output)
        yield from write_invariance(rows, runs, output)
        yield from figures


def _severities(rows: DataFrame, run: Path | None, output: Path | None, told: list[str]) -> Iterator[Path]:
    """What runs with evaluation.severities or dataset.corrupted tell besides."""
    from modrobust.report.read.severities import with_severities
    from modrobust.report.tables.corruption_error import corruption_error_table, of_reference
    from modrobust.report.tables.formats import markdown, write

    reference = None if run is None else of_reference(run)
    severities = with_severities(rows)
    if severities.empty:
        return
    table = corruption_error_table(severities, rows, reference)
    told.append(markdown(table.sections))
    if output:
        from modrobust.report.figures.severities import write_severities

        yield from write(table, output)
        yield from write_severities(severities, output)


def _structured(bits: list[Group], facts: Facts, output: Path | None, told: list[str]) -> Iterator[Path]:
    """The same of structured data."""
    if not bits:
        return
    from modrobust.report.tables.formats import markdown, write
    from modrobust.report.tables.notes import notes_of_bits
    from modrobust.report.tables.structure import structure_table

    table = structure_table(bits, notes_of_bits(bits, facts))
    told.append(markdown(table.sections))
    if output:
        from modrobust.report.figures.routing import write_routing
        from modrobust.report.figures.structure import write_figures

        yield from write(table, output)
        yield from write_figures(bits, output)
        yield from write_routing(bits, output)


def _searches(runs: Iterable[Path], output: Path) -> Iterator[Path]:
    """What searches beside the runs tried, in a table and Optuna's pictures."""
    from modrobust.report.figures.searches import write_search
    from modrobust.report.tables.formats import write
    from modrobust.report.tables.searches import newest_searches, searches_table

    if searches := newest_searches(runs):
        yield from write(searches_table(searches), output)
    for record in searches:
        about = record.content
        yield from write_search(record, output, f"search_{about['dataset']}_{about['method']}-{about['model']}_")


if __name__ == "__main__":
    main()

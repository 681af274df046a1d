"""The command `modrobust-report`: tables and figures of what run folders hold."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from modrobust.errors import UserError
from modrobust.files import write_text
from modrobust.report.find import find, is_structured

DESCRIPTION = """\
Tables over runs: means and 95 % t intervals over seeds.
Images: accuracy by number of corruptions. Structured data: accuracy of each split, epochs until the test
accuracy is 95 and 100 %, and the routing found, for every combination of the settings in which runs differ.
"""
OUTPUT = """\
also write the tables here (images: table.md, table.csv; structured data: structure.md, structure.csv), and figures of
structured data, as PDF and PNG: curves (test accuracy by epochs), and one of each numeric setting that differs, as
dataset.train_fraction
"""


def main() -> None:
    """The console script. Exits with 1 after an error."""
    parser = argparse.ArgumentParser(
        "modrobust-report", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    help = "run folders, or folders of them (default: outputs/runs); runs that are not finished are left out"
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("outputs/runs")], help=help)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help=OUTPUT)
    parser.add_argument("--status", action="store_true", help="how the runs are doing: done, running, queued, failed")
    arguments = parser.parse_args()
    try:
        if arguments.status:
            from modrobust.report.status import show_status

            show_status(arguments.folders)
            return
        report(arguments.folders, arguments.output)
    except UserError as error:
        sys.exit(f"modrobust-report: {error}")


def report(folders: Iterable[Path], output: Path | None = None) -> None:
    """Print tables of finished runs; with an output folder also write them, and figures, and print the paths.

    Raises:
        UserError: a folder does not exist or holds no run, runs cannot be pooled, or a file cannot be read or written.
    """
    runs, without = find(folders)
    for one in without:
        print(f"modrobust-report: without results, {one.state}: {one.run}", file=sys.stderr)
    if not runs:
        raise UserError(f"none of the {len(without)} runs has results yet.")
    structured = {run for run in runs if is_structured(run)}
    images = [run for run in runs if run not in structured]
    paths = [*_images(images, output), *_structured(sorted(structured), output)]
    if output:
        print("\n" + "\n".join(map(str, paths)))


def _images(runs: list[Path], output: Path | None) -> Iterator[Path]:
    """What is told of images: tables are printed, everything is written."""
    if not runs:
        return
    from modrobust.report.results import read
    from modrobust.report.table import markdown, over_seeds

    rows = read(runs)
    print(f"{markdown(over_seeds(rows))}\n")
    if output:  # each kind of files: write(rows, runs, output) -> their paths
        from modrobust.report.page import write_page
        from modrobust.report.tables import write_tables

        yield from write_tables(rows, runs, output)
        yield from write_page(rows, runs, output)


def _structured(runs: list[Path], output: Path | None) -> Iterator[Path]:
    if not runs:
        return
    from modrobust.report.structure import groups, long, markdown

    some = groups(runs)
    print(f"{markdown(some)}\n")
    if output:
        from modrobust.report.figures_structure import write_figures

        texts = (("structure.md", f"{markdown(some)}\n"), ("structure.csv", long(some).to_csv(index=False)))
        for name, text in texts:
            write_text(output / name, text)
            yield output / name
        yield from write_figures(some, output)


if __name__ == "__main__":
    main()

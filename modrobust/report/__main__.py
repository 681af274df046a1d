"""The command `modrobust-report`: tables and figures of what run folders hold."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from modrobust.errors import UserError
from modrobust.files import write_text

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
        UserError: a folder does not exist or holds no finished run, runs cannot be pooled, or a file cannot be read or
            written.
    """
    runs, unfinished = find(folders)
    if unfinished:
        runs_are = f"{unfinished} runs are" if unfinished > 1 else "1 run is"
        print(f"modrobust-report: {runs_are} left out: not finished, without results.csv.", file=sys.stderr)
    from modrobust.report.structure import is_structured

    structured = [run for run in runs if is_structured(run)]
    images = [run for run in runs if run not in structured]
    paths = [*_images(images, output), *_structured(structured, output)]
    if output:
        print("\n" + "\n".join(map(str, paths)))


def find(folders: Iterable[Path]) -> tuple[list[Path], int]:
    """The folders of finished runs in or below some folders, and the number of others; shards are not runs.

    Raises:
        UserError: a folder does not exist, or holds no finished run.
    """
    done: dict[Path, Path] = {}
    unfinished: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder.")
        results, configs = (
            {file.parent.resolve(): file.parent for file in sorted(folder.rglob(name)) if _is_run(file.parent)}
            for name in ("results.csv", "config.yaml")
        )
        if not results:
            raise UserError(f"{folder} holds no results.csv: no run below it is done.")
        done = {**results, **done}
        unfinished |= configs.keys() - results.keys()
    return sorted(done.values()), len(unfinished)


def _is_run(folder: Path) -> bool:
    return not folder.name.startswith(("shard-", "."))


def _images(runs: list[Path], output: Path | None) -> Iterator[Path]:
    if not runs:
        return
    from modrobust.report.table import markdown, over_seeds, read

    table = over_seeds(read(runs))
    yield from _tables(markdown(table), table.to_csv(index=False), output, "table")


def _structured(runs: list[Path], output: Path | None) -> Iterator[Path]:
    if not runs:
        return
    from modrobust.report.structure import groups, long, markdown

    some = groups(runs)
    yield from _tables(markdown(some), long(some).to_csv(index=False), output, "structure")
    if output:
        from modrobust.report.figures_structure import write_figures

        yield from write_figures(some, output)


def _tables(markdown: str, csv: str, output: Path | None, name: str) -> Iterator[Path]:
    """Print a table; write it, too, where there is an output folder."""
    print(f"{markdown}\n")
    if output:
        for path, text in ((output / f"{name}.md", f"{markdown}\n"), (output / f"{name}.csv", csv)):
            write_text(path, text)
            yield path


if __name__ == "__main__":
    main()

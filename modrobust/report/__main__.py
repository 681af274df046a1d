"""The command `modrobust-report`: tables of what run folders hold."""

import argparse
import sys
from pathlib import Path

from modrobust.errors import UserError


def main() -> None:
    """The console script. Exits with 1 after an error."""
    parser = argparse.ArgumentParser("modrobust-report", description="Accuracy by number of corruptions, over seeds.")
    help = "run folders, or folders of them (default: outputs/runs)"
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("outputs/runs")], help=help)
    folders = parser.parse_args().folders
    from modrobust.report.table import markdown, over_seeds, read

    try:
        print(markdown(over_seeds(read(folders))))
    except UserError as error:
        sys.exit(f"modrobust-report: {error}")


if __name__ == "__main__":
    main()

"""What a report says beside its tables: on stderr, a line each."""

import sys


def say(line: str) -> None:
    """Print a line that is no result."""
    print(f"modrobust-report: {line}", file=sys.stderr)

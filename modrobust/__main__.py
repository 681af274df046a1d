"""The command `modrobust`: help, signals, and errors told in one line."""

import os
import sys
from pathlib import Path

from modrobust import interrupt
from modrobust.config import help


def main() -> None:
    """The console script. Exits with 1 after an error, with 128 + the signal's number after a signal."""
    if {"-h", "--help"} & set(sys.argv[1:]):  # Hydra's takes a second to list the groups
        print(help.text())
        return
    from modrobust.config.explain import explain  # importing Hydra takes half a second
    from modrobust.run import run

    # Threads that wait give the core away; spinning costs a factor of 4 to 20 where other programs run, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch is imported
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises what went wrong, and it is explained here
    sys.path.append(str(Path.cwd()))  # a user's own corruption, method or dataset
    try:
        with interrupt.handled():
            run()
    except interrupt.Interrupted as stop:
        sys.exit(128 + stop.signum)
    except SystemExit as stop:
        if full and stop.__context__:  # what a single run explained itself
            raise stop.__context__ from None
        raise
    except Exception as error:
        line = None if full else explain(error, sys.argv[1:])
        if line is None:
            raise
        sys.exit(f"modrobust: {line}")


if __name__ == "__main__":
    main()

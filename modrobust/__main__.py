"""The command `modrobust`: help, and errors told in one line."""

import os
import sys

PRINTS = ("-c", "--cfg", "-i", "--info", "--hydra-help", "-sc", "--shell-completion")
"""Arguments of Hydra that ask for something to be printed, in place of runs."""


def main() -> None:
    """The console script. Its exit codes are those of `modrobust.terminal.shell.command`."""
    try:
        from modrobust.terminal import shell  # here, so that Ctrl-C is quiet from the start
    except KeyboardInterrupt:
        os._exit(130)
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises what went wrong, and it is explained here
    with shell.command("modrobust", _traceback if full else _explain):
        _work(full)


def _work(full: bool) -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):  # Hydra's takes a second to list the groups
        from modrobust.config import help

        print(help.text())
        return
    if "--version" in sys.argv[1:]:
        import modrobust

        print(f"modrobust {modrobust.__version__}")
        return
    # Threads that wait give the core away; spinning costs a factor of 4 to 20 where other programs run, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch is imported
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler says what nobody asked
    sys.path.append(os.getcwd())  # noqa: PTH109  a user's own corruption, method or dataset
    from contextlib import nullcontext

    from modrobust.config.command import composed_once, parse
    from modrobust.run import run  # importing Hydra takes half a second
    from modrobust.terminal.shell import only_shown

    command = parse(sys.argv[1:])
    sys.argv[1:] = [*command.flags, *command.overrides]  # Hydra wants no flags between overrides
    prints = any(argument.partition("=")[0] in PRINTS for argument in sys.argv[1:])
    try:
        with nullcontext() if prints else only_shown(), composed_once(command):
            run()
    except SystemExit as stop:
        if full and stop.__context__:  # what a single run explained itself
            raise stop.__context__ from None
        raise


def _explain(error: Exception) -> str | None:
    from modrobust.terminal.refusals import refusal

    if line := refusal(error):  # before anything else is imported: of memory there may be none
        return line
    from modrobust.config.explain import explain

    return explain(error, sys.argv[1:])


def _traceback(error: Exception) -> None:
    return None


if __name__ == "__main__":
    main()

"""The configuration's folder, and the options of its groups. Imports nothing, so that help does not wait."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
CONF = next(folder for folder in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if folder.is_dir())


def options(group: str) -> list[str]:
    """A group's options: YAML files of the package and of the user's ./conf. Empty where there is no such group."""
    files = (file for folder in (CONF, Path("conf")) for file in (folder / group).glob("*.yaml"))
    return sorted({file.stem for file in files}) if group else []

"""The manifest of a folder of images: the checksum of every file, and what the files depend on."""

import os
from collections.abc import Sequence
from pathlib import Path

from modrobust.errors import UserError
from modrobust.store.files import write_text

SETTINGS = "# modrobust "


class Manifest:
    """<folder>/<name>.sha256, in the format of `sha256sum -c`, its first line a comment with the settings.

    While files are written it grows as .<name>.sha256.partial; what that says is not written again. Only a file that
    is there counts. Files and manifest are read again at the next attempt.
    """

    def __init__(self, folder: Path, name: str, settings: str) -> None:
        """Read what an earlier attempt left.

        Args:
            folder: that holds the folder <name>.
            name: of the folder of files.
            settings: what the files depend on, one line.

        Raises:
            UserError: the files there were written with other settings.
        """
        self.name, self.place, self.settings = name, folder / name, settings
        self.path, self._partial = folder / f"{name}.sha256", folder / f".{name}.sha256.partial"
        self.digests: dict[str, str] = {}
        for path in (self.path, self._partial):
            self.digests |= self._read(path)

    def _read(self, path: Path) -> dict[str, str]:
        if not path.exists():
            return {}
        head, *lines = path.read_text(encoding="utf-8").split("\n")
        if lines and head != SETTINGS + self.settings:
            raise UserError(
                f"{self.place} holds images of other data, severities or corruption.seed: move it and {path.name} "
                "away, or set task.folder to another folder."
            )
        whole = lines[:-1]  # a line that was cut off has no end
        start = 64 + len(f"  {self.name}/")
        return {line[start:]: line[:64] for line in whole}

    def has(self, files: Sequence[str]) -> bool:
        """Whether all of these files are there and known."""
        return all(file in self.digests for file in files) and all((self.place / file).exists() for file in files)

    def add(self, files: Sequence[str], digests: Sequence[str]) -> None:
        """Note files that were written."""
        self.digests |= dict(zip(files, digests, strict=True))
        with self._partial.open("a", encoding="utf-8") as file:
            head = [] if file.tell() else [f"{SETTINGS}{self.settings}\n"]
            file.writelines([*head, *self._lines(files)])

    def close(self, files: Sequence[str]) -> None:
        """All of these files are written: make the manifest."""
        content = "".join([f"{SETTINGS}{self.settings}\n", *self._lines(files)])
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != content:
            os.sync()  # the files before the manifest
            write_text(self.path, content)
        self._partial.unlink(missing_ok=True)

    def _lines(self, files: Sequence[str]) -> list[str]:
        return [f"{self.digests[file]}  {self.name}/{file}\n" for file in files]

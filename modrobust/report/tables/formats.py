"""One table, three formats: CSV (numbers), Markdown and LaTeX (text for people, with notes)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from modrobust.store.files import write_text

LONG = 40  # lines of a table, above which it may break over pages
_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}"},
        **{"<": r"\textless{}", ">": r"\textgreater{}", "±": r"$\pm$", "\u2212": "$-$"},
    }
)


@dataclass(frozen=True)
class Section:
    """What people read: a title, a header, lines of as many cells, notes below; bold: (line, column) of cells."""

    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    bold: Collection[tuple[int, int]] = ()

    def set_bold(self, bold: Callable[[str], str]) -> list[list[str]]:
        """The lines, with what a format makes of the cells that are bold."""
        return [
            [bold(cell) if (i, k) in self.bold else cell for k, cell in enumerate(line)]
            for i, line in enumerate(self.lines)
        ]


@dataclass(frozen=True)
class Table:
    """Sections (one for each dataset and split, say), and all their numbers in long form."""

    name: str
    sections: Sequence[Section]
    numbers: pd.DataFrame


def write(table: Table, folder: Path) -> Iterator[Path]:
    """Write <name>.md, .csv and .tex, and yield their paths.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    contents = {"md": markdown(table.sections), "csv": table.numbers.to_csv(index=False), "tex": latex(table)}
    for kind, content in contents.items():
        path = folder / f"{table.name}.{kind}"
        write_text(path, content)
        yield path


def markdown(sections: Sequence[Section]) -> str:
    """Sections below each other, a note as a paragraph."""
    return "\n".join(f"{block}\n" for section in sections for block in _markdown(section))


def _markdown(section: Section) -> Iterator[str]:
    yield section.title
    rule = "|---" * len(section.header) + "|"
    yield "\n".join([_line(section.header), rule, *map(_line, section.set_bold("**{}**".format))])
    yield from section.notes


def told_once(sections: Sequence[Section]) -> list[Section]:
    """Sections of which only the last has the notes that several share: a terminal is short."""
    notes = [section.notes for section in sections]
    return [replace(some, notes=()) if some.notes in notes[i + 1 :] else some for i, some in enumerate(sections)]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def latex(table: Table) -> str:
    """Sections as tables of booktabs, to be put into a document with \\input.

    Not pandas' own writer, which needs jinja2 and takes seconds for hundreds of sections.
    """
    return "% needs \\usepackage{booktabs,longtable}\n" + "\n".join(map(_latex, table.sections))


def _latex(section: Section) -> str:
    columns = "l" + "r" * (len(section.header) - 1)
    caption = rf"\caption{{{_escaped(section.title)}}}"
    escaped = replace(section, lines=[list(map(_escaped, line)) for line in section.lines])
    head = [r"\toprule", _row(map(_stacked, section.header)), r"\midrule"]
    body = [*map(_row, escaped.set_bold(r"\textbf{{{}}}".format)), r"\bottomrule"]
    notes = [rf"{_escaped(note)}\par" for note in section.notes]
    if len(section.lines) > LONG:
        begin = [r"\begingroup\footnotesize", rf"\begin{{longtable}}{{{columns}}}", rf"{caption}\\"]
        return "\n".join([*begin, *head, r"\endhead", *body, r"\end{longtable}", *notes, r"\endgroup"]) + "\n"
    lines = [r"\begin{table}", r"\centering\footnotesize", caption, rf"\begin{{tabular}}{{{columns}}}", *head, *body]
    return "\n".join([*lines, r"\end{tabular}\par\medskip", *notes, r"\end{table}"]) + "\n"


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escaped(text: str) -> str:
    return text.translate(_LATEX)


def _stacked(text: str) -> str:
    """Words below each other: names of methods are longer than their numbers."""
    stacked = _escaped(text).replace(" ", r"\\")
    return rf"\shortstack[r]{{{stacked}}}" if " " in text else stacked

"""One table as Markdown, CSV and LaTeX, with what stands below."""

import io
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from modrobust.report.tables.formats import Section, Table, latex, markdown, told_once, write

ODD = r"50 % of a_b & c|d #1 {x} ~ ^ \ < > ± $"
NUMBERS = pd.DataFrame({"method": ["a,b", "c"], "accuracy": [1.5, 2.0]})


def section(lines: int = 2, notes: tuple[str, ...] = ("Code: commit 01.", "Weights_1.")) -> Section:
    return Section(ODD, ["method", "0|1", "a_b (c)"], [[f"line_{i}", "88.0 ± 1.0", ODD] for i in range(lines)], notes)


def test_markdown() -> None:
    lines = markdown([section()]).splitlines()
    assert lines[:4] == [ODD, "", r"| method | 0\|1 | a_b (c) |", "|---|---|---|"]
    assert lines[4] == r"| line_0 | 88.0 ± 1.0 | 50 % of a_b & c\|d #1 {x} ~ ^ \ < > ± $ |"
    assert lines[6:] == ["", "Code: commit 01.", "", "Weights_1."]


def test_sections_are_apart() -> None:
    assert f"Weights_1.\n\n{ODD}" in markdown([section(), section()])


def test_the_terminal_tells_shared_notes_once() -> None:
    sections = [section(notes=("a",)), section(notes=("b",)), section(notes=("a",))]
    assert [some.notes for some in told_once(sections)] == [(), ("b",), ("a",)]


def test_files(tmp_path: Path) -> None:
    paths = list(write(Table("name", [section()], NUMBERS), tmp_path))
    assert [path.name for path in paths] == ["name.md", "name.csv", "name.tex"]
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO((tmp_path / "name.csv").read_text())), NUMBERS)


def test_latex_escapes_and_has_rules_and_notes() -> None:
    text = latex(Table("name", [section()], NUMBERS))
    assert r"line\_0 & 88.0 $\pm$ 1.0 & 50 \% of a\_b \& c\textbar{}d \#1 \{x\} " in text
    assert r"method & 0\textbar{}1 & \shortstack[r]{a\_b\\(c)} \\" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule") < text.index(r"Weights\_1.")
    assert r"\begin{longtable}{lrr}" in latex(Table("name", [section(100)], NUMBERS))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_latex_compiles(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(latex(Table("name", [section(), section(100)], NUMBERS)))
    document = r"\documentclass{article}\usepackage{booktabs,longtable}\begin{document}\input{table}\end{document}"
    (tmp_path / "document.tex").write_text(document)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "document.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "document.pdf").stat().st_size > 0

"""Who may import whom: a room looks to the rooms before it, never to those behind."""

import ast
from collections.abc import Iterator
from pathlib import Path

import modrobust

PACKAGE = Path(modrobust.__file__).parent

LAYERS = (  # from left to right; rooms of one layer may look at each other
    ("errors", "seeds", "interrupt", "progress", "machine", "malloc", "terminal"),
    ("config", "corruption"),
    ("store",),
    ("dataset",),
    ("device", "numerics", "meter", "profile", "model", "logger"),
    ("method",),
    ("evaluation", "task"),
    ("build",),
    ("api", "run"),
    ("sweep",),
    ("search",),
    ("report",),
    ("__main__", "__init__"),
)
REPORT = (
    ("say",),
    ("read",),
    ("stats",),
    ("tables",),
    ("figures",),
    ("page",),
    ("invariance_files", "archive"),
    ("__main__", "__init__"),
)


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the name of every module of ours that a file imports, within functions and for types, too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "modrobust":
            yield from ((node.lineno, f"modrobust.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def looking_back(root: Path, prefix: str, layers: tuple[tuple[str, ...], ...]) -> list[str]:
    """Every import of a room behind, as <file>:<line> and the module; files and modules without a layer, too."""
    layer = {room: number for number, rooms in enumerate(layers) for room in rooms}
    found = []
    for file in sorted(root.rglob("*.py")):
        own = layer.get(file.relative_to(root).with_suffix("").parts[0])
        for line, module in imports(file):
            if module.startswith(f"{prefix}."):
                room = module.removeprefix(f"{prefix}.").partition(".")[0]
                if own is None or room not in layer or layer[room] > own:
                    found.append(f"{file.relative_to(root.parent)}:{line} imports {module}")
    return found


def test_no_room_looks_to_the_right() -> None:
    assert looking_back(PACKAGE, "modrobust", LAYERS) == []


def test_the_report_only_looks_down() -> None:
    assert looking_back(PACKAGE / "report", "modrobust.report", REPORT) == []


def test_a_look_to_the_right_is_named(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left/one.py").write_text("def f():\n    from ours.right import two\n")
    expected = [f"{tmp_path.name}/left/one.py:2 imports ours.right"]
    assert looking_back(tmp_path, "ours", (("left",), ("right",))) == expected

"""The wheel: what is in it, and that the command works from it, far from the checkout."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]

pytestmark = [
    pytest.mark.skipif(find_spec("hatchling") is None, reason="no hatchling, which builds the wheel"),
    pytest.mark.skipif(find_spec("pip") is None, reason="no pip"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    subprocess.run([*PIP, "wheel", *options, str(ROOT)], check=True, timeout=120)
    (file,) = folder.glob("modrobust-*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*PIP, "install", *options, str(wheel)], check=True, timeout=120)
    return folder


def test_the_wheel_holds_code_configuration_and_plugins_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"modrobust", "hydra_plugins"}
    shipped = {name.removeprefix("modrobust/conf/") for name in names if name.startswith("modrobust/conf/")}
    assert shipped == {str(file.relative_to(ROOT / "conf")) for file in (ROOT / "conf").rglob("*.yaml")}
    for package in tops:
        files = (file for file in (ROOT / package).rglob("*") if file.suffix in (".py", ".html", ".css", ".js"))
        sources = {str(file.relative_to(ROOT)) for file in files}
        assert sources and sources <= set(names)


def modrobust(installed: Path, folder: Path, *args: str) -> str:
    """The command from the installed wheel. -S: site would add an editable install to the path."""
    paths = [str(installed), *dict.fromkeys(sysconfig.get_paths()[key] for key in ("purelib", "platlib"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-S", "-m", "modrobust", *args]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_command_reads_its_own_configuration_and_the_users(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "conf/corruption").mkdir(parents=True)
    (tmp_path / "conf/corruption/two.yaml").write_text("defaults: [six]\nnames: [Contrast, Swirl]\n")
    shown = modrobust(installed, tmp_path, "--info", "all", "dataset=emnist", "corruption=two")
    assert f"file://{installed}/modrobust/conf" in shown and f"file://{tmp_path}/conf" in shown
    assert str(ROOT / "conf") not in shown and "recipe/emnist_cross_entropy" in shown
    cfg = yaml.safe_load(modrobust(installed, tmp_path, "--cfg", "job", "corruption=two"))
    assert (cfg["corruption"]["names"], cfg["model"]["name"]) == (["Contrast", "Swirl"], "small_cnn")
    assert "two" in modrobust(installed, tmp_path, "--help")

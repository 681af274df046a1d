"""The command itself: help, Hydra's flags, completion, sweeps, run folders, a user's own files."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
import yaml
from composed import composed, configured
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from in_process import SMALL, modrobust

from modrobust import __version__
from modrobust.config import help
from modrobust.config.options import CONF

ROOT = Path(__file__).parents[2]
ROOMS = [path for top in ("modrobust", "tests") for path in sorted(ROOT.glob(f"{top}/*/README.md"))]
READMES = [ROOT / "README.md", *ROOMS]
SCRIPT = Path(sys.executable).with_name("modrobust")


def results(folder: Path) -> list[Path]:
    return sorted(folder.glob("outputs/runs/*/*/*/results.csv"))


def test_help_lists_every_option_of_every_group(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "--help")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    for group in ("dataset", "corruption", "method", "model", "task", "experiment"):
        place = next(i for i, line in enumerate(lines) if line.startswith(f"  {group}="))
        options = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
        assert lines[place + 1].strip() == ", ".join(options)


def test_the_version_is_our_own(tmp_path: Path) -> None:
    assert modrobust(tmp_path, "--version") == (0, f"modrobust {__version__}\n", "")
    command = [sys.executable, "-m", "modrobust.report", "--version"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == f"modrobust-report {__version__}\n"


def test_a_configuration_that_cannot_be_printed_is_an_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m modrobust --cfg job >/dev/full"
    ended = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "No space left on device" in ended.stderr


def test_help_and_completion_wait_for_no_library_they_do_not_need() -> None:
    start = "import sys; from modrobust.__main__ import main; sys.argv.append('--help'); main();"
    code = f"{start} assert not {{'hydra', 'omegaconf', 'torch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    code = "import sys, modrobust.run; assert 'hydra' in sys.modules; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_lists_the_options_of_the_user(tmp_path: Path) -> None:
    assert " aquarelle, " not in modrobust(tmp_path, "-h").out
    (tmp_path / "conf/dataset").mkdir(parents=True)
    (tmp_path / "conf/dataset/aquarelle.yaml").touch()
    assert " aquarelle, " in modrobust(tmp_path, "-h").out


def test_a_run_is_composed_once(tmp_path: Path) -> None:
    """Hydra would look up its mode beforehand, and what there is to set is seen from the run itself."""
    assert composed(hydra=True).hydra.mode is None
    load = ConfigLoaderImpl.load_configuration
    with patch.object(ConfigLoaderImpl, "load_configuration", autospec=True, side_effect=load) as composing:
        assert modrobust(tmp_path, *SMALL, "evaluate=false", "method=contrastive").code == 0
    assert composing.call_count == 1


def test_the_mode_of_a_file_or_an_override_is_heeded(tmp_path: Path) -> None:
    preset = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {dry_run: true, params: {seed: '0,1'}}}\n"
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/mine.yaml").write_text(preset)
    assert "2 runs" in modrobust(tmp_path, "experiment=mine").out
    folder = tmp_path / "without"
    folder.mkdir()
    assert "2 runs" in modrobust(folder, "hydra.mode=MULTIRUN", "seed=0,1", "hydra.sweeper.dry_run=true").out


def commands(text: str) -> list[list[str]]:
    """Arguments of all lines that are a modrobust command; what they mean follows two spaces or a #."""
    lines = [re.split(r" {2,}|#", line.strip())[0] for line in text.splitlines() if re.match(r" +modrobust( |$)", line)]
    return [shlex.split(line)[1:] for line in lines]


def assert_composes(arguments: list[str]) -> None:
    """The first and the last run that a command starts have a configuration."""
    overrides = OverridesParser.create().parse_overrides([a for a in arguments if not a.startswith("-")])
    jobs = list(itertools.chain(*BasicSweeper.split_arguments(overrides, None)))
    assert "-m" in arguments or len(jobs) == 1
    for job in [jobs[0], jobs[-1]][: len(jobs)]:
        configured(*job)


def test_the_examples_of_the_help_are_valid() -> None:
    examples = commands(help.EXAMPLES)
    assert len(examples) == help.EXAMPLES.count("  modrobust ")
    for arguments in examples:
        assert_composes(arguments)


def test_the_places_that_the_readmes_name_are_there() -> None:
    for readme in READMES:
        for place in re.findall(r"\]\(([^)#:]+)\)", readme.read_text()):
            assert (readme.parent / place).exists(), f"{readme}: {place}"


def test_the_commands_of_the_readmes_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fog(tmp_path)  # which it describes, like a network
    (tmp_path / "conf/model").mkdir()
    (tmp_path / "conf/model/mine.yaml").write_text("_target_: mine.Net\nname: mine\n")
    monkeypatch.chdir(tmp_path)
    lines = [arguments for readme in READMES for arguments in commands(readme.read_text())]
    examples = [arguments for arguments in lines if arguments and not arguments[0].startswith("--")]
    assert len(examples) > len(READMES) > 1
    for arguments in examples:
        assert_composes(arguments)


def test_cfg_shows_the_configuration(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "--cfg", "job", "seed=7", "dataset=cifar10")
    shown = yaml.safe_load(result.out)
    assert (result.code, result.err) == (0, "")
    assert (shown["seed"], shown["dataset"]["name"], shown["model"]["name"]) == (7, "cifar10", "resnet18")
    assert not any(tmp_path.iterdir())


def test_info_shows_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    result = modrobust(tmp_path, "--info", "all", "dataset=mnist")
    assert result.code == 0
    for place in (f"file://{CONF}", f"file://{tmp_path}/conf", "dataset/mnist", "recipe/mnist_cross_entropy"):
        assert place in result.out


def test_flags_that_do_not_go_together(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "--cfg", "job", "-m")
    told = "Only one of --run, --multirun, --cfg, --info and --shell_completion can be specified"
    assert (result.code, result.err) == (1, f"modrobust: {told}\n")


@pytest.mark.skipif(not SCRIPT.exists(), reason="the package is not installed, so there is no script modrobust")
def test_the_script_and_the_module_are_the_same_command(tmp_path: Path) -> None:
    command = ["--cfg", "job", "--resolve", "dataset=emnist"]
    shown = [
        subprocess.run([*start, *command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for start in ([str(SCRIPT)], [sys.executable, "-m", "modrobust"])
    ]
    assert shown[0] == shown[1]
    assert yaml.safe_load(shown[0])["method"]["name"] == "cross_entropy"


COMPLETE = """
eval "$(modrobust -sc install=bash)"
complete -p modrobust >&2
COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}; COMP_CWORD=1
hydra_bash_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(not SCRIPT.exists(), reason="the package is not installed, so there is no script modrobust")
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_options(tmp_path: Path) -> None:
    write_fog(tmp_path)
    environment = {**os.environ, "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}"}
    command = ["bash", "-c", COMPLETE, "bash", "modrobust corruption="]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "hydra_bash_completion modrobust" in done.stderr
    found = set(done.stdout.split())
    assert found == {f"corruption={file.stem}" for file in (CONF / "corruption").glob("*.yaml")} | {
        "corruption=with_fog"
    }


def test_a_sweep_and_single_runs_share_their_folders(tmp_path: Path) -> None:
    assert modrobust(tmp_path, "-m", "seed=0,1", *SMALL).code == 0
    made = results(tmp_path)
    pattern = r"digits/cross_entropy-small_cnn/seed[01]-[0-9a-f]{10}/results.csv"
    assert all(re.fullmatch(pattern, str(file.relative_to(tmp_path / "outputs/runs"))) for file in made)
    assert [file.parent.name[:6] for file in made] == ["seed0-", "seed1-"]
    written = [file.stat().st_mtime_ns for file in made]
    again = modrobust(tmp_path, "seed=1", *SMALL)
    assert (again.code, again.err.splitlines()[0]) == (
        0,
        "This run is done already; nothing to do. To repeat it, move its folder away.",
    )
    assert [file.stat().st_mtime_ns for file in results(tmp_path)] == written


def test_the_same_folder_and_result_from_any_folder(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "a folder/deeper"
    for folder in (here, there):
        folder.mkdir(parents=True)
        assert modrobust(folder, *SMALL).code == 0
    (one,), (other,) = results(here), results(there)
    assert one.relative_to(here) == other.relative_to(there)
    assert one.read_bytes() == other.read_bytes()
    elsewhere = modrobust(here, *SMALL, f"paths.outputs={tmp_path}/elsewhere", "checkpoint_seconds=9")
    assert elsewhere.code == 0
    assert (tmp_path / "elsewhere" / one.relative_to(here / "outputs")).exists()


def write_fog(folder: Path) -> None:
    """A user's own corruption: one function, one YAML file."""
    (folder / "fog.py").write_text(
        "def fog(images, draw, strength=0.5):\n"
        "    density = draw.uniform(1, *images.shape[2:])\n"
        "    return images + strength * density * (255 - images)\n"
    )
    (folder / "conf/corruption").mkdir(parents=True)
    (folder / "conf/corruption/with_fog.yaml").write_text(
        "defaults: [six]\n"
        "names: [Contrast, Fog]\n"
        "elemental:\n"
        "  Fog: {_target_: fog.fog, _partial_: true, strength: 0.5}\n"
    )


def test_a_corruption_of_the_user_is_trained_and_tested(tmp_path: Path) -> None:
    write_fog(tmp_path)
    small = (*SMALL, "evaluation.max_length=2")
    result = modrobust(tmp_path, "corruption=with_fog", *small)
    assert result.code == 0, result.err
    table = pd.read_csv(results(tmp_path)[0])
    assert list(table.composition) == ["Identity", "Contrast", "Fog", "Contrast-Fog", "Fog-Contrast"]
    assert (table.n_images == 10).all() and table.loss.between(0, 100).all() and table.loss.nunique() == 5
    assert modrobust(tmp_path, "corruption=with_fog", "corruption.elemental.Fog.strength=0.9", *small).code == 0
    assert len(results(tmp_path)) == 2


def test_a_dataset_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "stripes.py").write_text(
        "import torch\n"
        "from modrobust.dataset.splits import ImageDataset, Split\n"
        "def stripes(root, name, num_classes, image_size, amount):\n"
        "    targets = torch.arange(amount) % num_classes\n"
        "    inputs = torch.zeros(amount, 1, image_size, image_size, dtype=torch.uint8)\n"
        "    for image, target in zip(inputs, targets):\n"
        "        image[:, :, target :: num_classes] = 200\n"
        "    split = Split(inputs, targets, torch.arange(amount))\n"
        "    return ImageDataset(name, dict.fromkeys(('train', 'valid', 'test'), split), num_classes, image_size)\n"
    )
    (tmp_path / "conf/dataset").mkdir(parents=True)
    (tmp_path / "conf/dataset/stripes.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n"
        "  - override /corruption: none\n"
        "dataset:\n"
        "  _target_: stripes.stripes\n"
        "  name: stripes\n"
        "  num_classes: 4\n"
        "  image_size: 16\n"
        "  amount: 12\n"
    )
    small = ("training.epochs=1", "threads=1", "device=cpu")
    result = modrobust(tmp_path, "dataset=stripes", "dataset.amount=20", *small)
    assert result.code == 0, result.err
    (file,) = results(tmp_path)
    assert file.parts[-4:-2] == ("stripes", "cross_entropy-small_cnn")
    table = pd.read_csv(file)
    assert (table.composition.tolist(), table.n_images.tolist()) == (["Identity"], [20])

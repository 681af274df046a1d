"""Shares of one evaluation: tested in any order, merged to the bytes of the undivided run."""

import signal
from itertools import chain

import pytest
from command import Command, Server

from modrobust.corruption.choice import share
from modrobust.corruption.composition import sample

PAIRS = "evaluation.max_length=2"

KILL_IN_MERGE = """
import os, signal
from modrobust.evaluation import shards

def die(path, write):
    os.kill(os.getpid(), signal.SIGKILL)

shards.write_atomically = die
"""


@pytest.fixture(scope="module")
def undivided(server: Server, undisturbed: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(server, tmp_path_factory.mktemp("undivided"))
    command.take_parts(undisturbed)
    assert command(PAIRS).code == 0
    return command


@pytest.fixture
def divided(modrobust: Command, undisturbed: Command) -> Command:
    """The command in a folder where the parts are trained."""
    modrobust.take_parts(undisturbed)
    return modrobust


def merged(command: Command) -> dict[str, bytes]:
    """Bytes of the merged files, in the folder above the shards."""
    (folder,) = {path.parent.parent for path in command.folder.rglob("shard-1of*/config.yaml")}
    files = (path for path in folder.iterdir() if path.suffix in (".csv", ".npz") and path.name != "metrics.csv")
    return {path.name: path.read_bytes() for path in files}


def test_three_shares_are_the_whole(divided: Command, undivided: Command) -> None:
    for part in (3, 1, 2):
        assert merged_none_yet(divided)
        assert divided(PAIRS, f"evaluation.shard={part}/3").code == 0
    expected = undivided.results()
    del expected["weights.safetensors"]
    assert merged(divided) == expected


def merged_none_yet(command: Command) -> bool:
    return not [path for path in command.folder.rglob("results.csv") if "shard-" not in path.parent.name]


def test_more_shares_than_compositions(divided: Command) -> None:
    few = "evaluation.compositions=[Identity,Contrast]"
    for part in (1, 2, 3):
        ended = divided(few, f"evaluation.shard={part}/3")
        assert ended.code == 0, ended.stderr
    assert merged(divided).keys() == {"results.csv", "predictions.npz", "activations.npz"}
    assert "2 rows of 40 images each" in ended.stdout


def test_a_killed_merge_is_done_by_running_a_finished_share_again(divided: Command) -> None:
    assert divided("evaluation.shard=1/2").code == 0
    killed = divided("evaluation.shard=2/2", before=KILL_IN_MERGE)
    assert killed.code == -signal.SIGKILL
    assert merged_none_yet(divided)
    again = divided("evaluation.shard=1/2")
    assert again.code == 0
    assert "done already" in again.stderr and "7 rows of 40 images each" in again.stdout
    undivided = divided()
    assert "done already" in undivided.stderr and undivided.stdout == again.stdout
    folder = next(divided.folder.rglob("shard-1of2")).parent
    assert (folder / "config.yaml").exists() and (folder / "metrics.jsonl").exists()


@pytest.mark.parametrize("of", [1, 2, 8, 200])
def test_every_composition_is_in_one_share(of: int) -> None:
    compositions = sample(["A", "B", "C", "D", "E", "F"])
    shares = [share(compositions, part, of) for part in range(1, of + 1)]
    assert sorted(chain(*shares)) == sorted(compositions)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1

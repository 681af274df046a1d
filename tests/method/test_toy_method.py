"""A method from outside the package: one Python file and one YAML in the user's working folder."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

PYTHON = '''
from torch.nn import functional

from modrobust.method.fit import fit
from modrobust.method.objectives import Paired


class Smoothed:
    """Cross entropy with smoothed labels, on clean images only."""

    def __init__(self, lr, smoothing):
        self.lr, self.smoothing = lr, smoothing

    def train(self, experiment):
        part = experiment.parts.part("smoothed", ("Identity",), lr=self.lr, smoothing=self.smoothing)
        network, views = experiment.network(part), experiment.views()

        def scalars(batch):
            logits = network(views.see(batch, ("Identity",)))
            return {"loss": functional.cross_entropy(logits, batch.targets, label_smoothing=self.smoothing)}

        training = experiment.training
        fit(part, network, Paired(views, network, scalars, training.batch_size), training, self.lr)
        network.eval()
        return lambda images, composition: {"toy": network.predict(images)}
'''
YAML = """
_target_: smoothed.Smoothed
name: toy
lr: 1e-2
smoothing: 0.1
"""


def test_one_file_and_one_yaml(tmp_path: Path) -> None:
    (tmp_path / "smoothed.py").write_text(PYTHON)
    (tmp_path / "conf/method").mkdir(parents=True)
    (tmp_path / "conf/method/toy.yaml").write_text(YAML)
    command = [sys.executable, "-W", "error::UserWarning", "-m", "modrobust", "method=toy", "method.smoothing=0.2"]
    tiny = ["threads=1", "dataset.n_train=40", "dataset.n_valid=20", "dataset.n_test=30", "training.epochs=1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *tiny, "evaluation.compositions=[Identity,Invert-Swirl]"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("outputs/runs/digits/toy-small_cnn/seed0-*/results.csv")
    rows = pd.read_csv(file)
    assert rows[["method", "variant", "composition", "n_images"]].values.tolist() == [
        ["toy", "toy", "Identity", 30],
        ["toy", "toy", "Invert-Swirl", 30],
    ]
    assert len(list(tmp_path.glob("outputs/parts/digits/smoothed-small_cnn-seed0-*/weights.safetensors"))) == 1

"""What Python users import: the names, the numbers of the command, and what is said of wrong input."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from in_process import SMALL
from in_process import modrobust as command
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

import modrobust
from modrobust import Corrupt, UserError, compositions, evaluate
from modrobust.corruption.composition import sample
from modrobust.dataset.digits import digits
from modrobust.dataset.normalise import normalise
from modrobust.model.five_by_five import five_by_five

FEW = ["Identity", "ImpulseNoise", "Contrast-ImpulseNoise-Swirl"]
SIGNATURES = {
    "Corrupt": ["composition", "severity", "elemental", "seed"],
    "UserError": ["args", "kwargs"],
    "compositions": ["corruption"],
    "evaluate": [
        *("network", "images", "labels", "corruption", "compositions", "max_length", "prepare", "index", "split"),
        *("batch_size", "device"),
    ],
}


class Mean(nn.Module):
    """Logits of a grey image: its mean in 0..1, and one minus it; it forgets half of them in training."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((1, 2, 3))
        return nn.functional.dropout(torch.stack([mean, 1 - mean], 1), 0.5, self.training)


def test_public_names_and_their_arguments_stay() -> None:
    assert sorted(SIGNATURES) == modrobust.__all__
    assert set(SIGNATURES) <= set(dir(modrobust))
    for name, arguments in SIGNATURES.items():
        public = getattr(modrobust, name)
        assert name == "UserError" or list(inspect.signature(public).parameters) == arguments
        assert public.__doc__
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        modrobust.evaluat  # noqa: B018


def test_the_import_is_light() -> None:
    code = "import sys, modrobust; sys.exit(bool({'torch', 'hydra', 'pandas'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_numbers_of_the_command(tmp_path: Path) -> None:
    size = ("dataset.image_size=16", f"evaluation.compositions=[{','.join(FEW)}]", "evaluation.max_length=null")
    few = [text for text in SMALL if "max_length" not in text]
    run = command(tmp_path, *few, *size, "dataset.n_train=60", "model.widths=[4,4,4,4]", "training.epochs=2")
    assert run.code == 0, run.err
    (table,) = (pd.read_csv(path) for path in tmp_path.glob("outputs/runs/*/*/*/results.csv"))
    (weights,) = tmp_path.glob("outputs/parts/*/*/weights.safetensors")
    network = five_by_five(10, 16, [4, 4, 4, 4], 256)
    network.load_state_dict(load_file(weights))
    half = {"mean": [0.5] * 3, "std": [0.5] * 3}
    data = digits(tmp_path, image_size=16, name="digits", num_classes=10, **half, n_test=10)
    test = data.splits["test"]
    prepare = lambda images: normalise(images, data)  # noqa: E731
    ours = evaluate(
        network.train(), test.inputs, test.targets, compositions=FEW, index=test.index, prepare=prepare, batch_size=7
    )
    assert network.training
    assert list(ours.columns) == ["composition", "n_corruptions", "n_images", "loss", "accuracy"]
    for column in ("composition", "n_corruptions", "n_images", "accuracy"):
        assert list(ours[column]) == list(table[column])
    np.testing.assert_allclose(ours.loss, table.loss, rtol=1e-5)
    assert not GlobalHydra.instance().is_initialized()


def test_known_answers_of_any_kind_of_images() -> None:
    grey = torch.full((3, 4, 6), 51, dtype=torch.uint8)
    labels, few = [0, 1, 1], ["Identity", "Invert"]

    class Pictures:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> tuple[Image.Image, int]:
            return Image.fromarray(grey[i].numpy()), labels[i]

    kinds = {
        "bytes": evaluate(Mean(), grey, labels, compositions=few),
        "array": evaluate(Mean(), grey.numpy(), np.array(labels), compositions=few),
        "unit": evaluate(Mean(), grey[:, None] / 255, torch.tensor(labels), compositions=few),
        "dataset": evaluate(Mean(), Pictures(), compositions=few),
        "function": evaluate(Mean().eval().forward, grey, labels, compositions=few, batch_size=2),
    }
    for kind, table in kinds.items():
        assert list(table.accuracy.round(4)) == [66.6667, 33.3333], kind  # class 1 where it is dark
        expected = (2 * np.log1p(np.exp(0.2 - 0.8)) + np.log1p(np.exp(0.8 - 0.2))) / 3
        assert table.loss[0] == pytest.approx(expected, rel=1e-5), kind


def test_compositions_are_those_of_the_study() -> None:
    names = compositions()
    assert len(names) == 167 and names[0] == "Identity"
    assert [tuple(filter("Identity".__ne__, name.split("-"))) for name in names] == sample(names[1:7])
    assert compositions("none") == ["Identity"]
    assert Corrupt(names[-1])(np.zeros((8, 8), np.uint8)).shape == (8, 8)


BYTES, LABELS = torch.zeros(3, 1, 8, 8, dtype=torch.uint8), [0, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "keys", "message"),
    [
        ((Mean(), BYTES), {}, "images without labels: give their classes"),
        ((Mean(), BYTES, [0, 1]), {}, r"3 images, but \(2,\) labels and \(3,\) indices"),
        (
            (Mean(), BYTES - 1.0, LABELS),
            {},
            r"images are float32 \(3, 1, 8, 8\), -1 to -1: uint8 .* goes into prepare=\.",
        ),
        ((Mean(), BYTES[:0], []), {}, "at least one image is needed"),
        ((Mean(), BYTES, [0, 1, 2]), {}, r"the network returns \(3, 2\): logits \(3, 3 or more\) are needed"),
        (
            (nn.Linear(2, 2), BYTES, LABELS),
            {},
            r"the network does not take images \(3, 1, 8, 8\) .*: RuntimeError: mat1",
        ),
        ((Mean(), BYTES, LABELS), {"corruption": "sixx"}, "corruption=sixx: .* Did you mean 'six'"),
        ((Mean(), BYTES, LABELS), {"compositions": ["Swril"]}, "no corruption 'Swril'. Did you mean 'Swirl'"),
        ((Mean(), [(torch.zeros(1, 2, 2), 0), (torch.zeros(1, 2, 3), 0)]), {}, "image 1 differs in shape"),
    ],
)
def test_wrong_input_is_one_line(arguments: tuple[object, ...], keys: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        evaluate(*arguments, **keys)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)

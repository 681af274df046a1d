"""Networks are cut where one tensor carries everything, at the boundaries that a person would name."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from modrobust.errors import UserError
from modrobust.model.by_shape import channels_last, module_for
from modrobust.model.cut import cut
from modrobust.model.divided import divided

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Shortcut(nn.Module):
    """A residual block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(self.one(x).relu())


class Stage(nn.Module):
    """No nn.Sequential, but one thing after the other, as a stage or an encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(4, 6, 3, 2, 1)
        self.first, self.second = Shortcut(6), Shortcut(6)

    def forward(self, x: Tensor) -> Tensor:
        torch._assert(x.dim() == 4, "four")
        return self.second(self.first(self.down(x)))


class Plain(nn.Module):
    """A block without a shortcut, which stays whole."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(6, 6, 1), nn.Conv2d(6, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x))


class Own(nn.Module):
    """A user's network: pooling and dropout by functions, a position added, two layers that share a weight."""

    def __init__(self, tied: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.place = nn.Parameter(torch.randn(1, 4, 8, 8))
        self.stage, self.plain = Stage(), Plain()
        self.hidden, self.out = nn.Linear(6, 6), nn.Linear(6, 6)
        if tied:
            self.out.weight = self.hidden.weight

    def forward(self, x: Tensor, verbose: bool = False) -> Tensor:
        x = self.plain(self.stage(self.stem(x) + self.place))
        x = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        x = functional.dropout(functional.relu(self.hidden(x)), 0.5, training=self.training)
        return self.out(x) * (2 if verbose else 1)


BLOCKS = ["stem", "stage_down", "stage_first", "stage_second", "plain", "hidden", "out"]
SHAPES = [(3, 16, 16), (4, 8, 8), (6, 4, 4), (6, 4, 4), (6, 4, 4), (6,), (6,)]


def test_blocks_and_the_shapes_of_their_inputs() -> None:
    blocks = cut(Own(), IMAGES)
    assert [block.name for block in blocks] == BLOCKS
    assert [block.shape for block in blocks] == SHAPES


def test_layers_that_share_a_weight_are_one_block() -> None:
    assert [block.name for block in cut(Own(tied=True), IMAGES)] == [*BLOCKS[:-2], "hidden"]


def test_blocks_compute_what_the_network_does_in_both_modes() -> None:
    own = Own()
    whole = nn.Sequential(*(block.module for block in cut(own, IMAGES)))
    copies = [(copy.deepcopy(whole), copy.deepcopy(own)), (pickle.loads(pickle.dumps(whole)), copy.deepcopy(own))]
    for made, original in [(whole, own), *copies]:
        for training in (True, False):
            torch.manual_seed(1)
            expected = original.train(training)(IMAGES)
            torch.manual_seed(1)
            assert torch.equal(made.train(training)(IMAGES), expected)
    torch.manual_seed(1)
    assert not torch.equal(whole.train()(IMAGES), whole.eval()(IMAGES))  # the flag of the dropout follows the mode


def test_weights_keep_their_names_behind_that_of_the_block() -> None:
    own = Own()
    network = divided(own, (16, 16), "own")
    names = [name.split(".", 2)[2] for name in network.state_dict()]
    assert sorted(names) == sorted(own.state_dict())


def test_cutting_changes_neither_mode_nor_statistics() -> None:
    own = Own()
    own.stem[1].eval()
    before = {name: one.clone() for name, one in own.state_dict().items()}
    cut(own, IMAGES)
    assert [own.training, own.stem.training, own.stem[1].training] == [True, True, False]
    assert all(torch.equal(one, before[name]) for name, one in own.state_dict().items())


def test_chosen_levels_by_name_and_number() -> None:
    blocks = cut(Own(), IMAGES, ["stage.second", 4])
    assert [block.name for block in blocks] == ["stem", "stage_second", "plain", "out"]
    with pytest.raises(UserError, match=r"no level stage_secnd: modrobust task=levels lists .*'stage_second'\?"):
        cut(Own(), IMAGES, ["stage_secnd"])


def test_the_published_resnet18_is_cut_as_ours_is() -> None:
    names = ["conv1", *(f"layer{i}_{k}" for i in range(1, 5) for k in range(2)), "fc"]
    assert [block.name for block in cut(models.resnet18(), IMAGES)] == names


class Flow(nn.Module):
    """Looks at values, which cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(3 * 16 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.flatten(1) if x.mean() > 0 else -x.flatten(1))


def test_what_cannot_be_traced_is_one_block() -> None:
    flow = Flow()
    network = divided(flow, (16, 16), "flow")
    assert network.levels == 1
    assert network.undivided and "torch.fx cannot trace it: TraceError: symbolically" in network.undivided
    logits, units = network.eval().predict(IMAGES)
    assert torch.equal(logits, flow(IMAGES)) and torch.equal(units, logits)
    assert network.make_autoencoder()(IMAGES).shape == IMAGES.shape


def test_what_does_not_take_the_images_is_told() -> None:
    with pytest.raises(
        UserError, match=r"^own does not take images of 20x16 pixels: RuntimeError: .*\(10\) must match"
    ):
        divided(Own(), (20, 16), "own")


@pytest.mark.parametrize("shape", [(5, 8, 6), (8, 6, 5), (7, 12), (9,), (3, 16, 12)])
def test_modules_keep_the_shape_and_any_sign(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = module_for((16, 12), [(3, 16, 12), shape], int(shape != (3, 16, 12)))
    x = torch.randn(4, *shape)
    assert module(x).shape == x.shape
    assert module(x).min() < 0
    assert any(isinstance(one, nn.MultiheadAttention) for one in module.modules()) == (len(shape) == 2)


def test_which_features_have_their_channels_last() -> None:
    assert channels_last((7, 7, 96), (28, 28)) and channels_last((8, 4, 8), (64, 32))
    assert not channels_last((96, 7, 7), (28, 28)) and not channels_last((8, 8, 4), (64, 32))


def test_last_is_the_output_of_the_last_block_that_sees_places() -> None:
    assert divided(Own(), (16, 16), "own").after_convolutions == 5
    vit = models.VisionTransformer(16, 4, 2, 2, 16, 32, num_classes=5)
    network = divided(vit, (16, 16), "vit")
    assert network.block_names[1:] == ["encoder_layers_encoder_layer_0", "encoder_layers_encoder_layer_1", "heads_head"]
    assert network.after_convolutions == 3

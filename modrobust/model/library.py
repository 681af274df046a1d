"""Classifiers of torchvision and timm, by the names that they have there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from modrobust.dataset.splits import height_width
from modrobust.errors import UserError, line_of, nearest
from modrobust.model.divided import divided
from modrobust.model.network import Network
from modrobust.model.stem import make_small
from modrobust.model.weights import is_file, load_into, read

Options = Mapping[str, Any]


def torchvision(
    num_classes: int,
    image_size: int | Sequence[int],
    arch: str,
    weights: str | None = None,
    stem: str = "original",
    levels: Sequence[str | int] | None = None,
    options: Options | None = None,
) -> Network:
    """A classifier of torchvision.models, initialised as there, for so many classes.

    Args:
        num_classes: number of logits.
        image_size: height and width of the images, in pixels, or one number for both.
        arch: its name, such as mobilenet_v3_small.
        weights: None; a name such as IMAGENET1K_V1 or DEFAULT, which is downloaded; or a file (see `weights.read`).
        stem: `original`, or `small`: adapted to small images (see `stem.make_small`).
        levels: see `divided`.
        options: of torchvision's function, such as {dropout: 0.2}.

    Raises:
        UserError: a name is unknown, an option is refused, the images or the weights do not fit.
    """
    from torchvision import models

    names = models.list_models(module=models)
    if arch not in names:
        raise UserError(f"model.arch={arch}: torchvision has no such classifier.{nearest(arch, names)}")
    height, width = height_width(image_size)
    extra: Options = {"aux_logits": False, "init_weights": True} if arch in ("googlenet", "inception_v3") else {}

    def build(**size: Any) -> nn.Module:
        return models.get_model(arch, weights=None, num_classes=num_classes, **{**extra, **size, **(options or {})})

    def pretrained(name: str) -> dict[str, Tensor]:
        known = models.get_model_weights(arch)
        if name not in known.__members__:
            allowed = ", ".join(known.__members__)
            raise UserError(
                f"model.weights={name}: no such file, and {arch} has {allowed}.{nearest(name, known.__members__)}"
            )
        return dict(known[name].get_state_dict(progress=False, check_hash=True))

    network = _built(arch, build, image_size=height)
    return _finished(network, arch, (height, width), num_classes, weights, pretrained, stem, levels)


def timm(
    num_classes: int,
    image_size: int | Sequence[int],
    arch: str,
    weights: str | None = None,
    stem: str = "original",
    levels: Sequence[str | int] | None = None,
    options: Options | None = None,
) -> Network:
    """A classifier of timm (PyTorch Image Models), initialised as there, for so many classes.

    Args:
        num_classes, image_size, stem, levels: as in `torchvision`.
        arch: its name without a tag, such as mobilenetv3_small_050.
        weights: None; a tag such as lamb_in1k, which is downloaded; or a file (see `weights.read`).
        options: of timm.create_model, such as {patch_size: 4}.

    Raises:
        UserError: as in `torchvision`; or timm is not installed.
    """
    try:
        import timm as library
    except ImportError as error:
        raise UserError("model=timm needs the package timm: pip install timm.") from error
    names = library.list_models()
    if arch not in names:
        raise UserError(f"model.arch={arch}: timm has no such classifier.{nearest(arch, names)}")
    size = height_width(image_size)

    def build(**size: Any) -> nn.Module:
        return library.create_model(arch, num_classes=num_classes, **{**size, **(options or {})})

    def pretrained(tag: str) -> dict[str, Tensor]:
        tags = [name.partition(".")[2] for name in library.list_pretrained(f"{arch}.*")]
        if tag not in tags:
            raise UserError(
                f"model.weights={tag}: no such file, and {arch} has {', '.join(tags) or 'none'}.{nearest(tag, tags)}"
            )

        def build(**size: Any) -> nn.Module:  # timm fits positions to the size of the images
            return library.create_model(f"{arch}.{tag}", pretrained=True, **{**size, **(options or {})})

        return _built(arch, build, img_size=size).state_dict()

    network = _built(arch, build, img_size=size)
    return _finished(network, arch, size, num_classes, weights, pretrained, stem, levels)


def _built(arch: str, build: Callable[..., nn.Module], **size: Any) -> nn.Module:
    """What a library builds, told the images' size where it needs to know it."""
    try:
        try:
            return build(**size)
        except TypeError as error:
            if next(iter(size)) not in str(error):
                raise
            return build()
    except Exception as error:
        raise UserError(f"model.arch={arch}: {line_of(error)}") from error


def _finished(
    network: nn.Module,
    arch: str,
    image_size: tuple[int, int],
    num_classes: int,
    weights: str | None,
    pretrained: Callable[[str], dict[str, Tensor]],
    stem: str,
    levels: Sequence[str | int] | None,
) -> Network:
    adapted = make_small(network, arch) if stem == "small" else ()
    if weights is not None:
        try:
            state = read(weights) if is_file(weights) else pretrained(weights)
        except OSError as error:  # no network, for one
            raise UserError(f"model.weights={weights}: cannot be had: {line_of(error)}") from error
        load_into(network, state, num_classes, adapted, weights)
    return divided(network, image_size, f"model.arch={arch}", levels)

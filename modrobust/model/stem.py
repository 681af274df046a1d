"""A network's first layers for small images."""

from collections.abc import Iterable

from torch import nn

from modrobust.errors import UserError


def make_small(network: nn.Module, arch: str) -> tuple[str, ...]:
    """Let the first convolution keep height and width, and leave out a max pooling before the second.

    A kernel of more than 3x3 becomes 3x3, as for CIFAR-10 (He et al., arXiv 1512.03385, section 4.2, and what is
    common since). Patches (a stride as long as the kernel) of more than 4 pixels are refused: there it is a token
    for every pixel that would come out.

    Args:
        network: is changed.
        arch: its name, for messages.

    Returns:
        The module that was replaced, if its weights are of another shape now.

    Raises:
        UserError: there is nothing to adapt, or the stem is none of convolutions.
    """
    convolutions = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    name, first = convolutions[0] if convolutions else ("", None)
    if first is None or first.stride == (1, 1):
        raise UserError(f"model.stem=small: the first layer of {arch} keeps the images' size: leave the stem as it is.")
    if first.stride == first.kernel_size and first.stride[0] > 4:
        raise UserError(
            f"model.stem=small: {arch} cuts images into patches of {first.stride[0]} pixels; smaller ones are an "
            "option of the library's, if it has one: model.options={patch_size: 4}."
        )
    kernel = (3, 3)
    small = nn.Conv2d(first.in_channels, first.out_channels, kernel, 1, 1, bias=first.bias is not None)
    if kernel == first.kernel_size:
        small.load_state_dict(first.state_dict())
    every = [(one, module, isinstance(module, nn.Conv2d)) for one, module in network.named_modules()]
    of_root = [(one, module, _has_convolution(module)) for one, module in network.named_children()]
    _replace(network, name, small)
    for pool in {*_pools_after_the_first(every), *_pools_after_the_first(of_root)}:
        _replace(network, pool, nn.Identity())
    return () if kernel == first.kernel_size else (name,)


def _pools_after_the_first(modules: Iterable[tuple[str, nn.Module, bool]]) -> list[str]:
    """Names of max poolings between the first and the second of the modules that convolve."""
    convolving, pools = 0, []
    for name, module, convolves in modules:
        convolving += convolves
        if isinstance(module, nn.MaxPool2d) and convolving == 1:
            pools.append(name)
    return pools


def _has_convolution(module: nn.Module) -> bool:
    return any(isinstance(one, nn.Conv2d) for one in module.modules())


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)

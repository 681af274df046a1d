"""Sums whose last bit does not depend on their order.

Sums and matrix products are added up in an order that depends on the size of the batch, the number of
threads and the device. Where all terms are whole multiples of one power of two, and no partial sum needs more
than the 53 bits of float64, every partial sum is exact, and so every order gives the same result.
"""

import torch
from torch import Tensor


def on_grid(images: Tensor, bits: int) -> Tensor:
    """float32 (...), 0..255, rounded to multiples of 2^-bits, bits at most 15, as float64 (...)."""
    shift = 2.0 ** (23 - bits)  # float32 has 23 bits after the first one: adding this rounds
    return images.add(shift).sub_(shift).to(torch.float64)

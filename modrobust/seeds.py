"""Independent seeds for independent purposes, all from the one seed of a run."""

import hashlib


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for a purpose: the same for the same arguments, on every machine."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1

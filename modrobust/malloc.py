"""How the C library handles memory that is freed."""

import ctypes
import os
import platform

SETTINGS = {-3: 32 << 20, -1: 32 << 20}
"""By glibc's malloc.h: bytes from which on an array has pages of its own; freed bytes that are kept for the next."""


def keep_freed_memory() -> None:
    """Let glibc use freed memory again; elsewhere, or where the user has set how malloc works, nothing is done.

    By itself it hands memory back to the system as soon as some batch's arrays are freed, and every page of the next
    batch's costs a fault: half of the system's part of a run's processor time.
    """
    settings = [*os.environ, os.environ.get("GLIBC_TUNABLES", "")]
    if platform.libc_ver()[0] == "glibc" and "malloc" not in " ".join(settings).lower():
        for parameter, value in SETTINGS.items():
            ctypes.CDLL(None).mallopt(parameter, value)

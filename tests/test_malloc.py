"""How the C library handles freed memory: what is asked of it."""

import ctypes
import os
import platform
from types import SimpleNamespace

import pytest

from modrobust.malloc import SETTINGS, keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_kept_unless_the_user_has_said_how(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in os.environ if "MALLOC" in one or one == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    real, answers = ctypes.CDLL(None), []
    asked: list[tuple[int, int]] = []

    def mallopt(parameter: int, value: int) -> None:
        asked.append((parameter, value))
        answers.append(real.mallopt(parameter, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    keep_freed_memory()
    assert dict(asked) == SETTINGS  # both: one alone would leave the other at 128 kB
    assert answers == [1, 1]  # taken
    for name, value in (("MALLOC_ARENA_MAX", "2"), ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")):
        with monkeypatch.context() as here:
            here.setenv(name, value)
            keep_freed_memory()
    assert len(asked) == 2

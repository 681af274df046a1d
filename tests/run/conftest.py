"""The command, and one undisturbed run of it to compare with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("said"))
    yield server
    server.close()


@pytest.fixture
def modrobust(server: Server, tmp_path: Path) -> Command:
    """The command, in a new folder."""
    return Command(server, tmp_path)


@pytest.fixture(scope="session")
def undisturbed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A run that nothing disturbed; only to be read."""
    command = Command(server, tmp_path_factory.mktemp("undisturbed"))
    assert command().code == 0
    return command

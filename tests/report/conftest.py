"""What tests of reports share."""

import pytest


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made, but not drawn, which takes seconds: their files are empty."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)

"""The inventory's tests find no inventory of the person who runs them."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GPUCHECK_STORE", raising=False)
    monkeypatch.delenv("GPUCHECK_SIMULATE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

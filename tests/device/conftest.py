"""Nothing that a test compiles lands in the user's own cache."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of this test alone; the folder is not there yet."""
    folder = tmp_path / "cache" / "kernels"
    monkeypatch.setenv("GPUCHECK_CACHE", str(folder))
    return folder

"""A real card, or the reason why there is none."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import DeviceUnavailable
from gpucheck.model.base import Reason

ABSENT = {Reason.NOT_INSTALLED, Reason.NOT_SUPPORTED}
_ASK = """
import json
from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import DeviceUnavailable
try:
    print(json.dumps({"address": CudaDevice.open().attributes.bdf}))
except DeviceUnavailable as absent:
    print(json.dumps({"reason": absent.reason, "message": absent.message}))
"""


@pytest.fixture(scope="session", autouse=True)
def kernel_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of machine code for these tests alone; the folder is not there yet."""
    folder = tmp_path_factory.mktemp("cache") / "kernels"
    patch = pytest.MonkeyPatch()
    patch.setenv("GPUCHECK_CACHE", str(folder))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def cuda_device() -> Iterator[CudaDevice]:
    """The first card. Skips only where CuPy, the driver or the card is absent; a card that fails is a failure."""
    try:
        device = CudaDevice.open()
    except DeviceUnavailable as absent:
        if absent.reason not in ABSENT:
            raise
        pytest.skip(f"no card to run on: {absent.message}")
    yield device
    device.close()


@pytest.fixture(scope="session")
def address() -> str:
    """Bus address of the first card, asked in a process that is over when a scan begins. Skips as ``cuda_device``."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))}
    done = subprocess.run(
        [sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    if "address" in answer:
        return str(answer["address"])
    assert answer["reason"] in ABSENT, answer["message"]
    pytest.skip(f"no card to run on: {answer['message']}")

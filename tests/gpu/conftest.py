"""A real card, or the reason why there is none."""

from collections.abc import Iterator

import pytest

from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import DeviceUnavailable
from gpucheck.model.base import Reason

ABSENT = {Reason.NOT_INSTALLED, Reason.NOT_SUPPORTED}


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

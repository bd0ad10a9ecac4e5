"""The machine code itself: wide accesses are wide, nothing spills, and no load that counts was optimised away."""

import pytest

from gpucheck.device import kernels
from tests.kernels import sass

SAMPLED = tuple(number for number in (75, 80, 86, 89, 90, 100, 120) if number in sass.architectures())
pytestmark = pytest.mark.skipif(not SAMPLED, reason=f"{sass.MISSING}, or NVRTC's is not")


@pytest.mark.parametrize("number", SAMPLED)
@pytest.mark.parametrize("family", kernels.FAMILIES)
def test_nothing_is_kept_in_local_memory(family: str, number: int) -> None:
    for name, code in sass.machine_code(family, number).items():
        assert code, name
        assert sass.opcodes(code, r"(LDL|STL)\b") == [], name

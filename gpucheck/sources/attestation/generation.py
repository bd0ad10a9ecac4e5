"""Which dies can attest, by the compute capability that the driver states, and what the others are told.

Facts: the certificates of provisioning authorities in NVIDIA's open kernel modules (GH100, GB100 to GB112, GB202 to
GB207; none for the systems on a chip); issue 50 of nvtrust for GA100; NVIDIA's Corelib pages for Blackwell.
"""

from gpucheck.model.base import Reason, Unavailable

HOPPER = (9, 0)
BLACKWELL = frozenset({(10, 0), (10, 3), (12, 0)})

CANNOT = Unavailable(
    unavailable=Reason.NOT_SUPPORTED,
    detail="this die cannot attest: dies before GH100 have no certificate of their identity",
)
NOT_ON_RECORD = Unavailable(
    unavailable=Reason.NOT_SUPPORTED,
    detail="nothing is on record of certificates for dies of this generation",
)
MODE_OFF = "NVML asks it in a confidential-computing mode only, which is off"
HOPPER_OFF = Unavailable(
    unavailable=Reason.NOT_SUPPORTED,
    detail=f"this die can attest, but {MODE_OFF}; nothing else asks a GH100",
)
BLACKWELL_OFF = Unavailable(
    unavailable=Reason.NOT_REQUESTED,
    detail=f"this die can attest, but {MODE_OFF}; on Linux, as root, `gpucheck scan --nvattest` asks it through "
    "NVIDIA's tool nvattest, where that and its library Corelib are installed",
)


def unable(capability: tuple[int, int]) -> Unavailable | None:
    """Return why a die cannot attest at all, None where it can or may."""
    if capability < HOPPER:
        return CANNOT
    return None if capability == HOPPER or capability in BLACKWELL else NOT_ON_RECORD


def unasked(capability: tuple[int, int]) -> Unavailable:
    """Return what keeps a die from being asked where the confidential-computing mode is off."""
    return unable(capability) or (HOPPER_OFF if capability == HOPPER else BLACKWELL_OFF)

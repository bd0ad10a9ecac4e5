"""Asking a card of this machine to attest: through NVML in a confidential-computing mode, else through ``nvattest``.

Nothing is changed on the card, and no mode is switched. The question is 32 random bytes, so that an old answer shows.
"""

import secrets
from collections.abc import Callable
from typing import Any

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import NOT_LISTED
from gpucheck.sources import nvml_library as codes
from gpucheck.sources.attestation import certificates, generation, nvattest
from gpucheck.sources.attestation.saved import Saved
from gpucheck.sources.attestation.verify import NO_LIBRARY, Route, verify
from gpucheck.sources.nvml_library import NvmlError, NvmlLibrary, NvmlUnavailableError, session
from gpucheck.sources.nvml_reasons import NOT_SUPPORTED, TOO_OLD, error_text, reason_of, unavailable

Ask = Callable[[bytes], Saved | Unavailable]

_ARCHITECTURES = {9: generation.HOPPER, 10: (10, 0)}
"""NVML's numbers of architectures, for drivers that do not tell the compute capability."""
_OLDEST_UNKNOWN = 11
_PROTECTED_PCIE = 1


def read(
    library: NvmlLibrary,
    bdf: str,
    cards: int = 1,
    *,
    with_tool: bool = False,
    nonce: Callable[[int], bytes] = secrets.token_bytes,
    tool: str | None = None,
) -> Collected[Attestation]:
    """Ask the card at a PCI address, one of ``cards`` on the bus. ``nonce`` and ``tool`` are for tests."""
    question = nonce(32)
    try:
        with session(library):
            found = _through_nvml(library, bdf, question)
    except NvmlUnavailableError as error:
        return unavailable(error)
    route: Route = "nvml"
    if found is generation.BLACKWELL_OFF and with_tool:
        route = "library"
        found = nvattest.ask(question, cards, tool) if certificates.installed() else NO_LIBRARY
    return found if isinstance(found, Unavailable) else verify(found.chain, found.report, route, question)


def _through_nvml(library: NvmlLibrary, bdf: str, question: bytes) -> Saved | Unavailable:
    try:
        handle = library.call("nvmlDeviceGetHandleByPciBusId", bdf)
    except NvmlError as error:
        return _not_there(error)
    try:
        capability = _capability(library, handle)
        refusal = generation.unable(capability)
        if refusal:
            return refusal
        if not _confidential(library):
            return generation.unasked(capability)
        if not certificates.installed():
            return NO_LIBRARY
        chain = library.call("nvmlDeviceGetConfComputeGpuCertificate", handle)
        report = library.call("nvmlDeviceGetConfComputeGpuAttestationReport", handle, question)
        return Saved(
            _part(chain, "attestationCertChain", "attestationCertChainSize"),
            _part(report, "attestationReport", "attestationReportSize"),
        )
    except NvmlError as error:
        return _refused(error)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        detail = f"NVML's answer cannot be read ({type(error).__name__})"
        return Unavailable(unavailable=Reason.FAILED, detail=detail)


def _capability(library: NvmlLibrary, handle: Any) -> tuple[int, int]:
    """The compute capability, else what stands for it of the architecture."""
    try:
        major, minor = library.call("nvmlDeviceGetCudaComputeCapability", handle)
        return int(major), int(minor)
    except NvmlError as error:
        if error.code not in NOT_SUPPORTED | TOO_OLD:
            raise
    number = int(library.call("nvmlDeviceGetArchitecture", handle))
    return _ARCHITECTURES.get(number, (99, 0) if number >= _OLDEST_UNKNOWN else (number, 0))


def _confidential(library: NvmlLibrary) -> bool:
    """Whether confidential computing is on, or its form for several cards (protected PCIe).

    A driver that has no such question has no such mode.
    """
    try:
        if library.call("nvmlSystemGetConfComputeState").ccFeature:
            return True
        return bool(library.call("nvmlSystemGetConfComputeSettings").multiGpuMode == _PROTECTED_PCIE)
    except NvmlError as error:
        if error.code in NOT_SUPPORTED | TOO_OLD:
            return False
        raise


def _part(answer: Any, name: str, size: str) -> bytes:
    """The bytes that a structure of NVML's says it holds; a size beyond its buffer ends at that."""
    return bytes(getattr(answer, name)[: max(0, int(getattr(answer, size)))])


def _not_there(error: NvmlError) -> Unavailable:
    if error.code in (codes.NOT_FOUND, codes.INVALID_ARGUMENT, codes.GPU_NOT_FOUND):
        return Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED)
    return reason_of(error)


def _refused(error: NvmlError) -> Unavailable:
    if error.code == codes.NOT_FOUND:
        detail = f"the driver holds no certificate ({error_text(error)})"
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=detail)
    return reason_of(error)

"""Attestation of a die: from certificates and a signed report to facts, and where the two come from.

Verifying is pure and offline; for any bytes it gives facts or a reason.
"""

from gpucheck.sources.attestation.certificates import installed
from gpucheck.sources.attestation.verify import NO_LIBRARY, verify

__all__ = ["NO_LIBRARY", "installed", "verify"]

"""From findings to a verdict: one table of weights, and the fusion."""

from gpucheck.verdict.fusion import judge
from gpucheck.verdict.weights import weights_digest

__all__ = ["judge", "weights_digest"]

"""gpucheck says whether an NVIDIA card is what it claims to be."""

__version__ = "0.1.0"

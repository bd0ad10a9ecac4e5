"""The driver's resource manager, asked below NVML through its own device nodes: queries only, and no privilege."""

from gpucheck.sources.resource_manager.read import read

__all__ = ["read"]

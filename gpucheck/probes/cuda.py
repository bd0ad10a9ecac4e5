"""What the CUDA driver states for the device. No experiment: a second account of the declared facts."""

from gpucheck.device.protocol import Device
from gpucheck.model.evidence import CudaFacts
from gpucheck.probes.options import ProbeOptions


def probe(device: Device, options: ProbeOptions) -> CudaFacts:
    """Copy the attributes, and free memory as it is now."""
    attributes = device.attributes
    options.tell(1.0, "attributes")
    return CudaFacts(
        name=attributes.name,
        compute_capability=attributes.compute_capability,
        sm_count=attributes.sm_count,
        total_memory_bytes=attributes.total_memory_bytes,
        free_memory_bytes=device.memory_info().free_bytes,
        l2_cache_bytes=attributes.l2_cache_bytes,
        memory_bus_width_bits=attributes.memory_bus_width_bits,
        memory_clock_mhz=attributes.memory_clock_mhz,
        bdf=attributes.bdf,
        ecc_enabled=attributes.ecc_enabled,
        driver_version=attributes.driver_version,
        runtime_version=attributes.runtime_version,
    )

"""What runs on the card, one contestant a process: ``python benchmarks/contestants.py NAME [BYTES]`` prints JSON.

The process uses the first card that CUDA shows it. Rates are medians in bytes per second, in the convention of
``peers``. What is not installed prints ``{"absent": "why"}``.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from statistics import median
from typing import Any

Values = dict[str, Any]
WARM_UPS, SAMPLES = 5, 9
_GRIDS = (1, 2, 4, 8, 16, 32)
_DEVICE_TO_DEVICE = 3
_HOLD_CYCLES = 100_000
"""The device waits so long before each operation that is timed, while the host queues it."""


class AbsentError(Exception):
    """A contestant cannot take part here."""


def open_device() -> Any:
    """Open the first card. Raises ``AbsentError``."""
    from gpucheck.device.cuda import CudaDevice
    from gpucheck.device.protocol import DeviceUnavailable

    try:
        return CudaDevice.open()
    except DeviceUnavailable as error:
        raise AbsentError(error.message) from error


def attributes(_size: int) -> Values:
    """What the card says of itself."""
    return asdict(open_device().attributes)


def gpucheck_streams(_size: int) -> Values:
    """Gpucheck's own bandwidth probe; it chooses the size of its buffers, and the others follow it."""
    from gpucheck.probes import bandwidth
    from gpucheck.probes.options import ProbeOptions

    found = bandwidth.probe(open_device(), ProbeOptions())
    rates = {name: getattr(found, f"{name}_bytes_per_second") for name in ("read", "write", "copy", "triad")}
    return {name: rate for name, rate in rates.items() if rate} | {"buffer_bytes": found.buffer_bytes}


def gpucheck_walk(_size: int) -> Values:
    """Gpucheck's walk over all memory: writing and verifying N bytes counts 2N."""
    from gpucheck.probes import memory_walk
    from gpucheck.probes.options import ProbeOptions

    device = open_device()
    free = device.memory_info().free_bytes
    found = memory_walk.probe(device, ProbeOptions())
    write, verify = found.write_bytes_per_second, found.verify_bytes_per_second
    return {
        "walk": 2 / (1 / write + 1 / verify),
        "walk_write": write,
        "walk_verify": verify,
        "tested_bytes": found.tested_bytes,
        "free_share": found.tested_bytes / free,
        "walk_seconds": found.duration_seconds,
        "passes": found.passes,
        "faults": len(found.faults),
    }


def gpucheck_slabs(_size: int) -> Values:
    """Gpucheck's map of the memory's rates by window."""
    from gpucheck.probes.options import ProbeOptions
    from gpucheck.probes.registry import PROBES

    if "slab_map" not in PROBES:
        raise AbsentError("this version maps no slabs")
    found: Any = PROBES["slab_map"](open_device(), ProbeOptions())
    return {"slab_spread": found.spread, "slab_read": found.median_bytes_per_second, "tested_bytes": found.tested_bytes}


def gpucheck_grids(_size: int) -> Values:
    """Gpucheck's streams by blocks on each multiprocessor: equal shares of few blocks may end unequally late."""
    from gpucheck.probes import bandwidth
    from gpucheck.probes.options import ProbeOptions

    device, found = open_device(), {}
    for blocks in _GRIDS:
        bandwidth.BLOCKS_PER_SM = blocks
        seen = bandwidth.probe(device, ProbeOptions())
        found |= {f"read_{blocks}": seen.read_bytes_per_second, f"copy_{blocks}": seen.copy_bytes_per_second}
    return found


def gpucheck_compile(_size: int) -> Values:
    """Seconds to get all of gpucheck's machine code: with an empty cache, and then with a filled one."""
    from gpucheck.device import kernels
    from gpucheck.device.cuda import machine_code

    capability = open_device().attributes.compute_capability
    import cupy

    def all_families() -> float:
        start = time.perf_counter()
        for family in kernels.FAMILIES:
            machine_code(cupy, family, capability)
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        os.environ["GPUCHECK_CACHE"] = os.path.join(folder, "kernels")  # noqa: PTH118 - a string is wanted
        return {"compile_cold_seconds": all_families(), "compile_warm_seconds": all_families()}


def pytorch(size: int) -> Values:
    """PyTorch's elementwise operations on float32."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise AbsentError("PyTorch is not installed") from error
    if not torch.cuda.is_available():
        raise AbsentError("this PyTorch sees no CUDA device")
    a, b, c = (torch.empty(size // 4, dtype=torch.float32, device="cuda").uniform_() for _ in range(3))
    events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]

    def timed(run: Callable[[], Any]) -> float:
        torch.cuda._sleep(_HOLD_CYCLES)  # noqa: SLF001 - as gpucheck does, so that no launch by the host is counted
        events[0].record()
        run()
        events[1].record()
        events[1].synchronize()
        return float(events[0].elapsed_time(events[1])) / 1e3

    return {
        "read": rate(timed, b.sum, size),
        "write": rate(timed, lambda: a.fill_(1.5), size),
        "copy": rate(timed, lambda: a.copy_(b), 2 * size),
        "triad": rate(timed, lambda: torch.add(b, c, alpha=3.0, out=a), 3 * size),
    }


def cupy_arrays(size: int) -> Values:
    """CuPy's ``copyto`` and ``fill`` on float32."""
    cupy, a, b, timed = _cupy(size)
    return {
        "write": rate(timed, lambda: a.fill(1.5), size),
        "copy": rate(timed, lambda: cupy.copyto(a, b), 2 * size),
    }


def cuda_memcpy(size: int) -> Values:
    """``cudaMemcpyAsync`` from device to device."""
    cupy, a, b, timed = _cupy(size)
    copy = cupy.cuda.runtime.memcpyAsync
    return {"copy": rate(timed, lambda: copy(a.data.ptr, b.data.ptr, size, _DEVICE_TO_DEVICE, 0), 2 * size)}


def _cupy(size: int) -> tuple[Any, Any, Any, Callable[[Callable[[], Any]], float]]:
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise AbsentError("CuPy is not installed") from error
    if not cupy.cuda.is_available():
        raise AbsentError("this CuPy sees no CUDA device")
    a, b = cupy.empty(size // 4, cupy.float32), cupy.arange(size // 4, dtype=cupy.float32)
    events = [cupy.cuda.Event() for _ in range(2)]

    from gpucheck.device import kernels

    hold = cupy.RawKernel(kernels.load("hold").text, "hold")

    def timed(run: Callable[[], Any]) -> float:
        hold((1,), (1,), (cupy.uint64(_HOLD_CYCLES),))
        events[0].record()
        run()
        events[1].record()
        events[1].synchronize()
        return float(cupy.cuda.get_elapsed_time(*events)) / 1e3

    return cupy, a, b, timed


def rate(timed: Callable[[Callable[[], Any]], float], run: Callable[[], Any], traffic_bytes: int) -> float:
    """Median rate of an operation after it has warmed up."""
    for _ in range(WARM_UPS):
        timed(run)
    return traffic_bytes / median(timed(run) for _ in range(SAMPLES))


CONTESTANTS: dict[str, Callable[[int], Values]] = {
    "attributes": attributes,
    "gpucheck": gpucheck_streams,
    "gpucheck walk": gpucheck_walk,
    "gpucheck slabs": gpucheck_slabs,
    "gpucheck grids": gpucheck_grids,
    "gpucheck compile": gpucheck_compile,
    "PyTorch": pytorch,
    "CuPy": cupy_arrays,
    "cudaMemcpyAsync": cuda_memcpy,
}


def main(arguments: list[str]) -> None:
    """Run one contestant and print what came of it."""
    name, size = arguments[0], int(arguments[1]) if len(arguments) > 1 else 1 << 30
    try:
        values = CONTESTANTS[name](size)
    except AbsentError as absent:
        values = {"absent": str(absent)}
    except Exception as error:  # noqa: BLE001 - a contestant that fails must not end the race
        values = {"absent": f"it failed: {type(error).__name__}: {error}"[:300]}
    print(json.dumps(values))


if __name__ == "__main__":
    main(sys.argv[1:])

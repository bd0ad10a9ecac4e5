"""Factories for hand-built evidence and reports, so that a test names only the facts that it is about."""

import datetime as dt
from typing import Any

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import CudaFacts, DriverFacts, Evidence, Host, NvmlFacts, PciFacts
from gpucheck.model.finding import Confidence, Finding, Kind, Severity, Status
from gpucheck.model.integrity import DriverIntegrity
from gpucheck.model.measured import (
    Bandwidth,
    Census,
    Fingerprint,
    HostLink,
    Latency,
    LoadTest,
    MemoryWalk,
    SlabMap,
    Telemetry,
    Throughput,
)
from gpucheck.model.report import CardReport, MatchSummary, Report, Rulebook, Tool
from gpucheck.model.units import GIB, KIB, MIB
from gpucheck.model.vbios import VbiosFacts
from gpucheck.model.verdict import Authenticity, Condition, Contribution, Verdict

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
BDF = "0000:01:00.0"
UUID = "GPU-6b0b2a4c-59a1-4c5f-9d0c-0f4a9be1c111"
TOTAL_BYTES = 24564 * MIB


def make_nvml(**facts: Any) -> NvmlFacts:
    """An RTX 4090 as NVML states it, with single facts replaced."""
    stated: dict[str, Any] = {
        "route": "nvml",
        "driver_version": "580.95.05",
        "cuda_version": "13.0",
        "name": "NVIDIA GeForce RTX 4090",
        "brand": "GeForce",
        "architecture": "Ada Lovelace",
        "uuid": UUID,
        "vbios_version": "95.02.3C.40.0D",
        "bdf": BDF,
        "vendor_id": 0x10DE,
        "device_id": 0x2684,
        "subsystem_vendor_id": 0x10DE,
        "subsystem_id": 0x165B,
        "memory_total_bytes": TOTAL_BYTES,
        "bar1_total_bytes": 32 * GIB,
        "memory_bus_width_bits": 384,
        "core_count": 16384,
        "compute_capability": "8.9",
        "memory_clock_max_mhz": 10501,
        "raw": {"nvmlDeviceGetName": "NVIDIA GeForce RTX 4090", "nvmlDeviceGetUUID": UUID},
    }
    return NvmlFacts.model_validate(stated | facts)


def make_pci(**facts: Any) -> PciFacts:
    """An RTX 4090 on the PCI bus."""
    stated: dict[str, Any] = {
        "bdf": BDF,
        "vendor_id": 0x10DE,
        "device_id": 0x2684,
        "subsystem_vendor_id": 0x10DE,
        "subsystem_id": 0x165B,
        "class_code": 0x030000,
        "driver": "nvidia",
    }
    return PciFacts.model_validate(stated | facts)


def make_driver(**facts: Any) -> DriverFacts:
    """The kernel driver's copy of the identity."""
    stated: dict[str, Any] = {"version": "580.95.05", "model": "NVIDIA GeForce RTX 4090", "uuid": UUID, "bdf": BDF}
    return DriverFacts.model_validate(stated | facts)


def make_integrity(**facts: Any) -> DriverIntegrity:
    """The driver's software as a distribution installs it."""
    folder = "/usr/lib/x86_64-linux-gnu"
    stated: dict[str, Any] = {
        "module_version": "580.95.05",
        "module_taint": "OE",
        "libraries": (
            {"name": "libnvidia-ml.so.1", "path": f"{folder}/libnvidia-ml.so.580.95.05", "version": "580.95.05"},
        ),
    }
    return DriverIntegrity.model_validate(stated | facts)


def make_cuda(**facts: Any) -> CudaFacts:
    """What the CUDA driver states of an RTX 4090."""
    stated: dict[str, Any] = {
        "name": "NVIDIA GeForce RTX 4090",
        "compute_capability": "8.9",
        "sm_count": 128,
        "total_memory_bytes": TOTAL_BYTES - 512 * MIB,
        "free_memory_bytes": TOTAL_BYTES - 900 * MIB,
        "l2_cache_bytes": 72 * MIB,
        "memory_bus_width_bits": 384,
        "memory_clock_mhz": 10501,
    }
    return CudaFacts.model_validate(stated | facts)


def make_census(**facts: Any) -> Census:
    """A count of the multiprocessors that an RTX 4090 has, and what one of them holds."""
    stated: dict[str, Any] = {
        "sm_count": 128,
        "machine_code": "8.9",
        "blocks": 3328,
        "sm_clock_mhz": 2520.0,
        "resident_warps_per_sm": 48,
        "shared_memory_block_bytes": 101376,
    }
    return Census.model_validate(stated | facts)


def make_telemetry(**facts: Any) -> Telemetry:
    """Sensors of a card that works and is cool."""
    stated: dict[str, Any] = {
        "temperature_celsius": 62.0,
        "slowdown_celsius": 88.0,
        "power_watts": 310.0,
        "sm_clock_mhz": 2520.0,
        "throttle_reasons": (),
        "pcie_generation": 4,
        "pcie_lanes": 16,
        "pcie_replays": 0,
        "processes": (),
    }
    return Telemetry.model_validate(stated | facts)


def make_host_link(**facts: Any) -> HostLink:
    """Transfers over a link of sixteen lanes of the fourth generation."""
    stated: dict[str, Any] = {
        "host_to_device_bytes_per_second": 25.1e9,
        "device_to_host_bytes_per_second": 26.3e9,
        "buffer_bytes": 256 * MIB,
        "samples": 5,
        "generation_under_load": 4,
        "lanes_under_load": 16,
        "replays_before": 0,
        "replays_after": 0,
    }
    return HostLink.model_validate(stated | facts)


def make_load(**facts: Any) -> LoadTest:
    """Three seconds of load that a sound card bears."""
    stated: dict[str, Any] = {
        "duration_seconds": 3.05,
        "before": make_telemetry(temperature_celsius=41.0, power_watts=25.0),
        "during": (make_telemetry(), make_telemetry(temperature_celsius=64.0)),
        "after": make_telemetry(temperature_celsius=63.0),
        "first_rate_per_second": 30e12,
        "last_rate_per_second": 29.6e12,
        "results": 3_000_000_000,
    }
    return LoadTest.model_validate(stated | facts)


def make_throughput(**facts: Any) -> Throughput:
    """Arithmetic rates of an RTX 4090. ``rates`` maps operations to rates per clock and multiprocessor."""
    per_clock = {
        "fp32": 256.0,
        "fp32_mul_add": 128.0,
        "fp64": 4.0,
        "int32": 128.0,
        "tensor_fp16_fp16": 1024.0,
        "tensor_fp16_fp32": 512.0,
        "tensor_bf16_fp32": 512.0,
        "tensor_tf32_fp32": 256.0,
    } | facts.pop("rates", {})
    spread = facts.pop("spread", 0.002)
    rates = {
        operation: {"per_clock_per_sm": rate, "per_second": rate * 128 * 2.52e9, "spread": spread}
        for operation, rate in per_clock.items()
        if rate is not None
    }
    return Throughput.model_validate({"rates": rates, "sm_clock_mhz": 2520.0, "samples": 7} | facts)


def make_fingerprint(**facts: Any) -> Fingerprint:
    """How the tensor cores of an Ada card add up."""
    stated: dict[str, Any] = {
        "instruction": "mma.sync.m16n8k16.f32.f16.f16.f32",
        "results": {"fp16 keeps-24": "33800000", "fp16 keeps-25": "00000000"},
        "fraction_bits": 24,
        "terms_at_once": 8,
        "rounding": "toward_zero",
    }
    return Fingerprint.model_validate(stated | facts)


def make_bandwidth(**facts: Any) -> Bandwidth:
    """Rates of a healthy RTX 4090."""
    stated: dict[str, Any] = {
        "read_bytes_per_second": 931e9,
        "copy_bytes_per_second": 912e9,
        "read_spread": 0.004,
        "copy_spread": 0.006,
        "write_bytes_per_second": 955e9,
        "triad_bytes_per_second": 901e9,
        "write_spread": 0.004,
        "triad_spread": 0.006,
        "buffer_bytes": 2 * GIB,
        "samples": 9,
    }
    return Bandwidth.model_validate(stated | facts)


def make_slab_map(**facts: Any) -> SlabMap:
    """An even map of a healthy RTX 4090's memory."""
    windows, window = 94, 256 * MIB
    stated: dict[str, Any] = {
        "tested_bytes": windows * window,
        "window_bytes": window,
        "rounds": 5,
        "bytes_per_second": (930e9,) * windows,
        "window_lengths_bytes": (window,) * windows,
        "median_bytes_per_second": 930e9,
        "spread": 0.003,
    }
    return SlabMap.model_validate(stated | facts)


def make_latency(**facts: Any) -> Latency:
    """The curve of an RTX 4090, thinned out to its levels."""
    cycles = {32 * KIB: 36.0, 8 * MIB: 277.0, 64 * MIB: 278.0, 96 * MIB: 520.0, GIB: 632.0}
    names = {"l1": 32 * KIB, "l2": 64 * MIB, "dram": GIB}
    point = {size: {"cycles": time, "nanoseconds": round(time / 2.5, 1)} for size, time in cycles.items()}
    stated: dict[str, Any] = {
        "points": tuple({"footprint_bytes": size, **times} for size, times in point.items()),
        "levels": tuple(
            {"level": name, "largest_footprint_bytes": size, **point[size]} for name, size in names.items()
        ),
        "l2_capacity_bytes": 72 * MIB,
        "l2_least_bytes": 68 * MIB,
        "l2_most_bytes": 90 * MIB,
        "hops": 8192,
    }
    return Latency.model_validate(stated | facts)


def make_walk(**facts: Any) -> MemoryWalk:
    """A walk in which all memory is there."""
    tested = TOTAL_BYTES - 400 * MIB
    stated: dict[str, Any] = {
        "total_bytes": TOTAL_BYTES,
        "tested_bytes": tested,
        "distinct_bytes": tested,
        "untested_bytes": TOTAL_BYTES - tested,
        "untested_holder": "the driver",
        "passes": 2,
        "seed": 7,
        "window_bytes": 64 * MIB,
        "write_bytes_per_second": 880e9,
        "verify_bytes_per_second": 900e9,
        "duration_seconds": 0.4,
    }
    return MemoryWalk.model_validate(stated | facts)


def make_vbios(**facts: Any) -> VbiosFacts:
    """The ROM of an RTX 4090, as nvflash saves it."""
    image = {"code_type": 0, "kind": "x86", "vendor_id": 0x10DE, "device_id": 0x2684, "checksum": "good"}
    signed = image | {"code_type": 0xE0, "kind": "firmware", "device_id": 0x2600}
    stated: dict[str, Any] = {
        "source": "sysfs",
        "form": "flash",
        "generation": "Ada",
        "images": (
            image | {"offset_bytes": 0x9400, "length_bytes": 65024, "last": False},
            signed | {"offset_bytes": 0x19200, "length_bytes": 456192, "last": True},
        ),
        "complete": True,
        "vendor_id": 0x10DE,
        "device_id": 0x2684,
        "subsystem_vendor_id": 0x10DE,
        "subsystem_id": 0x165B,
        "version": "95.02.3C.40.0D",
        "version_internal": "95.02.3C.40.0D",
        "version_text": "95.02.3C.40.0D",
        "table_checksum": "good",
        "memory": ({"strap": 0, "type": "GDDR6X", "vendor": "Micron", "density_gbit": 16.0},),
        "signed": True,
    }
    return VbiosFacts.model_validate(stated | facts)


def make_evidence(**sections: Any) -> Evidence:
    """A complete, genuine RTX 4090, with sections (or other fields of ``Evidence``) replaced."""
    stated: dict[str, Any] = {
        "collected_at": WHEN,
        "tool_version": "0.1.0",
        "label": BDF,
        "host": Host(os="Linux 6.8", driver_version="580.95.05", cuda_version="13.0", chassis="desktop"),
        "pci": make_pci(),
        "driver": make_driver(),
        "vbios": make_vbios(),
        "nvml": make_nvml(),
        "integrity": make_integrity(),
        "cuda": make_cuda(),
        "census": make_census(),
        "throughput": make_throughput(),
        "fingerprint": make_fingerprint(),
        "latency": make_latency(),
        "bandwidth": make_bandwidth(),
        "slab_map": make_slab_map(),
        "memory_walk": make_walk(),
        "host_link": make_host_link(),
        "load": make_load(),
        "kernels": {"memory_walk": "sha256:" + "ab" * 32},
    }
    return Evidence.model_validate(stated | sections)


def unavailable(reason: Reason, detail: str = "") -> Unavailable:
    """A section that could not be had."""
    return Unavailable(unavailable=reason, detail=detail)


def make_finding(check: str = "memory-size", status: Status = Status.PASS, **fields: Any) -> Finding:
    """One finding; a failure is critical and sure unless said otherwise."""
    failed = status in (Status.FAIL, Status.ERROR)
    stated: dict[str, Any] = {
        "check": check,
        "title": check.replace("-", " ").capitalize(),
        "status": status,
        "severity": Severity.CRITICAL if failed else Severity.INFO,
        "confidence": Confidence.HIGH,
        "message": f"The message of {check}.",
    }
    return Finding.model_validate(stated | fields)


def make_verdict(authenticity: str = "authentic", **fields: Any) -> Verdict:
    """A verdict with a plain explanation."""
    stated: dict[str, Any] = {
        "authenticity": Authenticity(authenticity),
        "condition": Condition.GOOD,
        "explanation": "What the silicon did under test is what a GeForce RTX 4090 does.",
        "coverage": 0.93,
    }
    return Verdict.model_validate(stated | fields)


def make_card(**fields: Any) -> CardReport:
    """One judged card."""
    evidence: Evidence = fields.pop("evidence", None) or make_evidence()
    stated: dict[str, Any] = {
        "simulated": evidence.simulated,
        "evidence": evidence,
        "match": MatchSummary(
            profile="geforce-rtx-4090",
            profile_name="GeForce RTX 4090",
            candidates=("geforce-rtx-4090",),
            basis="device_id",
        ),
        "findings": (
            make_finding("memory-size", title="Declared memory size", observed="24,564 MiB", expected="24,576 MiB"),
            make_finding("multiprocessors", title="Multiprocessors that run", observed="128", expected="128"),
            make_finding("claim", Status.NOT_APPLICABLE, title="Sold as", message="No claim was given."),
        ),
        "verdict": make_verdict(),
    }
    return CardReport.model_validate(stated | fields)


def make_report(*cards: CardReport, **fields: Any) -> Report:
    """A report of the cards given, of one genuine RTX 4090 where there are none."""
    judged = cards or (make_card(),)
    stated: dict[str, Any] = {
        "tool": Tool(version="0.1.0"),
        "created_at": WHEN,
        "rulebook": Rulebook(
            weights="sha256:" + "cd" * 32,
            profiles={"geforce-rtx-4090": "sha256:" + "ef" * 32},
            kernels={"memory_walk": "sha256:" + "ab" * 32},
        ),
        "host": judged[0].evidence.host,
        "cards": judged,
    }
    return Report.model_validate(stated | fields)


def forged_card() -> CardReport:
    """A 24 GB card whose firmware claims 48 GB, as a scan would judge it."""
    walk = make_walk(
        total_bytes=49140 * MIB,
        tested_bytes=48500 * MIB,
        distinct_bytes=24576 * MIB,
        untested_bytes=640 * MIB,
        faults=(
            {
                "kind": "wraparound",
                "wrong_bytes": 24 * GIB,
                "first_byte": 0,
                "last_byte": 48 * GIB - 1,
                "distance_bytes": 24 * GIB,
            },
        ),
    )
    return make_card(
        evidence=make_evidence(nvml=make_nvml(memory_total_bytes=49140 * MIB), memory_walk=walk),
        findings=(
            make_finding(
                "memory-capacity",
                Status.FAIL,
                title="Memory that really exists",
                observed="25,769,803,776 bytes (measured)",
                expected="51,527,024,640 bytes (declared)",
                message="The card declares 47.99 GiB, but only 24.00 GiB exist: two addresses reach the same cell.",
                remedy="Return it. Data beyond the real capacity is silently lost.",
                kinds=(Kind.CAPACITY_FORGED,),
                evidence=("memory_walk.distinct_bytes",),
            ),
            make_finding(
                "memory-size",
                Status.FAIL,
                title="Declared memory size",
                observed="49,140 MiB",
                expected="24,576 MiB",
                message="GeForce RTX 4090 was never sold with 49,140 MiB: 2 times its 24,576 MiB.",
                remedy="Ask who altered the memory.",
                kinds=(Kind.MEMORY_ALTERED,),
            ),
            make_finding("multiprocessors", title="Multiprocessors that run", observed="128", expected="128"),
            make_finding("claim", Status.NOT_APPLICABLE, title="Sold as", message="No claim was given."),
        ),
        verdict=make_verdict(
            "counterfeit",
            kinds=(Kind.CAPACITY_FORGED,),
            condition=Condition.NOT_EXAMINED,
            explanation="The card is not what it is said to be: it declares itself as a GeForce RTX 4090.",
            contributions=(Contribution(group="memory", check="memory-capacity", decibans=-60),),
        ),
    )

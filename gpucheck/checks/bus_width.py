"""Whether the declared memory bus is as wide as the SKU's.

What it checks: the bus width that NVML and CUDA state against the profile's layouts.
Why it matters: a repair that gives up on broken channels leaves a narrower bus, and another SKU has another width.
How it can be fooled: by a patched driver; bandwidth then gives it away.
A failure does not mean: fraud by itself; a salvaged card may be sold as such.
References: data sheets; several old SKUs were sold with more than one width, and all are listed.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, only_a_part
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Kind, Severity, Status

STACKED_FROM = 0.9
"""Of the data sheet's width, what a driver may state for stacked memory: a B200 has 7680 of 8192 bits, and other models
may have controllers off that no profile tells of. A missing stack is an eighth or more."""


@check(id="bus-width", title="Declared memory bus", severity=Severity.HIGH, edge=("memory bus", "device id"))
def bus_width(case: Case) -> Outcome:
    """Compare the declared widths with the SKU's."""
    if case.partitioned:
        return only_a_part(case)
    seen = _seen(case)
    if not seen:
        raise Missing("no source stated the width of the memory bus", "nvml.memory_bus_width_bits")
    legal = sorted({w for p in case.profiles for w in p.bus_widths_bits})
    if not legal:
        return inconclusive(f"The catalog does not know the bus width of {case.sku}.")
    expected = " or ".join(f"{w} bits" for w in legal)
    wrong = {path: width for path, width in seen.items() if width not in legal}
    if not wrong and len(set(seen.values())) > 1:
        both = " and ".join(f"{width} bits" for width in sorted(set(seen.values())))
        return inconclusive("NVML and CUDA state the bus widths of two builds.", both, expected, tuple(seen))
    if not wrong:
        return Outcome(Status.PASS, f"The bus is as wide as that of {case.sku}.", expected, expected)
    observed = " and ".join(f"{w} bits" for w in sorted(set(wrong.values())))
    stacked = all(layout.type.startswith("HBM") for p in case.profiles for layout in p.memory)
    if stacked and all(any(STACKED_FROM * w <= width <= w for w in legal) for width in wrong.values()):
        return inconclusive(
            "A little narrower than the data sheet; drivers count stacked memory so.", observed, expected
        )
    return Outcome(
        Status.FAIL,
        f"{case.sku} has a memory bus of {expected}; this card states {observed}.",
        observed=observed,
        expected=expected,
        remedy="Ask whether memory channels were disabled in a repair, or which SKU this really is.",
        evidence=tuple(wrong),
        kinds=(Kind.REMARKED,),
    )


def _seen(case: Case) -> dict[str, int]:
    found: dict[str, int] = {}
    declared = case.evidence.declared
    if declared and declared.memory_bus_width_bits:
        found[f"{case.declared_section}.memory_bus_width_bits"] = declared.memory_bus_width_bits
    cuda = case.evidence.cuda
    if not isinstance(cuda, Unavailable) and cuda.memory_bus_width_bits:
        found["cuda.memory_bus_width_bits"] = cuda.memory_bus_width_bits
    return found

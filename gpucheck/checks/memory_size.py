"""Whether the declared memory is a size that this SKU was ever sold with.

What it checks: the total that the driver states, against the discrete set of legal sizes for the device id and
subsystem. Allowed for: what drivers hold back (old ones up to 8 %), inline ECC, newer generations' fixed reserve.
Why it matters: doubled memory (RTX 4090 48 GB, 3080 20 GB, 2080 Ti 22 GB) and disabled channels both show here first.
How it can be fooled: a patched driver can state any number; whether the bytes exist is for the memory walk.
A failure does not mean: that the memory is fake. Added memory is often real, and openly sold. Less than the whole card
beside a library that shares cards out (vGPU schedulers preload one) is left open. So is, in a file, less than half of
what a professional card has: a container's quota looks so, and a lost channel takes a sixth to a half.
References: totals in captures of genuine cards; profiles under ``memory`` and ``reported_mib``.
"""

import re

from gpucheck.checks.base import Case, Outcome, check, inconclusive, only_a_part
from gpucheck.checks.driver_integrity import put_before
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile
from gpucheck.model.units import GIB, MIB, mib

_SLICE = re.compile(r"\b\dg\.(\d{1,4})gb", re.IGNORECASE)
HELD_BACK = 0.08
"""Share of the nominal size that drivers of most genuine cards keep from the total at most (ECC and WDDM together)."""
_FIXED_BYTES = {"Turing": 250 * MIB, "Ampere": 250 * MIB}
_SMALL_FIXED_BYTES = 80 * MIB
"""What drivers before 510 keep whatever the size; it counts on small cards. Captured: 245 MiB of an RTX 2080 Ti, and
1878 MiB stated by a 2 GiB GeForce on driver 470 whose table cuts the name, an MX450 by all else on the page. A Tesla
M2090 with ECC states 5301 MiB on driver 390, 75 less than ECC leaves."""
_SHARED_OUT = ("datacenter", "workstation")
"""Classes of cards that are divided among containers; HAMi and the like answer NVML's questions with the quota."""
_QUOTA = (
    "a memory quota of a container or a scheduler looks so. Ask for the output of the machine itself, outside of any "
    "container."
)
_ECC_SHARE = {"Fermi": 8, "GK104": 8}
_USUAL_ECC_SHARE = 16
"""ECC takes one part in so many of GDDR memory. A Tesla C2075 of 6144 MiB states 5375, a C2050 of 3072 MiB 2687, and
each half of a K10 (GK104) 3583 of 4096 MiB in a log of the Kaldi speech toolkit; later Keplers lose a sixteenth.
That reserve and ECC add up is seen on the T4 (15079 MiB); for smaller cards it is inferred."""


@check(id="memory-size", title="Declared memory size", severity=Severity.CRITICAL, edge=("memory", "device id"))
def memory_size(case: Case) -> Outcome:
    """Compare the declared total, or one MIG slice that is larger than any total, with the legal sizes."""
    legal = sorted({size for p in case.profiles for size in p.memory_sizes_bytes})
    expected = " or ".join(mib(size) for size in legal)
    if (slice_bytes := _largest_slice(case.declared)) > legal[-1]:
        return _contradiction(case, slice_bytes, legal, expected)
    total = case.number("memory_total_bytes")
    if not total:
        return inconclusive("The driver states no memory at all; a card that has failed does.", mib(total), expected)
    if any(fits(p, total) for p in case.profiles):
        return Outcome(Status.PASS, f"{mib(total)} is a size that {case.sku} is sold with.", mib(total), expected)
    if case.partitioned and total < legal[-1]:
        return only_a_part(case)
    if why := shows_a_part(case, total):
        told, evidence = why
        return inconclusive(f"Less memory than any variant has{told}", mib(total), expected, evidence)
    return _contradiction(case, total, legal, expected)


def fits(profile: Profile, total_bytes: int) -> bool:
    """Whether ``total_bytes`` is what a driver may state for one of the profile's sizes."""
    if any(abs(total_bytes / MIB - reported) <= reported * 0.005 for reported in profile.reported_mib):
        return True
    return any(
        nominal - _held_back(profile, nominal) <= total_bytes <= nominal * 1.001
        for nominal in profile.memory_sizes_bytes
    )


def _held_back(profile: Profile, nominal: int) -> float:
    """The most that a driver keeps of a size. A lost memory channel takes more: a sixth to a half of such a card."""
    generation = profile.die.architecture.split()[0]
    fixed = _FIXED_BYTES.get(generation, _SMALL_FIXED_BYTES)
    share = _ECC_SHARE.get(profile.die.name) or _ECC_SHARE.get(generation, _USUAL_ECC_SHARE)
    ecc = nominal / share if profile.ecc == "yes" else 0
    return max(nominal * HELD_BACK, fixed + ecc)


def shows_a_part(case: Case, total: int) -> tuple[str, tuple[str, ...]] | None:
    """Why less than any variant has may be all that was to be seen, with what tells so; None where nothing does."""
    least = min(size for profile in case.profiles for size in profile.memory_sizes_bytes)
    if total >= least:
        return None
    stated = f"{case.declared_section}.memory_total_bytes"
    if case.evidence.host.hypervisor:
        return ", seen from inside a virtual machine.", ()
    if before := _before_the_driver(case):
        return f", and {before}: such libraries hand out a part of a card.", (stated, "integrity.preloaded")
    shared_out = all(profile.sku_class in _SHARED_OUT for profile in case.profiles)
    if case.declared_section == "nvidia_smi" and shared_out and total < least / 2:
        return f", and less than half of the smallest's {mib(least)}: {_QUOTA}", (stated,)
    return None


def _before_the_driver(case: Case) -> str:
    """What stands before NVML and may state a part as the whole; empty where nothing does, or it is not known."""
    facts = case.evidence.integrity
    return "" if isinstance(facts, Unavailable) else "; ".join(put_before(facts))


def _largest_slice(facts: NvmlFacts) -> int:
    """The largest MIG slice by its name, such as ``1g.64gb``, in bytes; 0 where there is none."""
    return max((int(found[1]) * GIB for text in facts.mig_instances for found in _SLICE.finditer(text)), default=0)


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"


def _contradiction(case: Case, total: int, legal: list[int], expected: str) -> Outcome:
    known = case.match.modification
    if total > legal[-1]:
        message = f"{case.sku} was never sold with {mib(total)}: {_times(total / legal[-1])} its {mib(legal[-1])}."
    elif total < legal[0]:
        message = f"{case.sku} has at least {mib(legal[0])}; this card states only {mib(total)}."
    else:
        message = f"{case.sku} was never sold with {mib(total)}."
    walked = not isinstance(case.evidence.memory_walk, Unavailable)
    remedy = "Ask who altered the memory and what warranty is left"
    return Outcome(
        Status.FAIL,
        message,
        observed=f"{mib(total)} (declared)",
        expected=expected,
        remedy=f"{remedy}." if walked else f"{remedy}; scan the card itself before paying.",
        confidence=Confidence.HIGH if case.match.basis == "device_id" or known else Confidence.MEDIUM,
        evidence=(f"{case.declared_section}.memory_total_bytes",),
        kinds=(Kind.MEMORY_ALTERED,),
    )

"""Whether the silicon is the declared SKU's, judged by all measurements together and by nothing that is declared.

What it checks: generation, multiprocessors, FP64 and tensor rates, memory rate, burst, capacity and cache as measured,
against every SKU of the catalog. It fails where another SKU fits a thousand times better than the declared one. It
stays open where one that differs in multiprocessors, generation, bus width, memory type or tensor rate fits about as
well, and neither a measurement nor the bus width and memory clock that CUDA reads from the hardware exclude it.
Why it matters: a perfect copy of another card's firmware changes every name and number, and none of these readings.
How it can be fooled: two SKUs that do the same cannot be told apart; memory types of the same rate are the usual case,
and a memory clock that is set to the other model's makes one of two near ones (an RTX 4070 with GDDR6 raised by 5 %).
GDDR5 and GDDR5X are told apart by how much they deliver at a time. That was never tried on real cards, so it leaves a
card open and never fails one.
A failure does not mean: which of the named SKUs it is. Added memory and overclocking never suffice for one.
References: ``gpucheck/catalog/silicon.py`` for the likelihoods; the profiles (tensor rates: mostly class rules).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from gpucheck.catalog.names import squash_name
from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, only_a_part, remarked, unless_busy
from gpucheck.model.base import Unavailable
from gpucheck.model.burst import BURST_BYTES
from gpucheck.model.finding import Severity, Status
from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.units import percent

if TYPE_CHECKING:
    from gpucheck.catalog.silicon import Fit, Readings, Survey

FAR_BETTER = 30.0
"""Decibans: a thousand to one. No single feature but the generation reaches it."""
_FITS_NOTHING = -20.0
_NOTED = 3.0
_NAMED = 3

_EVIDENCE = ("census", "throughput", "bandwidth", "memory_walk", "latency")


@dataclass(frozen=True)
class Comparison:
    """The declared SKU and all others, against the same readings.

    The oracle is imported where it is asked: most files that are assessed hold no measurement.
    """

    claims: "tuple[Fit, ...]"
    """The builds that the declaration can mean, the likeliest first."""
    possible: "Fit"
    """The declared SKU at its best in what is settled, whichever of its builds NVML's figures mean."""
    survey: "Survey"
    bus_width_bits: int | None
    memory_clock_mhz: int | None
    """Both as CUDA states them; ``None`` where it does not."""

    @property
    def claim(self) -> "Fit":
        """The likeliest build that is declared."""
        return self.claims[0]

    @cached_property
    def standing(self) -> "tuple[Fit, ...]":
        """Fits that CUDA's view of the hardware does not exclude."""
        return tuple(f for f in self.survey.fits if self._may_state(f.layout))

    @cached_property
    def better(self) -> "Fit | None":
        """A build that fits clearly better than the declared one."""
        from gpucheck.catalog.silicon import ALIKE

        if self.far_better:
            return self.survey.best
        best = self.standing[0] if self.standing else None
        return best if best and best.decibans - self.claim.decibans >= ALIKE else None

    @property
    def far_better(self) -> bool:
        """Whether another SKU fits a thousand times better than the declared one in any build, by what is settled."""
        best = max((fit.settled for fit in self.survey.fits), default=-math.inf)
        return best - self.possible.settled >= FAR_BETTER

    @cached_property
    def rivals(self) -> "tuple[Fit, ...]":
        """Other silicon that fits about as well as the declared one. What is not on record makes no rival."""
        from gpucheck.catalog.silicon import ALIKE

        floor = self.claim.decibans - ALIKE
        claims = [claim for claim in self.claims if claim.decibans >= floor]
        known = (f for f in self.standing if f.decibans >= floor and _on_record(f))
        return tuple(fit for fit in known if any(differences(fit, claim) for claim in claims))

    @property
    def likeliest(self) -> "tuple[Fit, ...]":
        """The best, with all that fit about as well; without those that CUDA excludes where any is left."""
        best = alike(self.survey.fits)
        return tuple(fit for fit in best if self._may_state(fit.layout)) or best

    def _may_state(self, layout: MemoryLayout) -> bool:
        from gpucheck.catalog.silicon import may_state

        return may_state(layout, self.bus_width_bits, self.memory_clock_mhz)


def alike(fits: "Sequence[Fit]") -> "tuple[Fit, ...]":
    """The best, with all that fit about as well."""
    from gpucheck.catalog.silicon import ALIKE

    return tuple(fit for fit in fits if fit.decibans >= fits[0].decibans - ALIKE)


@check(
    id="silicon-match",
    title="Silicon against all known SKUs",
    severity=Severity.CRITICAL,
    edge=("silicon", "device id"),
)
def silicon_match(case: Case) -> Outcome:
    """Compare how well the declared SKU fits with how well every other one does."""
    census = measured(case.evidence.census, "census")
    if case.partitioned:
        return only_a_part(case)
    if case.silicon is None or case.silicon[1].best is None:
        return inconclusive(f"The catalog has no silicon that runs machine code for {census.machine_code}.")
    seen, found = case.silicon
    if not case.match.fitting:
        return inconclusive(f"No profile matches what is declared. The silicon fits: {_names(alike(found.fits))}.")
    case = _without_namesakes(case)
    compared = compare(case, seen, found)
    if compared.better:
        return unless_busy(case, _fits_better(case, compared, compared.better))
    if compared.rivals:
        return _rivalled(case, compared)
    if compared.claim.settled <= _FITS_NOTHING:
        message = f"Neither {case.sku} nor any other known SKU measures like this ({_reasons(compared.claim, None)})."
        return inconclusive(message, _observed(compared, case), case.sku, _EVIDENCE)
    message = f"No known SKU fits what was measured clearly better than {case.sku}."
    return Outcome(Status.PASS, message, _observed(compared, case), case.sku, evidence=_EVIDENCE)


def _without_namesakes(case: Case) -> Case:
    """Leave out SKUs that merely share their id and name with one whose memory delivers another burst.

    A GTX 1070 with GDDR5X is called as one with GDDR5. A name that is one SKU's own means that one, unless the buyer's
    words single the other out: else silicon of either would pass for the other.
    """
    named = _singled_out(case)
    meant = tuple(p for p in case.profiles if p in named or not any(_burst_differs(p, other) for other in named))
    if meant == case.profiles:
        return case
    return replace(case, match=case.match.model_copy(update={"profile": None, "candidates": meant}))


def _singled_out(case: Case) -> tuple[Profile, ...]:
    asked = tuple(p for p in case.profiles if case.claim and p in case.claim.profiles)
    if asked and len(asked) < len(case.profiles):
        return asked
    facts = case.evidence.declared
    called = squash_name(facts.name) if facts and facts.name else None
    return tuple(p for p in case.profiles if called in {squash_name(name) for name in (p.name, *p.nvml_names)})


def _burst_differs(one: Profile, other: Profile) -> bool:
    bursts, others = ({BURST_BYTES.get(layout.type) for layout in profile.memory} for profile in (one, other))
    return one.die == other.die and None not in bursts | others and not bursts & others


def compare(case: Case, seen: "Readings", found: "Survey") -> Comparison:
    """Score the declared SKU, and hold it against what was found of all. Raises ``Missing`` without a profile."""
    from gpucheck.catalog.silicon import score

    claims = [fit for profile in case.profiles for fit in _claims(case, seen, profile)]
    possible = [score(seen, profile, layout) for profile in case.profiles for layout in profile.memory]
    cuda = case.evidence.cuda
    width, clock = (
        (None, None) if isinstance(cuda, Unavailable) else (cuda.memory_bus_width_bits, cuda.memory_clock_mhz)
    )
    likeliest = tuple(sorted(claims, key=lambda fit: -fit.decibans))
    return Comparison(likeliest, max(possible, key=lambda fit: fit.settled), found, width, clock)


def _claims(case: Case, seen: "Readings", profile: Profile) -> "Iterable[Fit]":
    """The builds of a SKU that NVML's own figures leave: the firmware cannot mean DDR3 and state a GDDR5 clock."""
    from gpucheck.catalog.silicon import may_state, score

    facts = case.evidence.declared
    width, clock = (facts.memory_bus_width_bits, facts.memory_clock_max_mhz) if facts else (None, None)
    meant = [layout for layout in profile.memory if may_state(layout, width, clock)] or profile.memory
    stated = facts.core_count // profile.die.cores_per_sm if facts and facts.core_count else None
    counts = (stated,) if stated in profile.sm_counts else ()
    return (score(seen, profile, layout, counts) for layout in meant)


def _on_record(fit: "Fit") -> bool:
    return bool(fit.profile.sm_counts) and fit.layout.bandwidth_bytes_per_second is not None


def differences(one: "Fit", other: "Fit") -> tuple[str, ...]:
    """In what two builds differ that a buyer pays for; what is not on record does not differ."""
    pairs = {
        "generation": (one.profile.die.architecture, other.profile.die.architecture),
        "bus width": (one.layout.bus_width_bits, other.layout.bus_width_bits),
        "memory type": (one.layout.type, other.layout.type),
        "tensor rate": (one.profile.tensor_fp32_accumulate, other.profile.tensor_fp32_accumulate),
    }
    found = [what for what, (a, b) in pairs.items() if a is not None and b is not None and a != b]
    counts = set(one.profile.sm_counts), set(other.profile.sm_counts)
    return (*found, *(("multiprocessors",) if all(counts) and not counts[0] & counts[1] else ()))


def contradiction(case: Case) -> str:
    """``declared: X; the silicon fits: Y``, empty where no other SKU fits clearly better than the declared one."""
    if case.silicon is None or case.partitioned or not case.match.fitting:
        return ""
    seen, found = case.silicon
    case = _without_namesakes(case)
    compared = compare(case, seen, found)
    return _sentence(case, compared) if compared.better else ""


def _sentence(case: Case, compared: Comparison) -> str:
    return f"declared: {case.sku}; the silicon fits: {_names(compared.likeliest)}"


def _fits_better(case: Case, compared: Comparison, better: "Fit") -> Outcome:
    message = f"{_sentence(case, compared)} ({_reasons(compared.claim, better)})."
    if not compared.far_better:
        return inconclusive(_capital(message), _observed(compared, case), case.sku, _EVIDENCE)
    return remarked(
        _capital(message),
        _observed(compared, case),
        case.sku,
        "Treat it as one of the SKUs that fit. Do not pay for the named model.",
        _EVIDENCE,
    )


def _rivalled(case: Case, compared: Comparison) -> Outcome:
    others = [fit for fit in compared.rivals if fit.profile.name != compared.claim.profile.name] or compared.rivals
    what = sorted({d for rival in others for claim in compared.claims for d in differences(rival, claim)})
    message = _counted(case, compared, others) if "multiprocessors" in what else ""
    if not message:
        message = f"Nothing measured tells {_claimed(compared, case)} from {_names(others)}"
        message += f": they differ in {' and '.join(what)} alone, and do the same."
    return inconclusive(message, _observed(compared, case), case.sku, _EVIDENCE)


def _counted(case: Case, compared: Comparison, others: "Sequence[Fit]") -> str:
    """What the multiprocessors that ran say of SKUs that fit about as well; nothing where all may have so many."""
    ran = measured(case.evidence.census, "census").sm_count
    fitting = [fit for fit in others if ran in fit.profile.sm_counts]
    claimed = any(ran in claim.profile.sm_counts for claim in compared.claims)
    if claimed and len(fitting) == len(others):
        return ""
    if claimed:
        odd = [fit for fit in others if fit not in fitting]
        return (
            f"{ran} multiprocessors ran, as {case.sku} has, and {_names(odd)} has not, if the one table of it is right."
        )
    if fitting:
        return f"Declared: {case.sku}; the silicon fits: {_names(fitting)} (multiprocessors)."
    return f"Neither {case.sku} nor any other known SKU measures like this (multiprocessors)."


def _claimed(compared: Comparison, case: Case) -> str:
    """The declared SKU that fits best, by what all are called where the declared ones share a name."""
    return case.sku if len(case.names) == 1 else compared.claim.profile.name


def _observed(compared: Comparison, case: Case) -> str:
    """The likeliest SKUs with their share of the likelihood."""
    first = list({fit.profile.id: fit.profile for fit in compared.likeliest}.values())[:_NAMED]
    return ", ".join(f"{p.name} {percent(compared.survey.likelihood(p))}" for p in first) + f" ({case.how})"


def _reasons(claim: "Fit", better: "Fit | None") -> str:
    """Features that speak against the declared SKU and not against the better one."""
    held = dict(better.against) if better else {}
    told = [name for name, points in claim.against if points < held.get(name, 0.0) - _NOTED]
    return ", ".join(told) or "small differences together"


def _names(fits: "Sequence[Fit]") -> str:
    names = list(dict.fromkeys(f"{f.profile.name} ({f.profile.die.name})" for f in fits))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" or {more} more" if more > 0 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

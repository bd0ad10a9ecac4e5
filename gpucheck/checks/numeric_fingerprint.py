"""Whether the tensor cores add up as those of the SKU's generation.

What it checks: exact results of chosen sums in matrix instructions, decoded to how many bits survive, how many products
are added at once and which way is rounded, against what is published of the generation.
Why it matters: the adder is wired. No name, firmware, clock or limit changes one bit of its results.
How it can be fooled: by silicon of a generation that adds up alike: Turing, Ampere and Ada differ little among
themselves, and so do Hopper and Blackwell.
A failure does not mean: that the card is counterfeit beyond doubt: the facts are others' measurements of few cards.
References: Khattak and Mikaitis, "Accurate Models of NVIDIA Tensor Cores" (arXiv 2512.07004); Xie and others, MMA-Sim
(arXiv 2511.10909); Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores" (PeerJ CS 7:e330).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gpucheck.catalog.files import CAPABILITIES, capabilities
from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable, remarked
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import Fingerprint

if TYPE_CHECKING:
    from gpucheck.model.capability import Capability

_ROUNDING = {"toward_zero": "cut off", "to_nearest": "rounded to the nearest", "other": "rounded some other way"}


@check(id="numeric-fingerprint", title="Numeric fingerprint", severity=Severity.MEDIUM)
def numeric_fingerprint(case: Case) -> Outcome:
    """Compare the decoded way of adding with the published one."""
    if {p.tensor_fp32_accumulate for p in case.profiles} == {"none"}:
        return not_applicable(f"{case.sku} has no tensor cores.")
    seen = measured(case.evidence.fingerprint, "fingerprint")
    observed = f"{_told(seen.fraction_bits, seen.terms_at_once, seen.rounding)} ({case.how})"
    facts = [p.capability for p in case.profiles if p.capability and _published(p.capability)]
    if not facts:
        return inconclusive(f"How tensor cores of {case.sku} add up is not published.", observed)
    expected = " or ".join(sorted({_told(f.fraction_bits, f.terms_at_once, f.rounding) for f in facts}))
    if seen.fraction_bits is None and seen.terms_at_once is None and seen.rounding is None:
        return inconclusive("The results follow no way of adding that is known.", observed, expected)
    if any(_agrees(seen, fact) for fact in facts):
        return Outcome(Status.PASS, f"The tensor cores add up as those of {case.sku} do.", observed, expected)
    return remarked(
        f"The tensor cores add up as {_named(case, seen)} do, not as those of {case.sku}.",
        observed,
        expected,
        "Scan again. If it stays so, the die is of another generation.",
        ("fingerprint.results",),
    )


def _published(fact: "Capability") -> bool:
    return (fact.fraction_bits, fact.terms_at_once, fact.rounding) != (None, None, None)


def _agrees(seen: Fingerprint, fact: "Capability") -> bool:
    """What is unknown on either side contradicts nothing."""
    pairs = (
        (seen.fraction_bits, fact.fraction_bits),
        (seen.terms_at_once, fact.terms_at_once),
        (seen.rounding, fact.rounding),
    )
    return all(one == other for one, other in pairs if one is not None and other is not None)


def _named(case: Case, seen: Fingerprint) -> str:
    """The generations whose published way of adding is the one that was seen."""
    known = capabilities(case.catalog.root / CAPABILITIES).values()
    fitting = _unique(f"{fact.architecture} cards" for fact in known if _published(fact) and _agrees(seen, fact))
    return " or ".join(fitting) or "no generation of which it is published"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _told(bits: int | None, terms: int | None, rounding: str | None) -> str:
    parts = [f"{bits} fraction bits" if bits is not None else "", f"{terms} products at once" if terms else ""]
    parts.append(_ROUNDING.get(rounding or "", ""))
    return ", ".join(part for part in parts if part) or "undecided"

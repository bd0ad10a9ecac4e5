"""Whether the die that attests is the die of the model that the card states to be.

What it checks: the chip that NVIDIA's certificates name, against the die from which the stated model is cut.
Why it matters: a device id, a name and a ROM can be rewritten; the certificate of a die was signed by NVIDIA when the
die was made, and only that die holds the key.
How it can be fooled: by passing on the answer of a second, genuine card of the stated die. Nothing is said of board and
memory: a right die on a foreign board passes, and so does one with altered memory.
A failure does not mean: that the seller knew. It takes a fresh, valid signature; where that does not hold, this
question stays open. GB100, GB102, GB110 and GB112 are variants of one design, and which name a product's certificates
carry is on record for one only: they are not held against each other.
References: certificates of the provisioning authorities in NVIDIA's open kernel modules, by chip; 26 public reports.
"""

from gpucheck.checks.attestation import attested, cannot_attest, undecided
from gpucheck.checks.base import Case, Outcome, check, inconclusive, not_applicable
from gpucheck.model.attestation import ATTESTING_DIES, DATA_CENTRE_BLACKWELL, Attestation
from gpucheck.model.finding import Kind, Severity, Status

_MUST_HOLD = ("chain_signed", "root_pinned", "signature_valid", "nonce_ours")


@check(id="attested-die", title="Die that attests", severity=Severity.CRITICAL, edge=("attestation", "die"))
def attested_die(case: Case) -> Outcome:
    """Compare the chip in the certificates with the die of the profile."""
    if cannot_attest(case):
        return not_applicable("This die cannot attest; GH100 and Blackwell dies can.")
    facts = attested(case)
    open_ = _unproven(facts)
    if open_:
        return inconclusive(f"Which die attests is not proven: {open_}.", facts.chip or "", evidence=("attestation",))
    dies = sorted({profile.die.name for profile in case.profiles})
    chip, expected = facts.chip or "", " or ".join(dies)
    if chip in dies:
        return Outcome(Status.PASS, f"A {chip} signed, and {case.sku} is cut from {expected}.", chip, expected)
    if chip not in ATTESTING_DIES or (chip in DATA_CENTRE_BLACKWELL and DATA_CENTRE_BLACKWELL & set(dies)):
        return inconclusive(f"What a certificate that names {chip} stands for is not on record.", chip, expected)
    return Outcome(
        Status.FAIL,
        f"The card states to be {case.sku}, which is cut from {expected}, but the die that signed this scan's question "
        f"is a {chip}, by NVIDIA's own certificates.",
        observed=f"{chip} (signed)",
        expected=expected,
        remedy=f"Treat the card as one with a {chip}. Do not pay for the named model.",
        evidence=("attestation.chip", "pci.device_id"),
        kinds=(Kind.REMARKED,),
    )


def _unproven(facts: Attestation) -> str:
    """Why the evidence names no die, empty where it does."""
    if undecided(facts):
        return undecided(facts)
    if any(getattr(facts, field) is not True for field in _MUST_HOLD):
        return facts.trouble or "the attestation does not hold"
    return "" if facts.chip else "the certificates name no chip, or several"

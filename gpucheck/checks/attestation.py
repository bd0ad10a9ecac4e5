"""Whether the die signed our question, with a key that NVIDIA certified.

What it checks: the chain of certificates up to NVIDIA's root, which is known by its fingerprint; the signature under
the report; that the report answers the random question of this very scan; that the certificate names the firmware that
was measured; and the VBIOS version, chip SKU and project in the signed report against what driver and ROM state.
Why it matters: names, ids and library answers can be made up; a signature over a fresh question cannot, without the
key within the die. Dies before GH100 have no such key, a GH100 answers in a confidential-computing mode alone, and a
Blackwell die outside of it through NVIDIA's tool nvattest.
How it can be fooled: by asking a second, genuine card and passing its answer on. It speaks for the die and its
firmware: not for the board, the memory, the cooler, or where the die was soldered before.
A failure does not mean: that the card is at fault, where a driver garbled the answer; scan again with a current one.
Engineering samples may end at another root. A wrong clock of the machine, a chain or report that is cut off, and a
version that differs from the driver's are left open. Not asked are NVIDIA's servers: whether a certificate was revoked
(OCSP), and whether the measurements are those of published firmware (RIM); mismatches of those are known on good cards.
References: DMTF DSP0274 (SPDM) 1.1; NVIDIA's attestation-sdk and nvtrust, whose 26 public reports were verified so,
the 2 made to fail among them; NVIDIA's Corelib pages.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, not_applicable
from gpucheck.model.attestation import ATTESTING_DIES, Attestation
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.vbios import VbiosFacts

_BROKEN: dict[str, tuple[str, tuple[Kind, ...]]] = {
    "root_pinned": ("its certificates end at a root that is not NVIDIA's", (Kind.IDENTITY_CLONED,)),
    "chain_signed": ("its certificates do not hold together", (Kind.IDENTITY_CLONED,)),
    "signature_valid": ("its report is not signed with the certified key", (Kind.IDENTITY_CLONED,)),
    "nonce_ours": ("its report answers another question than the one that was asked", (Kind.IDENTITY_CLONED,)),
    "firmware_bound": ("its certificate was made for other firmware than it measured", (Kind.FIRMWARE_ALTERED,)),
}
_NEEDED = ("chain_signed", "root_pinned", "signature_valid", "nonce_ours")
_WITHOUT_LAST_BYTE = len("00.00.00.00")


@check(id="attestation", title="Attestation", severity=Severity.CRITICAL)
def attestation(case: Case) -> Outcome:
    """Weigh what was verified when the evidence was collected."""
    if cannot_attest(case):
        return not_applicable("This die cannot attest; GH100 and Blackwell dies can.")
    facts = attested(case)
    broken = {field: words for field, (words, _) in _BROKEN.items() if getattr(facts, field) is False}
    if broken:
        return _failed(facts, broken)
    if open_ := undecided(facts):
        return inconclusive(f"The attestation was not verified to its end: {open_}.", _says(facts), evidence=_PATHS)
    if facts.period_valid is not True:
        return inconclusive(
            f"The signatures hold, the dates do not: {facts.trouble or 'they were not read'}. Set the machine's clock.",
            _says(facts),
            evidence=("attestation.period_valid",),
        )
    if differing := _differing(case, facts):
        return inconclusive(
            f"The attestation holds, and the signed report differs from what is stated elsewhere: {differing}. "
            "Firmware that was flashed since the driver started explains it: restart the machine and scan again.",
            _says(facts),
            evidence=_PATHS,
        )
    return Outcome(
        Status.PASS,
        f"The die signed this scan's question with a key that NVIDIA certified: {_says(facts)}. That speaks for the "
        "die and its firmware, not for board and memory.",
        _says(facts),
    )


_PATHS = ("attestation",)


def cannot_attest(case: Case) -> bool:
    """Whether the section is absent for a card whose die has no certificate."""
    if not isinstance(case.evidence.attestation, Unavailable):
        return False
    return bool(case.match.fitting) and not any(p.die.name in ATTESTING_DIES for p in case.match.fitting)


def attested(case: Case) -> Attestation:
    """Return the section. Raises ``Missing`` with its reason, and for evidence that may be any card's."""
    section = case.evidence.attestation
    if isinstance(section, Unavailable):
        reason = section.unavailable.value.replace("_", " ")
        raise Missing(
            f"the die was not asked ({reason}{': ' + section.detail if section.detail else ''})", "attestation"
        )
    if section.route == "file":
        raise Missing("a file does not say which card it was saved from", "attestation.route")
    return section


def undecided(facts: Attestation) -> str:
    """What keeps the evidence from proving anything, empty where nothing does."""
    missing = [field for field in _NEEDED if getattr(facts, field) is None]
    if not missing:
        return ""
    told = facts.missing.get(missing[0])
    return facts.trouble or (told.detail if told else f"no {missing[0].replace('_', ' ')}")


def _failed(facts: Attestation, broken: dict[str, str]) -> Outcome:
    return Outcome(
        Status.FAIL,
        f"The die was asked to attest, and what came back does not hold: {'; '.join(broken.values())}.",
        observed=facts.trouble or _says(facts),
        expected="a report over this scan's question, signed with a key that leads to NVIDIA's root",
        remedy="Scan again with a current driver from trusted boot media. If it stays so, do not pay for the card.",
        evidence=tuple(f"attestation.{field}" for field in broken),
        kinds=tuple(dict.fromkeys(kind for field in broken for kind in _BROKEN[field][1])),
    )


def _differing(case: Case, facts: Attestation) -> str:
    """Facts of the signed report that driver or ROM state otherwise."""
    nvml, rom = case.evidence.nvml, case.evidence.vbios
    told = []
    if isinstance(nvml, NvmlFacts):
        told.append(("VBIOS", _version(facts.vbios_version), _version(nvml.vbios_version)))
        told.append(("chip SKU", facts.chip_sku, (nvml.gpu_part_number or "").partition("-")[2].partition("-")[0]))
    if isinstance(rom, VbiosFacts):
        told.append(("project", facts.project, rom.project))
    return "; ".join(f"{what} {signed}, not {stated}" for what, signed, stated in told if _differ(signed, stated))


def _version(text: str | None) -> str | None:
    """Without its last byte, which a board partner may finish, and which sources print differently."""
    return text[:_WITHOUT_LAST_BYTE].upper() if text else None


def _differ(signed: str | None, stated: str | None) -> bool:
    return bool(signed and stated and signed.upper() != stated.upper())


def _says(facts: Attestation) -> str:
    return f"{facts.chip or 'no chip named'}, VBIOS {facts.vbios_version or 'not stated'}"

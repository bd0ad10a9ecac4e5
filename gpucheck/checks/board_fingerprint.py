"""Whether a professional or data-centre board carries the management data of such a board.

What it checks: the project code in the InfoROM image against the one in the board part number (``G133`` in
``G133.0500.00.05`` and in ``900-5G133-1700-000``); a consumer InfoROM; a missing ECC object; a low power limit.
Why it matters: a mining or consumer board passed off as a data-centre card lacks the management data of one.
How it can be fooled: the InfoROM is not signed; a full copy of the right board's flash passes.
A failure does not mean: fraud where a repair shop replaced the flash chip. Absent fields on consumer cards are normal
and never counted.
References: the codes agree in 42 of 42 captures; CMP 100-210 sold as V100 shows G001, no ECC, brand Quadro and 120 W.
"""

from gpucheck.checks.base import Case, Outcome, check, not_applicable
from gpucheck.model.base import Reason
from gpucheck.model.board_codes import image_project, is_common, part_number
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile


@check(
    id="board-fingerprint", title="Board management data", severity=Severity.HIGH, edge=("InfoROM", "board part number")
)
def board_fingerprint(case: Case) -> Outcome:
    """Weigh the signs of a board that is not what its die's class demands."""
    profile = case.profiles[0]
    if any(p.sku_class not in ("workstation", "datacenter") or p.form_factor == "laptop" for p in case.profiles):
        return not_applicable("Consumer, mining and laptop boards carry no telling management data.")
    facts = case.declared
    mismatch = project_mismatch(facts)
    signs = [*([mismatch] if mismatch else []), *_missing_signs(facts, profile)]
    if not signs:
        known = facts.inforom_image_version or facts.board_part_number
        if not known:
            return Outcome(Status.INCONCLUSIVE, "No InfoROM and no board part number was stated.")
        return Outcome(Status.PASS, "InfoROM, part number and ECC fit a board of this class.", known)
    if not mismatch and len(signs) < 2:
        return Outcome(
            Status.INCONCLUSIVE, f"One weak sign of a foreign board: {signs[0]}.", signs[0], confidence=Confidence.LOW
        )
    return Outcome(
        Status.FAIL,
        f"The board does not identify itself as one that {case.sku} is sold on: {'; '.join(signs)}.",
        observed="; ".join(signs),
        expected="management data of a professional board, consistent with itself",
        remedy="Ask for a photograph of the board's label and compare its part number.",
        confidence=Confidence.MEDIUM,
        evidence=tuple(f"{case.declared_section}.{f}" for f in ("inforom_image_version", "board_part_number")),
        kinds=(Kind.TRANSPLANTED,),
    )


def project_mismatch(facts: NvmlFacts) -> str | None:
    """How the project codes of InfoROM image and board part number differ, None where they agree or one is absent."""
    image, board = image_project(facts.inforom_image_version), part_number(facts.board_part_number)
    if image is None or board is None or image == board[1]:
        return None
    return f"InfoROM of project {image} on a board of project {board[1]}"


def _missing_signs(facts: NvmlFacts, profile: Profile) -> list[str]:
    signs = []
    if is_common(facts.inforom_image_version) and profile.sku_class == "datacenter":
        signs.append(f"a consumer InfoROM ({facts.inforom_image_version})")
    ecc = facts.missing.get("ecc_enabled")
    if profile.sku_class == "datacenter" and profile.ecc == "yes" and ecc and ecc.unavailable is Reason.NOT_SUPPORTED:
        signs.append("no ECC mode")
    limit, usual = facts.power_default_watts, profile.power_default_watts
    if profile.sku_class == "datacenter" and limit and usual and limit < 0.55 * usual:
        signs.append(f"a default power limit of {limit:.0f} W where {usual} W is usual")
    return signs

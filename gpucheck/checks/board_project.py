"""Whether the board carries the data of a board that the die is sold on.

What it checks: the project code of the board (``G133``) in the InfoROM image, in the board's part number and in the
firmware; and, on a GeForce card, that there is no InfoROM and no part number of a professional board.
Why it matters: these are written to the board's flash chip at the factory and stay with the board when its die is
replaced. The device id comes along with the die.
How it can be fooled: the flash chip can be copied or exchanged; a board of the right project shows nothing.
A failure does not mean: a bad card. A shop may have put a good die on a good board; but it was not made so. Firmware of
another partner's board on a GeForce card is its owner's choice: noted, no more.
References: InfoROM and part number name one project in 42 of 42 captures; all GeForce cards from Pascal on, 20 of 20
captures, carry the common InfoROM images G001 and G002, and part numbers 900-1G... where they have any; three of three
published dumps of the RTX 50 series carry G005.
"""

from dataclasses import dataclass

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, not_applicable
from gpucheck.checks.vbios_agreement import runs_on
from gpucheck.model.base import Unavailable
from gpucheck.model.board_codes import image_project, is_common, part_number
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile

_PROFESSIONAL_LINES = {"2": "data-centre", "5": "workstation"}
"""Digit before the project in a board part number: ``900-5G133`` is a workstation's, ``900-1G136`` a GeForce card's."""
_TELLING_SINCE = (6, 0)


@dataclass(frozen=True)
class _Codes:
    """Project codes by the path of the evidence that states them."""

    board: dict[str, str]
    firmware: dict[str, str]
    professional: dict[str, str]
    """What only a professional board carries, in words."""


@check(
    id="board-project",
    title="Board data against die and firmware",
    severity=Severity.HIGH,
    edge=("board", "die"),
)
def board_project(case: Case) -> Outcome:
    """Weigh the board's own data against the SKU and the firmware."""
    if any(p.form_factor in ("laptop", "embedded") for p in case.profiles):
        return not_applicable("Boards inside laptops and modules carry their makers' own data.")
    codes = _codes(case)
    if codes.professional and _is_geforce(case.profiles):
        return _professional(case, codes)
    if not codes.board and not codes.professional:
        image = _image(case)
        if not is_common(image):
            raise Missing("no source stated a project of the board", f"{case.declared_section}.inforom_image_version")
        return Outcome(Status.PASS, "The board carries the common data of consumer boards.", image)
    return _geforce(codes) if _is_geforce(case.profiles) else _compared(codes)


def _geforce(codes: _Codes) -> Outcome:
    """Firmware of another partner's board is the owner's choice, so the board's own data alone count."""
    return Outcome(Status.PASS, "The board's part number is one of GeForce boards.", _named(codes))


def _compared(codes: _Codes) -> Outcome:
    """Hold the accounts of one project against each other."""
    odd = sorted(set(codes.firmware.values()) - set(codes.board.values()))
    if odd:
        return _foreign_firmware(codes, odd)
    told = (*codes.board, *codes.firmware)
    if len(set(codes.board.values())) > 1:
        return inconclusive("The board's own data name several projects.", _named(codes), evidence=told)
    if len(told) < 2:
        message = "The board names its project in one place alone, and there is none to compare it with."
        return inconclusive(message, _named(codes), evidence=told)
    return Outcome(Status.PASS, f"The board's project is the same in {len(told)} places.", _named(codes))


def _named(codes: _Codes) -> str:
    return f"project {', '.join(sorted({*codes.board.values(), *codes.firmware.values()}))}"


def _professional(case: Case, codes: _Codes) -> Outcome:
    words = " and ".join(dict.fromkeys(codes.professional.values()))
    return Outcome(
        Status.FAIL,
        f"The die is {case.sku}, but its board carries {words}: it was made for another die.",
        observed=words,
        expected="the common data of GeForce boards, or none",
        remedy="Look for the part number printed on the board; ask who exchanged the die and what warranty is left.",
        confidence=Confidence.HIGH if len(codes.professional) > 1 else Confidence.MEDIUM,
        evidence=tuple(codes.professional),
        kinds=(Kind.TRANSPLANTED,),
    )


def _foreign_firmware(codes: _Codes, odd: list[str]) -> Outcome:
    own = " and ".join(sorted(set(codes.board.values())))
    return Outcome(
        Status.FAIL,
        f"The firmware was built for a board of project {' and '.join(odd)}, the board's own data say {own}.",
        observed=", ".join(f"{code} by {path}" for path, code in (codes.board | codes.firmware).items()),
        expected="one project",
        remedy="Ask for a photograph of the board's label and compare its part number.",
        confidence=Confidence.MEDIUM,
        evidence=(*codes.board, *codes.firmware),
        kinds=(Kind.TRANSPLANTED, Kind.FIRMWARE_ALTERED),
    )


def _is_geforce(profiles: tuple[Profile, ...]) -> bool:
    """Whether the board data of such cards are known to be the common ones."""
    return all(p.sku_class == "geforce" and p.die.capability_numbers >= _TELLING_SINCE for p in profiles)


def _image(case: Case) -> str:
    declared = case.evidence.declared
    return (declared.inforom_image_version if declared else None) or ""


def _codes(case: Case) -> _Codes:
    evidence, section = case.evidence, case.declared_section
    board: dict[str, str] = {}
    professional: dict[str, str] = {}
    image = _image(case)
    project = image_project(image)
    if project and not is_common(image):
        board[f"{section}.inforom_image_version"] = project
        professional[f"{section}.inforom_image_version"] = f"the InfoROM {image} of project {project}"
    for path, part in _part_numbers(case).items():
        if not (codes := part_number(part)):
            continue
        line, board[path] = codes
        if line in _PROFESSIONAL_LINES:
            professional[path] = f"the part number {part} of a {_PROFESSIONAL_LINES[line]} board"
    firmware = {}
    if not isinstance(evidence.vbios, Unavailable) and evidence.vbios.project and runs_on(case, evidence.vbios):
        firmware["vbios.project"] = evidence.vbios.project
    if not isinstance(evidence.resource_manager, Unavailable) and evidence.resource_manager.project:
        firmware["resource_manager.project"] = evidence.resource_manager.project
    return _Codes(board, firmware, professional)


def _part_numbers(case: Case) -> dict[str, str]:
    declared, manager = case.evidence.declared, case.evidence.resource_manager
    found = {f"{case.declared_section}.board_part_number": declared.board_part_number if declared else None}
    if not isinstance(manager, Unavailable):
        found["resource_manager.factory_part_number"] = manager.factory_part_number
    return {path: part.upper() for path, part in found.items() if part}

"""Cards as a shop sees them, and reports of them."""

import datetime as dt
from typing import Any

from gpucheck.model.report import CardReport, Report
from tests.builders import WHEN, make_card, make_driver, make_evidence, make_nvml, make_report

A: dict[str, Any] = {"uuid": "GPU-aaaaaaaa-59a1-4c5f-9d0c-0f4a9be1c111", "pdi": "0x3fe1a07b92c4d856"}
B: dict[str, Any] = {"uuid": "GPU-bbbbbbbb-59a1-4c5f-9d0c-0f4a9be1c222", "pdi": "0xb84c5d0f7713ae29"}
BOARD: dict[str, Any] = {"serial": "1320821287998", "board_part_number": "900-5G133-1700-000"}
OTHER_BOARD: dict[str, Any] = {"serial": "1320821280001", "board_part_number": "900-5G133-1700-000"}


def card(day: int = 0, simulated: str | None = None, together: int = 1, twins: Any = (), **stated: Any) -> CardReport:
    """A judged card that was examined some days later than others."""
    evidence = make_evidence(
        nvml=make_nvml(**({"uuid": None} | stated)),
        driver=make_driver(uuid=stated.get("uuid")),
        collected_at=WHEN + dt.timedelta(days=day),
        simulated=simulated,
        scanned_together=together,
        twins=twins,
    )
    return make_card(evidence=evidence)


def visit(day: int = 0, **stated: Any) -> Report:
    """A report of one card."""
    return make_report(card(day, **stated), created_at=WHEN + dt.timedelta(days=day))

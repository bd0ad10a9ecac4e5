"""Counters that are all ones count nothing: they are full, or were not read."""

from typing import Any

import pytest

from gpucheck.model.base import Reason
from gpucheck.model.counters import ALL_ONES, all_ones
from gpucheck.model.evidence import Evidence, NvmlFacts
from gpucheck.model.finding import Status
from gpucheck.sources.nvidia_smi import parse, to_evidence
from tests.builders import make_host_link
from tests.cards import alter, finding, genuine, report
from tests.sources.test_nvml import read as read_nvml

WIDTHS = (0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)
SUMS = (2 * 0xFFFF, 2 * 0xFFFF_FFFF, 3 * 0xFFFF_FFFF, 0xFFFF_FFFF + 2, 2 * 0xFFFF_FFFF_FFFF_FFFF % (1 << 64))
FULL = (*WIDTHS, *SUMS)


@pytest.mark.parametrize("number", FULL)
def test_what_no_counter_counts(number: int) -> None:
    assert all_ones(number)


@pytest.mark.parametrize("number", [0, 1, 552, 13_110, 0xFFFE, 0x1_0000, 0xFFFF * 9, 0x7FFF_FFFF])
def test_what_one_may_count(number: int) -> None:
    assert not all_ones(number)


def card_of(text: str) -> Evidence:
    """The one card of what a seller sent."""
    (evidence,) = to_evidence(parse(text, "seller.txt"), "seller.txt")
    return evidence


def table(errors: int) -> str:
    return (
        f"|   0  Tesla M60           On   | 00000000:00:1E.0 Off | {errors:>20} |\n"
        "| N/A   30C    P8    14W / 150W |    634MiB /  7680MiB |      0%      Default |\n"
    )


def csv(errors: int) -> str:
    head = "name, pci.bus_id, memory.total [MiB], ecc.errors.uncorrected.volatile.total, remapped_rows.uncorrectable"
    return f"{head}\nTesla M60, 00000000:00:1E.0, 7680 MiB, {errors}, {errors}\n"


def xml(errors: int) -> str:
    return f"""<nvidia_smi_log><gpu id="00000000:00:1E.0"><product_name>Tesla M60</product_name>
<pci><replay_counter>{errors}</replay_counter></pci><fb_memory_usage><total>7680 MiB</total></fb_memory_usage>
<ecc_errors><volatile><double_bit><device_memory>{errors}</device_memory><total>{errors}</total></double_bit></volatile>
</ecc_errors><retired_pages><double_bit_retirement><retired_count>{errors}</retired_count></double_bit_retirement>
</retired_pages></gpu></nvidia_smi_log>"""


def indented(errors: int) -> str:
    return f"""GPU 00000000:00:1E.0
    Product Name                          : Tesla M60
    PCI
        Replays Since Reset               : {errors}
    FB Memory Usage
        Total                             : 7680 MiB
    ECC Errors
        Volatile
            SRAM Uncorrectable            : 0
            DRAM Uncorrectable            : {errors}
    Remapped Rows
        Correctable Error                 : {errors}
        Uncorrectable Error               : {errors}
        Pending                           : No
        Remapping Failure Occurred        : No
"""


@pytest.mark.parametrize("form", [table, csv, xml, indented])
@pytest.mark.parametrize("number", FULL)
def test_a_sellers_card_is_neither_defective_nor_worn_by_a_full_counter(form: Any, number: int) -> None:
    evidence = card_of(form(number))
    judged = report(evidence)
    assert judged.verdict.condition not in ("defective", "worn")
    assert not any(f"{number:,}" in found.message for found in judged.findings)
    assert not any(str(number) in found.message for found in judged.findings)
    assert ALL_ONES in finding(evidence, "memory-health").message
    assert form in (table, csv) or ALL_ONES in finding(evidence, "bus-errors").message


def test_errors_beside_a_full_counter_still_count() -> None:
    text = indented(0xFFFF_FFFF).replace("SRAM Uncorrectable            : 0", "SRAM Uncorrectable            : 3")
    evidence = card_of(text)
    assert report(evidence).verdict.condition == "defective"
    assert "3 uncorrectable errors" in finding(evidence, "memory-health").message


@pytest.mark.parametrize("number", FULL)
def test_live_answers(number: int) -> None:
    facts = read_nvml(
        {
            ("nvmlDeviceGetPcieReplayCounter",): number,
            ("nvmlDeviceGetTotalEccErrors", 1, 0): number,
            ("nvmlDeviceGetRemappedRows",): (0, number, 0, 1),
        }
    )
    assert (facts.pcie_replay_count, facts.ecc_uncorrected_volatile, facts.row_remap_uncorrectable) == (None,) * 3
    assert facts.row_remap_failure is True, "a state is told even where a number is not"
    assert {"pcie_replay_count", "ecc_uncorrected_volatile", "row_remap_uncorrectable"} <= facts.missing.keys()
    if number == 0xFFFF:
        gone = facts.missing["pcie_replay_count"]
        assert (gone.unavailable, gone.detail) == (Reason.FAILED, f"answered 65,535: {ALL_ONES}")


@pytest.mark.parametrize("number", FULL[:-1])
def test_evidence_that_holds_such_a_number_is_judged_alike(number: int) -> None:
    """What was collected before gpucheck knew better can be judged again."""
    counters = {f"nvml__{name}": number for name in NvmlFacts.model_fields if name.startswith(("ecc_un", "retired_p"))}
    counters = {name: value for name, value in counters.items() if not name.endswith("pending")}
    evidence = alter(
        genuine(),
        **counters,
        nvml__pcie_replay_count=number,
        nvml__pcie_errors={"bad_tlp": number},
        nvml__row_remap_uncorrectable=number,
        host_link=make_host_link(replays_before=9, replays_after=number),
    )
    verdict = report(evidence).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "good")
    assert finding(evidence, "link-errors").status is Status.INCONCLUSIVE
    assert ALL_ONES in finding(evidence, "link-errors").message

"""``/proc/driver/nvidia`` inside files: of bug reports, of somebody's ``cat``, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucheck.model.finding import Status
from gpucheck.sources.driver_text import read_driver, read_version
from gpucheck.sources.nvidia_smi import SourceFileError, parse, to_evidence
from tests.sources.test_driver import INFORMATION, VERSION

SECOND = INFORMATION.replace("0000:01:00.0", "0000:41:00.0").replace("GeForce RTX 4090", "GeForce RTX 3090")
REPORT = (
    f"*** /proc/driver/nvidia/version\n*** ls: -r--r--r-- 1 root\n{VERSION}\n"
    f"*** /proc/driver/nvidia/gpus/0000:01:00.0/information\n*** ls: -r--r--r--\n{INFORMATION}\n"
    f"*** /proc/driver/nvidia/gpus/0000:41:00.0/information\n{SECOND}\n*** /proc/driver/nvidia/params\nRmLogonRC: 1\n"
)


def test_a_bug_report() -> None:
    (first, second), rest = read_driver(REPORT.split("\n"))
    assert not any("Video BIOS" in line for line in rest), "what was read is left to no other reader"
    assert (first.bdf, first.model, first.vbios_version) == (
        "0000:01:00.0",
        "NVIDIA GeForce RTX 4090",
        "95.02.3c.00.40",
    )
    assert (first.version, first.firmware_version, first.excluded) == ("570.172.08", "570.172.08", False)
    assert (second.bdf, second.model) == ("0000:41:00.0", "NVIDIA GeForce RTX 3090")


def test_two_blocks_without_anything_between() -> None:
    assert [card.bdf for card in read_driver((INFORMATION + SECOND).split("\n"))[0]] == ["0000:01:00.0", "0000:41:00.0"]


@pytest.mark.parametrize("text", ["Model: 85\nStepping: 7\n", "Model:\n" * 400, "Model: \t NVIDIA GeForce RTX 4090\n"])
def test_other_programs_print_models_too(text: str) -> None:
    assert read_driver(text.split("\n")) == ([], text.split("\n"))


def test_somebodys_own_list_is_left_to_others() -> None:
    text = "Model: NVIDIA GeForce RTX 4090\nVideo BIOS: 95.02.3c.00.40\nMemory: 49140 MiB\n"
    assert read_driver(text.split("\n"))[0] == []
    (card,) = parse(text, "list").cards
    assert card.facts.memory_total_bytes == 49140 << 20


def test_firmware_of_another_die_shows_in_the_drivers_text_alone() -> None:
    from tests.cards import finding

    forged = INFORMATION.replace("RTX 4090", "GTX 1050 Ti").replace("95.02.3c.00.40", "70.26.33.00.01")
    (evidence,) = to_evidence(parse(VERSION + forged, "x"), "x")
    assert finding(evidence, "vbios-family").status is Status.FAIL
    assert finding(evidence, "source-agreement").status is Status.INCONCLUSIVE, "one text is one route"


def test_as_a_file_to_be_judged() -> None:
    parsed = parse(REPORT, "report.txt")
    first, second = to_evidence(parsed, "report.txt")
    assert parsed.host.driver_version == "570.172.08"
    assert getattr(first.driver, "model", None) == "NVIDIA GeForce RTX 4090"
    assert second.label == "report.txt 0000:41:00.0"


def test_beside_a_listing_of_the_bus_it_is_one_card() -> None:
    line = "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation AD102 [GeForce RTX 4090] [10de:2684] (rev a1)"
    (card,) = parse(f"{line}\n\n{VERSION}\n{INFORMATION}", "both.txt").cards
    assert card.pci is not None
    assert card.driver is not None


def test_a_version_alone_names_no_card() -> None:
    assert read_version(VERSION.split("\n")) == "570.172.08"
    with pytest.raises(SourceFileError, match=r"driver's version, 570\.172\.08"):
        parse(VERSION, "version.txt")


@given(st.lists(st.sampled_from([*INFORMATION.split("\n"), VERSION, "", "Model:", "\x1b[2J", "a: b"]), max_size=60))
def test_any_order_of_lines(lines: list[str]) -> None:
    for card in read_driver("\n".join(lines).split("\n"))[0]:
        assert all("\x1b" not in text for text in card.raw.values())

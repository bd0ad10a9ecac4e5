"""What the bus and the driver's software reveal: each finding, and each honest machine that looks like one."""

from typing import Any

import pytest

from gpucheck.checks import Case
from gpucheck.checks.sibling_functions import sibling_functions
from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import NOT_LISTED, Evidence, PciSibling
from gpucheck.model.finding import Finding, Kind, Severity, Status
from gpucheck.model.integrity import DriverIntegrity, DriverLibrary
from gpucheck.model.report import CardReport
from gpucheck.model.units import MIB
from gpucheck.pipeline import assess
from gpucheck.sources.nvidia_smi import parse, to_evidence
from tests.cards import alter, catalog, evidence_from, evidence_of, finding, genuine, report

LOST = Unavailable(unavailable=Reason.FAILED, detail="GPU is lost")
LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05"


def sibling(device: int, code: int = 0x040300, vendor: int = 0x10DE) -> PciSibling:
    return PciSibling(bdf="0000:01:00.1", vendor_id=vendor, device_id=device, class_code=code)


def with_siblings(*siblings: PciSibling, **changes: Any) -> Finding:
    return finding(alter(genuine(), pci__siblings=siblings, **changes), "sibling-functions")


def test_the_sound_function_of_another_die() -> None:
    found = with_siblings(sibling(0x1AEF))
    assert (found.status, found.kinds) == (Status.FAIL, (Kind.REMARKED,))
    assert "AD102" in found.message
    assert "GA102" in found.message
    assert report(alter(genuine(), pci__siblings=(sibling(0x1AEF),))).verdict.authenticity == "suspect"


@pytest.mark.parametrize(
    ("siblings", "status"),
    [
        ((sibling(0x22BA),), Status.PASS),
        ((sibling(0x22BA), sibling(0x1AD6, 0x0C0330)), Status.FAIL),
        ((sibling(0x22BA), sibling(0xABCD, 0x0C8000)), Status.PASS),
        ((sibling(0xABCD),), Status.INCONCLUSIVE),
        ((), Status.NOT_APPLICABLE),
        ((sibling(0x1AEF, vendor=0x1002),), Status.NOT_APPLICABLE),
        ((sibling(0x1AEF, code=0x030200),), Status.NOT_APPLICABLE),
    ],
)
def test_functions_beside_the_display(siblings: tuple[PciSibling, ...], status: Status) -> None:
    assert with_siblings(*siblings).status is status


def test_a_guest_may_hold_functions_of_two_cards() -> None:
    host = genuine().host.model_copy(update={"hypervisor": "QEMU/KVM"})
    assert with_siblings(sibling(0x1AEF), host=host).status is Status.NOT_APPLICABLE


def test_sound_follows_the_die_and_not_the_name() -> None:
    """An RTX 3060 is cut from GA106 or GA104, each with the sound function of its die."""
    for device, sound, status in (
        (0x2504, 0x228E, Status.PASS),
        (0x2487, 0x228B, Status.PASS),
        (0x2487, 0x228E, Status.FAIL),
    ):
        changes = {"pci__device_id": device, "nvml__device_id": device, "pci__siblings": (sibling(sound),)}
        assert finding(alter(evidence_of("rtx-3060-12gb"), **changes), "sibling-functions").status is status


LIVE: list[tuple[dict[str, Any], Status]] = [
    ({}, Status.PASS),
    ({"pci__live_subsystem_id": 0x4043}, Status.FAIL),
    ({"pci__live_subsystem_vendor_id": 0x1458}, Status.FAIL),
    ({"pci__live_device_id": 0x2204}, Status.FAIL),
    ({"pci__live_subsystem_vendor_id": 0, "pci__live_subsystem_id": 0}, Status.INCONCLUSIVE),
    ({"pci__subsystem_vendor_id": 0, "pci__subsystem_id": 0}, Status.INCONCLUSIVE),
    ({"pci__live_subsystem_vendor_id": 0xFFFF, "pci__live_subsystem_id": 0xFFFF}, Status.INCONCLUSIVE),
    ({"pci__live_subsystem_id": None}, Status.PASS),
    ({"pci__live_device_id": 0xFFFF}, Status.PASS),
    ({"pci__live_device_id": 0xFFFF, "pci__live_subsystem_id": None}, Status.INCONCLUSIVE),
    ({"pci__live_subsystem_id": None, "pci__live_device_id": None}, Status.INCONCLUSIVE),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "status"), LIVE)
def test_ids_now_and_at_the_start(changes: dict[str, Any], status: Status) -> None:
    changed = alter(genuine(), **changes)
    assert finding(changed, "subsystem-live").status is status
    assert report(changed).verdict.authenticity == "authentic", "an anomaly alone settles nothing"


OFF: list[tuple[dict[str, Any], Status]] = [
    ({}, Status.FAIL),
    ({"pci__power_state": "D3cold"}, Status.INCONCLUSIVE),
    ({"pci__driver": "vfio-pci"}, Status.INCONCLUSIVE),
    ({"pci__driver": None}, Status.FAIL),
]


def off_the_bus(**changes: Any) -> Evidence:
    gone = {"pci__off_bus": True, "pci__revision_id": 0xFF, "pci__live_device_id": None, "nvml": LOST}
    return alter(genuine(), **gone, **changes)


@pytest.mark.parametrize(("changes", "status"), OFF)
def test_a_card_off_the_bus(changes: dict[str, Any], status: Status) -> None:
    assert finding(off_the_bus(**changes), "device-on-bus").status is status
    assert finding(off_the_bus(**changes), "driver-support").status is Status.INCONCLUSIVE


def test_who_names_a_foreign_board_maker_is_told() -> None:
    """In the output of nvidia-smi, where no listing of the bus was sent."""
    a100, none = evidence_of("a100-80gb"), NOT_REQUESTED
    foreign = {"nvml__subsystem_vendor_id": 0x19DA, "nvml__subsystem_id": 0x1234}
    assert finding(alter(a100, pci=none, **foreign), "subsystem").evidence == ("nvml.subsystem_vendor_id",)
    assert finding(alter(a100, pci__subsystem_vendor_id=0x19DA), "subsystem").evidence == ("pci.subsystem_vendor_id",)


def test_an_older_document_says_it_by_the_revision_alone() -> None:
    assert finding(alter(genuine(), pci__revision_id=0xFF), "device-on-bus").status is Status.FAIL


def test_a_laptop_that_switched_its_card_off() -> None:
    laptop = genuine().host.model_copy(update={"chassis": "laptop"})
    assert finding(off_the_bus(host=laptop), "device-on-bus").status is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("listed", "status"),
    [
        ("GM108M [GeForce 910M] [10de:ffe0]", Status.INCONCLUSIVE),
        ("GP107M [GeForce GTX 1050 Ti Mobile] [10de:1c8c]", Status.INCONCLUSIVE),
        ("GA102 [GeForce RTX 3090] [10de:2204]", Status.FAIL),
    ],
)
def test_a_listing_does_not_say_whether_a_silent_card_sits_in_a_laptop(listed: str, status: Status) -> None:
    line = f"01:00.0 3D controller [0302]: NVIDIA Corporation {listed} (rev ff)\n\t!!! Unknown header type 7f\n"
    (silent,) = to_evidence(parse(line, "lspci.txt"), "lspci.txt")
    assert finding(silent, "device-on-bus").status is status
    known = alter(silent, host=silent.host.model_copy(update={"chassis": "desktop"}))
    if "1c8c" not in listed:
        assert finding(known, "device-on-bus").status is Status.FAIL


@pytest.mark.parametrize("changes", [{}, {"pci__power_state": "D3cold"}])
def test_what_to_do_with_a_silent_card_is_said_by_one_check(changes: dict[str, Any]) -> None:
    """One that is switched off needs no hand on it, and a soldered one cannot be reseated."""
    message = finding(off_the_bus(**changes), "driver-support").message
    assert "does not answer" in message
    assert "reseat" not in message


def test_a_lost_card_is_defective_and_no_fake() -> None:
    verdict = report(evidence_of("rtx-3080-off-the-bus")).verdict
    assert (verdict.authenticity, verdict.condition, verdict.kinds) == ("inconclusive", "defective", ())


def test_a_card_that_answers_is_not_in_good_condition_for_that_alone() -> None:
    assert finding(genuine(), "device-on-bus").status is Status.NOT_APPLICABLE


def test_no_driver_is_told_and_is_no_alarm() -> None:
    bare = alter(genuine(), pci__driver=None, nvml=Unavailable(unavailable=Reason.NOT_INSTALLED))
    found = finding(bare, "driver-support")
    assert (found.status, "No kernel driver" in found.message) == (Status.INCONCLUSIVE, True)
    unknown = alter(bare, pci__missing={"driver": NOT_REQUESTED})
    assert "No kernel driver" not in finding(unknown, "driver-support").message


def test_a_card_that_the_driver_was_told_to_leave_alone_is_no_fake() -> None:
    """``NVreg_ExcludedGpus``: the driver binds the card, shows it in procfs, and keeps it out of NVML."""
    excluded = alter(genuine(), nvml=Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED), driver__excluded=True)
    found = finding(excluded, "driver-support")
    assert (found.status, "told to leave" in found.message) == (Status.INCONCLUSIVE, True)
    kept = alter(excluded, driver__excluded=False)
    assert finding(kept, "driver-support").status is Status.FAIL


@pytest.mark.parametrize(
    ("lanes", "port", "words"),
    [(16, 16, ""), (8, 8, ""), (8, None, ""), (8, 16, "8 of 16 lanes"), (1, 16, "1 of 16 lanes")],
)
def test_lanes_that_a_riser_takes_are_told_and_count_for_nothing(lanes: int, port: int | None, words: str) -> None:
    changed = alter(genuine(), pci__link_lanes_current=lanes, pci__port_link_lanes_max=port)
    found = finding(changed, "pcie-link")
    assert found.status is Status.PASS
    assert (words in found.message) if words else ("lanes that" not in found.message)
    assert (found.severity is Severity.LOW) == bool(words)
    assert report(changed).verdict.authenticity == "authentic"


HIDDEN_LIMIT = {"port_link_generation_target": Unavailable(unavailable=Reason.NO_PERMISSION, detail="root alone")}


@pytest.mark.parametrize("generation", [1, 2])
def test_a_limit_that_root_alone_is_shown_may_be_set_for_the_slot(generation: int) -> None:
    """Firmware set to the first generation, as for risers: the card follows it, and a user is not shown why."""
    slow = alter(genuine(), pci__link_generation_max=generation, pci__port_link_generation_max=5)
    assert finding(slow, "pcie-link").status is Status.FAIL
    found = finding(alter(slow, pci__port_link_generation_target=None, pci__missing=HIDDEN_LIMIT), "pcie-link")
    assert (found.status, "as root" in found.message) == (Status.INCONCLUSIVE, True)


def test_dies_that_follow_no_slot_are_judged_without_root() -> None:
    old = alter(evidence_of("rtx-2080-ti"), pci__link_generation_max=1, pci__port_link_generation_max=3)
    hidden = alter(old, pci__port_link_generation_target=None, pci__missing=HIDDEN_LIMIT)
    assert finding(hidden, "pcie-link").status is Status.FAIL


def integrity(**facts: Any) -> DriverIntegrity:
    held = genuine().integrity
    assert isinstance(held, DriverIntegrity)
    return held.model_copy(update=facts)


def library(path: str, version: str | None = None, name: str = "libnvidia-ml.so.1") -> DriverLibrary:
    return DriverLibrary(name=name, path=path, version=version, loaded=True)


STRANGE: list[dict[str, Any]] = [
    {"preloaded": ("/usr/local/vgpu/libvgpu.so",)},
    {"preloaded": ("~/shim/libnvml-override.so",)},
    {"libraries": (library("~/lib/libnvidia-ml.so.1"),)},
    {"libraries": (library("/tmp/libnvidia-ml.so.580.95.05", "580.95.05"),)},
    {"libraries": (library(LIBRARY, "535.54.03"),)},
    {"test_signing": True},
    {"driver_provider": "Somebody"},
]


@pytest.mark.parametrize("facts", STRANGE, ids=str)
def test_a_strange_library_alone_is_no_finding_and_with_a_contradiction_it_is(facts: dict[str, Any]) -> None:
    strange = alter(genuine(), integrity=integrity(**facts))
    assert finding(strange, "driver-integrity").status is Status.INCONCLUSIVE
    assert report(strange).verdict.authenticity == "authentic"
    lying = alter(strange, driver__uuid="GPU-00000000-0000-0000-0000-000000000001")
    found = finding(lying, "driver-integrity")
    assert (found.status, found.kinds) == (Status.FAIL, (Kind.REMARKED,))
    assert report(lying).verdict.authenticity == "counterfeit"


@pytest.mark.parametrize(
    ("preloaded", "stated", "status"),
    [
        ("/usr/local/vgpu/libvgpu.so", 8192, Status.INCONCLUSIVE),
        ("/usr/local/vgpu/libvgpu.so", 49140, Status.FAIL),
        ("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", 8192, Status.FAIL),
    ],
)
def test_a_container_that_was_given_a_part_of_a_card(preloaded: str, stated: int, status: Status) -> None:
    """HAMi and its like put a library before NVML and CUDA, which states the part as if it were the whole."""
    told = {"nvml__memory_total_bytes": stated * MIB, "cuda__total_memory_bytes": stated * MIB}
    part = alter(genuine(), integrity=integrity(preloaded=(preloaded,)), memory_walk=NOT_REQUESTED, **told)
    found = finding(part, "memory-size")
    assert found.status is status
    if status is Status.INCONCLUSIVE:
        assert preloaded in found.message
        assert report(part).verdict.authenticity == "inconclusive"


USUAL: list[dict[str, Any]] = [
    {"preloaded": ("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "~/.steam/gameoverlayrenderer.so")},
    {"module_builder": "another", "module_open": True, "module_taint": "OE"},
    {"patches": ("NVENC session limit lifted (nvidia-patch)",)},
    {"patches": ("peer-to-peer access forced on",)},
    {"libraries": (library("/usr/local/cuda/compat/libcuda.so.590.44.01", "590.44.01", "libcuda.so.1"),)},
    {"libraries": (library("/usr/lib/wsl/lib/libnvidia-ml.so.1"),), "module_version": None},
    {"libraries": (library("/nix/store/abc-nvidia-x11-580.95.05/lib/libnvidia-ml.so.580.95.05", "580.95.05"),)},
    {"libraries": (), "module_taint": None},
    {"test_signing": None, "driver_provider": "NVIDIA Corporation", "driver_catalog": None},
]


UNUSUAL: list[dict[str, Any]] = [
    {"libraries": (library("~/lib/libcuda.so.580.95.05", "580.95.05").model_copy(update={"loaded": False}),)},
    {"preloaded": ("/opt/tools/libhook.so",)},
    {"libraries": (library("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"),)},
    {"libraries": (library(LIBRARY, "535.54.03").model_copy(update={"loaded": False}),)},
]


@pytest.mark.parametrize("facts", UNUSUAL, ids=str)
def test_what_means_something_only_beside_a_contradiction(facts: dict[str, Any]) -> None:
    unusual = alter(genuine(), integrity=integrity(**facts))
    assert finding(unusual, "driver-integrity").status is Status.PASS
    lying = alter(unusual, driver__vbios_version="94.02.00.00.01")
    assert finding(lying, "driver-integrity").status is Status.FAIL


@pytest.mark.parametrize("facts", USUAL, ids=str)
def test_what_honest_machines_have(facts: dict[str, Any]) -> None:
    found = finding(alter(genuine(), integrity=integrity(**facts)), "driver-integrity")
    assert found.status is Status.PASS
    for patch in facts.get("patches", ()):
        assert patch in found.message


def test_without_a_driver_nothing_is_said_of_it() -> None:
    bare = alter(genuine(), integrity=integrity(libraries=(), module_version=None))
    assert finding(bare, "driver-integrity").status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("patch", ["CMP mining limits lifted (cmpunlocker)", "... (vgpu_unlock)"])
def test_alterations_that_change_what_a_card_states_leave_it_open(patch: str) -> None:
    found = finding(alter(genuine(), integrity=integrity(patches=(patch,))), "driver-integrity")
    assert found.status is Status.INCONCLUSIVE
    assert patch in found.message


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("NVIDIA GeForce RTX 4090", Status.PASS),
        ("GeForce RTX 4090", Status.PASS),
        ("NVIDIA Graphics Device", Status.PASS),
        (None, Status.PASS),
        ("NVIDIA GeForce RTX 3060", Status.INCONCLUSIVE),
    ],
)
def test_the_name_by_both_routes(model: str | None, status: Status) -> None:
    assert finding(alter(genuine(), driver__model=model), "driver-integrity").status is status


def test_another_name_behind_a_preloaded_library() -> None:
    strange = integrity(preloaded=("/opt/libnvml-fake.so",))
    lying = alter(genuine(), integrity=strange, driver__model="NVIDIA GeForce RTX 3060")
    assert finding(lying, "driver-integrity").status is Status.FAIL
    assert report(lying).verdict.authenticity == "suspect"


def test_a_file_or_an_older_document_says_nothing_of_the_software() -> None:
    assert finding(alter(genuine(), integrity=NOT_REQUESTED), "driver-integrity").status is Status.NOT_APPLICABLE
    assert report(alter(genuine(), integrity=NOT_REQUESTED)).verdict.authenticity == "authentic"


def test_a_library_in_nvmls_place_is_told_in_plain_words() -> None:
    judged = report(evidence_of("replaced-nvml-library"))
    assert (judged.verdict.authenticity, judged.verdict.kinds) == ("counterfeit", (Kind.REMARKED, Kind.IDENTITY_CLONED))
    assert "a GeForce RTX 4090" in judged.verdict.explanation
    failed = {f.check for f in judged.findings if f.status is Status.FAIL}
    assert {"source-agreement", "driver-integrity", "compute-capability"} <= failed


@pytest.mark.parametrize("route", ["preloaded", "replaced"])
def test_a_library_that_states_the_same_model_under_another_uuid(route: str) -> None:
    profile = "geforce-rtx-4090"
    told = {"profile": profile, "library": {"profile": "geforce-rtx-4090-d", "route": route}}
    evidence = evidence_from({"title": "x", "silicon": {"profile": profile}, "declared": told})
    assert finding(evidence, "driver-integrity").status is Status.FAIL
    assert report(evidence).verdict.authenticity == "counterfeit"


def test_a_fermi_that_no_driver_runs_is_given_away_by_its_sound() -> None:
    judged = report(evidence_of("gtx-1060-with-the-sound-of-a-gtx-550-ti"))
    assert judged.verdict.authenticity == "suspect"
    assert "GF116" in judged.verdict.explanation


def test_messages_do_not_carry_a_whole_uuid() -> None:
    secret = "GPU-00000000-1111-2222-3333-444444444444"
    assert secret not in finding(alter(genuine(), driver__uuid=secret), "source-agreement").message


def test_every_sku_with_the_functions_of_its_die_passes() -> None:
    for profile in catalog().all_profiles():
        siblings = tuple(sibling(device) for device in profile.die.audio_device_ids)
        for device in profile.device_ids:
            ids = {"nvml__device_id": device, "pci__device_id": device, "pci__live_device_id": device}
            evidence = alter(genuine(), pci__siblings=siblings, **ids)
            case = Case(evidence, catalog().match(evidence), None, catalog())
            assert sibling_functions(case).status in (Status.PASS, Status.NOT_APPLICABLE), profile.id


def judged_text(text: str) -> CardReport:
    (evidence,) = to_evidence(parse(text, "lspci.txt"), "lspci.txt")
    return assess(evidence, catalog())


def test_a_listing_of_a_server_card_off_the_bus() -> None:
    judged = judged_text(
        "08:00.0 3D controller [0302]: NVIDIA Corporation GV100GL [Tesla V100 PCIe 32GB] [10de:1db6] (rev ff)\n"
        "\t!!! Unknown header type 7f\n"
    )
    assert (judged.verdict.authenticity, judged.verdict.condition) == ("inconclusive", "defective")
    assert judged.match.profile is not None


def test_a_listing_of_a_fermi_under_another_name() -> None:
    judged = judged_text(
        "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GP107 [GTX 1050 Ti] [10de:1c82] (rev a1)\n"
        "01:00.1 Audio device [0403]: NVIDIA Corporation GF106 High Definition Audio Controller [10de:0be9] (rev a1)\n"
    )
    assert (judged.verdict.authenticity, judged.verdict.kinds) == ("suspect", (Kind.REMARKED,))


def test_a_listing_without_ids_is_matched_by_the_product_in_brackets() -> None:
    judged = judged_text("01:00.0 VGA compatible controller: NVIDIA Corporation AD102 [GeForce RTX 4090] (rev a1)\n")
    assert (judged.match.profile, judged.match.basis) == ("geforce-rtx-4090", "name")
    assert judged.verdict.authenticity == "inconclusive"
    assert "nothing was measured" in judged.verdict.explanation


@pytest.mark.parametrize(
    ("fault", "status", "condition", "words"),
    [
        ("GPU is lost", Status.FAIL, "defective", "reseat the card"),
        ("infoROM is corrupted", Status.FAIL, "worn", "what was repaired or flashed"),
        ("GPU requires a reset", Status.INCONCLUSIVE, "good", "Restart the machine and scan again"),
        ("external power is not connected", Status.INCONCLUSIVE, "good", "Connect its power cables"),
        ("interrupts of the GPU do not arrive", Status.INCONCLUSIVE, "good", "another slot"),
    ],
)
def test_a_fault_that_the_driver_reports_is_told_first(fault: str, status: Status, condition: str, words: str) -> None:
    told = alter(genuine(), nvml__fault=fault)
    found, verdict = finding(told, "driver-faults"), report(told).verdict
    assert (found.status, found.observed) == (status, f"{fault} (declared)")
    assert words in f"{found.message} {found.remedy}"
    assert found.message in verdict.explanation
    assert (verdict.authenticity, verdict.condition) == ("authentic", condition)


def test_a_question_that_was_never_answered_is_told_first() -> None:
    why = Unavailable(unavailable=Reason.TIMED_OUT, detail="nvmlDeviceGetSerial: no answer within 60 s")
    hung = alter(genuine(), nvml__serial=None, nvml__missing={"serial": why, "fault": why})
    verdict = report(hung).verdict
    assert "The driver stopped answering (nvmlDeviceGetSerial: no answer within 60 s)." in verdict.explanation
    assert verdict.condition == "good"
    silent = alter(genuine(), nvml=Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 60 s"))
    assert "The driver did not answer (no answer within 60 s)." in report(silent).verdict.explanation


def test_a_fault_without_words_of_ours_is_told_in_the_drivers() -> None:
    told = report(alter(genuine(), nvml__fault="uncontained error")).verdict.explanation
    assert "The driver reports a fault: uncontained error. Restart the machine and scan again" in told


@pytest.mark.parametrize("words", ["GPU is lost", "[GPU requires reset]"])
def test_a_text_of_a_card_that_the_driver_had_lost_begins_with_it(words: str) -> None:
    judged = judged_text(f"name, pci.device_id, serial\nNVIDIA GeForce RTX 4090, 0x268410DE, {words}\n")
    found = next(f for f in judged.findings if f.check == "driver-faults")
    assert (found.status, words.strip("[]") in found.observed) == (Status.INCONCLUSIVE, True)
    assert "Ask for the output anew, after a restart" in judged.verdict.explanation
    assert judged.verdict.authenticity == "inconclusive"


def test_a_field_that_the_driver_could_not_read_is_told_without_alarm() -> None:
    judged = judged_text("name, pci.device_id, serial\nNVIDIA GeForce RTX 4090, 0x268410DE, [Unknown Error]\n")
    found = next(f for f in judged.findings if f.check == "driver-faults")
    assert "Unknown Error" in found.message
    assert "could not read" not in judged.verdict.explanation


def test_no_fault_is_no_sign_of_good_condition() -> None:
    assert finding(genuine(), "driver-faults").status is Status.NOT_APPLICABLE
    for nvml, status in (
        (Unavailable(unavailable=Reason.NOT_REQUESTED), Status.NOT_APPLICABLE),
        (Unavailable(unavailable=Reason.NOT_INSTALLED, detail="no driver"), Status.INCONCLUSIVE),
    ):
        assert finding(alter(genuine(), nvml=nvml), "driver-faults").status is status

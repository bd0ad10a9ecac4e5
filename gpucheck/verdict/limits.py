"""What the surroundings kept from the examination, said plainly: MIG, virtual GPUs, virtual machines, WSL, Windows.

None of it is a sign of anything; it says how far an answer reaches, and where to go for the rest.
"""

from gpucheck.checks import Case
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import BLANKED, MEASURED_SECTIONS
from gpucheck.model.partition import VIRTUAL

_MIG = (
    "MIG divides this card, and a program reaches one slice: the multiprocessors, memory and bandwidth of the whole "
    "card were not seen. Turn MIG off (`nvidia-smi -mig 0`) and scan again."
)
_VIRTUAL_GPU = (
    "This is a virtual GPU (vGPU): how much memory and how many multiprocessors it has is for its host to decide. "
    "Scan the whole card, on the host or passed through."
)
_VIRTUAL_IN_A_FILE = (
    "This is a virtual GPU (vGPU): how much memory it has is for its host to decide, and nothing that it states is "
    "proof of a card. Ask for the output of `nvidia-smi -q -x` on the host."
)
_WSL = "WSL reaches the card through Windows: the PCI bus and the kernel driver could not be read."
_WINDOWS = "Under Windows the PCI bus could not be read."
_LENT = "Windows' display driver (WDDM) lends memory of the host when the card is full, so the walk leaves 1 GiB alone."
_LINUX = "A scan under Linux reaches more."
_BATTERY = "The machine runs on battery, which may hold the card's clocks down: plug it in and scan again."


def limits(case: Case) -> str:
    """Say what could not be seen from here and where it can be; empty where nothing stood in between.

    Little is said where nobody meant to measure: a file, or declared facts alone, reach no further anywhere.
    """
    sections = (getattr(case.evidence, name) for name in ("cuda", *MEASURED_SECTIONS))
    if all(getattr(section, "unavailable", None) is Reason.NOT_REQUESTED for section in sections):
        return " ".join(filter(None, (_VIRTUAL_IN_A_FILE if case.partitioned == VIRTUAL else "", _blanked(case))))
    battery = _BATTERY if case.evidence.host.on_battery else ""
    return " ".join(filter(None, (_part(case.partitioned), _system(case), battery, _for_root(case))))


def _for_root(case: Case) -> str:
    """What the system would show to root alone, and kept back now."""
    evidence = case.evidence
    rom, bus = evidence.vbios, evidence.pci
    whole = None if isinstance(bus, Unavailable) else bus.missing.get("aer_status")
    absent = {
        "the VBIOS ROM itself": rom if isinstance(rom, Unavailable) else rom.missing.get("rom"),
        "the die's own registers": evidence.registers if isinstance(evidence.registers, Unavailable) else None,
        "the whole PCI configuration space": whole,
    }
    kept = [name for name, why in absent.items() if why and why.unavailable is Reason.NO_PERMISSION]
    if not kept:
        return ""
    return f"As root, a scan would also see {', '.join(kept[:-1])}{' and ' if kept[1:] else ''}{kept[-1]}."


def _blanked(case: Case) -> str:
    """Say that the ids were crossed out, where nothing else tells them."""
    declared, bus = case.evidence.declared, case.evidence.pci
    gone = declared.missing.get("device_id") if declared else None
    told = not isinstance(bus, Unavailable) and bus.device_id is not None
    if told or gone is None or not gone.detail.startswith(BLANKED):
        return ""
    by = "by its name alone" if case.match.fitting else "by nothing that is known"
    return (
        f"Its ids were blanked out, so it was matched {by}. Ask for the output with the ids in it; they name no owner."
    )


def _part(why: str) -> str:
    if not why:
        return ""
    return _MIG if "MIG" in why else _VIRTUAL_GPU


def _system(case: Case) -> str:
    host = case.evidence.host
    if host.lends_memory:
        declared = case.evidence.declared
        model = (declared.driver_model or "") if declared else ""
        unlent = model.upper() in ("TCC", "MCDM") or isinstance(case.evidence.memory_walk, Unavailable)
        return " ".join(filter(None, (_WSL if host.wsl else _WINDOWS, "" if unlent else _LENT, _LINUX)))
    if host.hypervisor and not case.partitioned:
        return (
            f"The card was seen from inside a virtual machine ({host.hypervisor}), which shows a link and a memory "
            "window of its own making; neither was judged. Scan on the host for those."
        )
    return ""

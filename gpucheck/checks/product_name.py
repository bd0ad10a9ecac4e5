"""Whether the product name is one that the device id is sold under.

What it checks: NVML's name against the names of the SKUs with this device id. The driver looks the name up; it is not
stored on the card.
Why it matters: patched drivers that rename a card leave the device id alone.
How it can be fooled: by changing the device id too, which the silicon then contradicts.
A failure does not mean: that the card is bad. Generic names ("Graphics Device") and names that no profile knows say
nothing and are passed over: a new card on an old driver has one.
References: name tables of NVIDIA's open kernel modules and of pci.ids.
"""

import re

from gpucheck.catalog.names import parse_name
from gpucheck.checks.base import Case, Outcome, check, inconclusive, not_applicable
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.profile import Profile

GENERIC = re.compile(
    r"^(nvidia\s+)?(graphics (device|driver)|device\s*[0-9a-f]{0,4}|n/?a|unknown( error)?|err!?)?$", re.IGNORECASE
)
_MARKED_LAPTOP = re.compile(r"\bRTX\s?[345]0[5-9]0\b", re.IGNORECASE)
_WORDS = re.compile(r"[a-z0-9]+")
_DECORATION = frozenset(
    {
        "nvidia",
        "geforce",
        "quadro",
        "tesla",
        "rtx",
        "gtx",
        "laptop",
        "mobile",
        "notebook",
        "gpu",
        "max",
        "q",
        "with",
        "design",
        "oem",
        "generation",
        "edition",
        "the",
        "rev",
        "a",
        "lite",
        "hash",
        "rate",
    }
)

_AGAIN = {
    "nvml": "Install NVIDIA's own driver and scan again.",
    "nvidia_smi": "Scan the card itself, on a machine with NVIDIA's own driver.",
}


@check(
    id="product-name",
    title="Product name against device id",
    severity=Severity.HIGH,
    edge=("product name", "device id"),
)
def product_name(case: Case) -> Outcome:
    """Compare the name with the SKUs of the device id."""
    name = case.text("name")
    if GENERIC.match(name.strip()):
        return inconclusive("The driver gives only a generic name.", name)
    if case.match.basis != "device_id":
        return not_applicable("The card was found by its name; there is no device id to hold it against.")
    if case.partitioned and "MIG" not in case.partitioned:
        return not_applicable(f"Virtual GPUs carry other names: {case.partitioned}.")
    if _laptop_without_its_mark(name, case.profiles):
        return _renamed(case, name, "newer drivers always mark a laptop part as such")
    if re.search(r"\blaptop gpu\b", name, re.IGNORECASE) and all(p.form_factor != "laptop" for p in case.profiles):
        return _renamed(case, name, "that name is for laptop parts")
    if any(_same(name, other) for p in case.profiles for other in _names(p)):
        return Outcome(Status.PASS, f"{name} is a name of this device id.", name, case.sku)
    owners = case.catalog.by_name(name)
    if not owners:
        return inconclusive("No profile knows this name.", name, case.sku)
    if {p.id for p in owners} & {p.id for p in case.profiles}:
        return Outcome(Status.PASS, f"{name} is a name of this device id.", name, case.sku)
    ids = ", ".join(sorted({f"{i:04x}" for p in owners for i in p.device_ids})[:4])
    return _renamed(case, name, f"that name belongs to device id {ids}")


def _names(profile: Profile) -> tuple[str, ...]:
    return (profile.name, *profile.nvml_names, *profile.other_names)


def _core(name: str) -> frozenset[str]:
    words = frozenset(_WORDS.findall(name.lower()))
    return (words - _DECORATION) or words


def _same(name: str, other: str) -> bool:
    return _core(name) == _core(other) or parse_name(name).prints_for(parse_name(other))


def _laptop_without_its_mark(name: str, profiles: tuple[Profile, ...]) -> bool:
    """True where only laptop SKUs have the id, and the name is a desktop's (from the 30 series on)."""
    if not _MARKED_LAPTOP.search(name) or re.search(r"laptop|mobile|max-?q", name, re.IGNORECASE):
        return False
    return all(p.form_factor == "laptop" and p.sku_class == "geforce" for p in profiles)


def _renamed(case: Case, name: str, why: str) -> Outcome:
    return Outcome(
        Status.FAIL,
        f"The driver calls the card {name}, but its device id is that of {case.sku}: {why}.",
        observed=name,
        expected=case.sku,
        remedy=f"Judge the card by its device id. {_AGAIN[case.declared_section]}",
        evidence=(f"{case.declared_section}.name", f"{case.declared_section}.device_id"),
        kinds=(Kind.REMARKED,),
    )

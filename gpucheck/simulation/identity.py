"""What a card of a profile says of itself when nobody has tampered with it: the strings of firmware and driver.

All of it is deterministic: the same profile and seed give the same strings. Forms and examples are those of captures
of real cards.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB
from gpucheck.simulation.soldered import nominal_bytes

_ARCHITECTURES = {"Ada": "Ada Lovelace"}
_PROJECTS = {
    ("GA100", "sxm"): "G506",
    ("GH100", "sxm"): "G520",
    ("GB100", "sxm"): "G525",
    ("GA102", "workstation"): "G133",
    ("AD102", "workstation"): "G133",
    ("GA102", "pcie"): "G133",
    ("AD102", "pcie"): "G133",
    ("AD104", "pcie"): "G193",
    ("TU104", "workstation"): "G180",
}
_GEFORCE_IMAGES = (
    ((8, 10), "G005.0000.98.01"),
    ((8, 9), "G002.0000.00.03"),
    ((8, 0), "G001.0000.03.03"),
    ((7, 0), "G001.0000.02.04"),
    ((6, 0), "G001.0000.01.04"),
)
"""Common InfoROM images of GeForce boards, by the least compute capability."""
_LAPTOP_CODES = {"workstation": "975"}
_SKU_CODES = {"workstation": "875", "datacenter": "895", "mining": "105", "vgpu": "895"}
_SM_CLOCKS = {"Fermi": 1800, "Pascal": 1911, "Turing": 2100, "Ampere": 2100, "Ada": 3105, "Hopper": 1980}
_RESIZABLE_SINCE = (8, 6)
_BAR1_FIXED = 256 * MIB


@dataclass(frozen=True)
class Identity:
    """The strings and sizes of one genuine card."""

    profile: Profile
    seed: int
    specimen: int = 0
    """Tells cards apart that are alike in profile and seed."""

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability as numbers."""
        return self.profile.die.capability_numbers

    @property
    def professional(self) -> bool:
        """Whether the card is sold for workstations or data centres, with a filled InfoROM."""
        return self.profile.sku_class in {"workstation", "datacenter"}

    @property
    def name(self) -> str:
        """As the driver prints it."""
        if self.profile.nvml_names:
            return self.profile.nvml_names[0]
        return "NVIDIA Graphics Device" if self.profile.sku_class == "mining" else f"NVIDIA {self.profile.name}"

    @property
    def brand(self) -> str:
        """NVML's brand."""
        kind, name = self.profile.sku_class, self.profile.name
        if kind in {"geforce", "titan"}:
            return "GeForce" if kind == "geforce" else "Titan"
        if kind == "workstation":
            return next((brand for brand in ("Quadro RTX", "Quadro") if name.startswith(brand)), "NVIDIA RTX")
        return "Tesla" if self.capability < (8, 0) else "NVIDIA"

    @property
    def architecture(self) -> str:
        """NVML's architecture."""
        return _ARCHITECTURES.get(self.profile.die.architecture, self.profile.die.architecture)

    @property
    def device_id(self) -> int:
        """The first of the profile's; Fermi's lowest id where it has none."""
        return self.profile.device_ids[0] if self.profile.device_ids else 0x06C0

    def subsystem(self, device_id: int) -> tuple[int, int]:
        """Vendor and subsystem: one that belongs to the id where the profile names some."""
        known = self.profile.subsystems.get(device_id)
        if known:
            return known[0]
        vendor = 0x1043 if self.profile.form_factor == "laptop" else 0x10DE
        return vendor, 0x1200 + self._number("subsystem", 0x0100)

    @property
    def vbios_version(self) -> str | None:
        """Like ``95.02.18.80.5F``; the first two bytes are the die's family."""
        family = next(iter(self.profile.die.vbios_families), None)
        if family is None:
            return None
        return f"{family}.{0x10 + self._number('rom', 0x50):02X}.80.{self._number('build', 256):02X}"

    def gpu_part_number(self, device_id: int) -> str | None:
        """Like ``2684-301-A1``: device id, die SKU, stepping. Nothing prints one before Maxwell."""
        if self.capability < (5, 0):
            return None
        for part in self.profile.gpu_part_numbers:
            if part.startswith(f"{device_id:04X}-"):
                return part
        codes, usual = (_LAPTOP_CODES, "750") if self.profile.form_factor == "laptop" else (_SKU_CODES, "300")
        code = codes.get(self.profile.sku_class, usual)
        return f"{device_id:04X}-{code}-A1"

    @cached_property
    def project(self) -> str:
        """The board's project, which part number and InfoROM share."""
        die = self.profile.die.name
        known = _PROJECTS.get((die, self.profile.form_factor)) or _PROJECTS.get((die, self.profile.sku_class))
        return known or f"G{100 + self._fixed('project', 400)}"

    @property
    def board_part_number(self) -> str | None:
        """Like ``900-5G133-1700-000``; boards of GeForce partners have none."""
        if not self.professional:
            return None
        line = "5" if self.profile.sku_class == "workstation" else "2"
        return f"900-{line}{self.project}-{self._fixed('board', 90) + 10:02d}00-000"

    @property
    def inforom_image_version(self) -> str | None:
        """Like ``G133.0500.00.05``, or the common image of GeForce boards."""
        if self.professional:
            series = "0500" if self.profile.sku_class == "workstation" else "0200"
            return f"{self.project}.{series}.00.{self._fixed('image', 8) + 1:02d}"
        return next((image for least, image in _GEFORCE_IMAGES if self.capability >= least), None)

    @property
    def serial(self) -> str | None:
        """13 digits with week and year of making; professional boards only."""
        if not self.professional:
            return None
        year = self.profile.released.year % 100 + 1 if self.profile.released else 22
        return f"132{1 + self._number('week', 52):02d}{year:02d}{self._number('serial', 1_000_000):06d}"

    @property
    def uuid(self) -> str:
        """The die's own id."""
        text = self._digest("uuid")
        return f"GPU-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"

    @property
    def pdi(self) -> str:
        """The per-device identifier of the die."""
        return f"0x{self._digest('pdi')[:16]}"

    @property
    def ecc_enabled(self) -> bool | None:
        """The mode at delivery; None where there is none."""
        return None if self.profile.ecc != "yes" else self.profile.sku_class == "datacenter"

    def memory_total_bytes(self, ecc_enabled: bool | None) -> int:
        """What drivers report of the largest size, less where ECC takes its share of GDDR memory."""
        nominal = nominal_bytes(self.profile)
        reported = [mib * MIB for mib in self.profile.reported_mib if 0.9 * nominal <= mib * MIB <= nominal]
        if not reported:
            return nominal
        return min(reported) if ecc_enabled and not self._stacked else max(reported)

    @property
    def bar1_bytes(self) -> int:
        """With resizable BAR the power of two that holds the memory, else 256 MiB."""
        large = self.profile.sku_class == "datacenter" and self._stacked
        if not (large or (self.profile.sku_class != "mining" and self.capability >= _RESIZABLE_SINCE)):
            return _BAR1_FIXED
        return 1 << (nominal_bytes(self.profile) - 1).bit_length()

    @property
    def resizable(self) -> bool:
        """Whether the board offers a choice of BAR1 sizes."""
        return self.bar1_bytes != _BAR1_FIXED

    @property
    def sm_clock_max_mhz(self) -> int | None:
        """Typical of the generation."""
        return _SM_CLOCKS.get(self.profile.die.architecture)

    @property
    def _stacked(self) -> bool:
        return self.profile.memory[0].type.startswith("HBM")

    def _digest(self, what: str) -> str:
        which = f"{self.seed}/{self.specimen}" if self.specimen else self.seed
        return hashlib.sha256(f"{which}/{self.profile.id}/{what}".encode()).hexdigest()

    def _number(self, what: str, below: int) -> int:
        """A number that this card has."""
        return int(self._digest(what)[:12], 16) % below

    def _fixed(self, what: str, below: int) -> int:
        """A number that all cards of the SKU have."""
        return int(hashlib.sha256(f"{self.profile.id}/{what}".encode()).hexdigest()[:12], 16) % below

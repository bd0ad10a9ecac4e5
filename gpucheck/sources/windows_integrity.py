"""Where the driver's software comes from on Windows: registry and file reads that any user may make.

Facts: ``SystemStartOptions`` repeats the loader's options, ``TESTSIGNING`` among them (bcdedit); the display class key
holds a subkey a driver package with provider, version and INF; Windows keeps the signature of the package ``oemN.inf``
as ``oemN.cat`` in its catalog store. Whether that signature is valid is Windows' own check when it loads the driver.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.integrity import DriverIntegrity, DriverLibrary
from gpucheck.model.text import sanitise
from gpucheck.sources.files import homeless

CONTROL = r"SYSTEM\CurrentControlSet\Control"
DISPLAY_CLASS = CONTROL + r"\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
INJECTION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Windows"
CATALOGS = r"System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}"

_LIBRARIES = ("nvml.dll", "nvcuda.dll")
_PACKAGES = 64
_INF = re.compile(r"oem\d{1,5}\.inf", re.IGNORECASE)


class Registry(Protocol):
    """``HKEY_LOCAL_MACHINE``, read only."""

    def value(self, key: str, name: str) -> str | int | None:
        """Return a value, None where there is none or it may not be read."""

    def subkeys(self, key: str) -> Sequence[str]:
        """Return the names below a key, none where there is no such key."""


def read_windows(registry: Registry | None = None, folder: Path | str = r"C:\Windows") -> Collected[DriverIntegrity]:
    """Read this machine. The registry and the folder are for tests."""
    keys = registry or _LocalMachine()
    package = _package(keys)
    if package is None:
        return Unavailable(
            unavailable=Reason.NOT_INSTALLED, detail="Windows lists no driver package for an NVIDIA card"
        )
    inf = _text(keys, package, "InfPath")
    catalog = Path(folder) / CATALOGS / f"{Path(inf).stem}.cat" if _INF.fullmatch(inf) else None
    options = keys.value(CONTROL, "SystemStartOptions")
    unread = Unavailable(unavailable=Reason.NO_PERMISSION, detail="the loader's options could not be read")
    return DriverIntegrity(
        module_version=driver_version(_text(keys, package, "DriverVersion")),
        driver_provider=_text(keys, package, "ProviderName") or None,
        driver_catalog=catalog.name if catalog and catalog.exists() else None,
        test_signing="TESTSIGNING" in options.upper() if isinstance(options, str) else None,
        preloaded=_injected(keys),
        libraries=tuple(_libraries(Path(folder) / "System32")),
        missing={} if isinstance(options, str) else {"test_signing": unread},
        raw={"InfPath": inf, "SystemStartOptions": sanitise(str(options or ""))},
    )


def driver_version(windows: str) -> str | None:
    """Return ``560.94`` for ``32.0.15.6094``: NVIDIA's number is the last five digits."""
    if not re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{1,2}\.\d{4}", windows):
        return None
    digits = windows.replace(".", "")[-5:]
    return f"{digits[:3]}.{digits[3:]}"


def _package(keys: Registry) -> str | None:
    for name in list(keys.subkeys(DISPLAY_CLASS))[:_PACKAGES]:
        key = f"{DISPLAY_CLASS}\\{name}"
        if "ven_10de" in _text(keys, key, "MatchingDeviceId").lower():
            return key
    return None


def _text(keys: Registry, key: str, name: str) -> str:
    value = keys.value(key, name)
    return sanitise(value, 120) if isinstance(value, str) else ""


def _injected(keys: Registry) -> tuple[str, ...]:
    """Libraries that Windows puts into every program with a window, where that is switched on."""
    if keys.value(INJECTION, "LoadAppInit_DLLs") != 1:
        return ()
    named = keys.value(INJECTION, "AppInit_DLLs")
    found = re.split(r"[ ,]+", named[:4096]) if isinstance(named, str) else []
    return tuple(homeless(path) for path in found if path)


def _libraries(system: Path) -> list[DriverLibrary]:
    return [
        DriverLibrary(name=name, path=sanitise(str(system / name), 300))
        for name in _LIBRARIES
        if (system / name).exists()
    ]


class _LocalMachine:
    """The real registry. The module that reads it exists on Windows alone."""

    def __init__(self) -> None:
        import importlib

        self._winreg: Any = importlib.import_module("winreg")

    def value(self, key: str, name: str) -> str | int | None:
        try:
            with self._winreg.OpenKey(self._winreg.HKEY_LOCAL_MACHINE, key) as handle:
                found = self._winreg.QueryValueEx(handle, name)[0]
        except OSError:
            return None
        return found if isinstance(found, str | int) else None

    def subkeys(self, key: str) -> Sequence[str]:
        names: list[str] = []
        try:
            with self._winreg.OpenKey(self._winreg.HKEY_LOCAL_MACHINE, key) as handle:
                names.extend(self._winreg.EnumKey(handle, number) for number in range(_PACKAGES))
        except OSError:
            pass
        return names

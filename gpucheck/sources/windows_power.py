"""Whether a Windows machine runs on battery: ``GetSystemPowerStatus`` of kernel32, which any program may ask."""

import ctypes
from typing import Any

_OFFLINE, _UNKNOWN = 0, 255
"""Values of ``ACLineStatus``; 1 is online."""


class PowerStatus(ctypes.Structure):
    """``SYSTEM_POWER_STATUS`` of winbase.h."""

    _fields_ = (
        ("ac_line", ctypes.c_ubyte),
        ("battery_flag", ctypes.c_ubyte),
        ("battery_percent", ctypes.c_ubyte),
        ("saver", ctypes.c_ubyte),
        ("seconds_left", ctypes.c_uint32),
        ("seconds_when_full", ctypes.c_uint32),
    )


def on_battery(kernel32: Any = None) -> bool:
    """Ask Windows; without an answer it is not said. The library is for tests."""
    library = kernel32 or getattr(getattr(ctypes, "windll", None), "kernel32", None)
    status = PowerStatus(ac_line=_UNKNOWN)
    answered = library is not None and library.GetSystemPowerStatus(ctypes.byref(status))
    return bool(answered) and status.ac_line == _OFFLINE

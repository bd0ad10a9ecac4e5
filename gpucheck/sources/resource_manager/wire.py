"""How the resource manager is spoken to: requests to its device nodes, their structures, and its answers' status.

Facts: ``nv-ioctl-numbers.h``, ``nv_escape.h``, ``nvos.h``, ``nvstatuscodes.h`` and ``cl0080.h`` of NVIDIA's open kernel
modules (MIT), tags 515.43.04 to 595.45.04; LACT's ``driver.rs`` (MIT) for the order that works. All numbers are little
endian; 64-bit members lie at multiples of eight bytes.
"""

import errno
import struct
from array import array
from dataclasses import dataclass

from gpucheck.model.base import Reason, Unavailable

FREE, CONTROL, ALLOCATE, REGISTER = 0x29, 0x2A, 0x2B, 201
"""Numbers of the requests (escapes)."""
ROOT_CLIENT, DEVICE, SUBDEVICE = 0x41, 0x80, 0x2080
"""Classes of the objects that queries go through."""

_MAGIC = ord("F")
_READ_WRITE = 3

_FREE = struct.Struct("<IIIi")
"""Root, parent, object, status."""
_ALLOCATE = struct.Struct("<IIIIQIi")
"""Root, parent, new object, class, address of the parameters, their size, status.

Up to branch 530 there was no size, and the status stood in its place; the last word was padding.
"""
_CONTROL = struct.Struct("<IIIIQIi")
"""Client, object, command, flags, address of the parameters, their size, status."""
_REGISTER = struct.Struct("<i")
_DEVICE_PARAMETERS = struct.Struct("<IIIIi4xQQQi4x")
"""Number of the device, client, target client, target device, flags, three sizes of address space, its mode."""
_SUBDEVICE_PARAMETERS = struct.Struct("<I")

OK = 0
_WORDS: dict[int, tuple[Reason, str]] = {
    0x05: (Reason.FAILED, "the card is not detected"),
    0x0F: (Reason.FAILED, "the card fell off the bus"),
    0x10: (Reason.FAILED, "the card is being reset"),
    0x11: (Reason.FAILED, "the card is not at full power"),
    0x1A: (Reason.FAILED, "a resource ran out"),
    0x1B: (Reason.NO_PERMISSION, "the driver keeps it from this user"),
    0x1F: (Reason.NOT_SUPPORTED, "the driver does not take the question"),
    0x22: (Reason.NOT_SUPPORTED, "the driver knows no such object"),
    0x26: (Reason.FAILED, "the device is not valid now"),
    0x2C: (Reason.NOT_SUPPORTED, "the driver has no such entry"),
    0x39: (Reason.NO_PERMISSION, "the driver keeps it for the administrator"),
    0x3A: (Reason.NOT_SUPPORTED, "the driver lays the question out in another way"),
    0x3B: (Reason.NOT_SUPPORTED, "the driver does not take the question"),
    0x40: (Reason.FAILED, "the driver is in no state to answer"),
    0x51: (Reason.FAILED, "memory ran out"),
    0x55: (Reason.FAILED, "the driver is not ready"),
    0x56: (Reason.NOT_SUPPORTED, "the driver does not support it for this card"),
    0x57: (Reason.NOT_SUPPORTED, "the card has no such thing"),
    0x65: (Reason.TIMED_OUT, "the driver gave up waiting"),
    0x66: (Reason.TIMED_OUT, "the driver gave up waiting"),
    0x6D: (Reason.NOT_SUPPORTED, "the feature is switched off"),
}
LAYOUT_REFUSED = frozenset({0x1F, 0x3A})
"""What a driver says to parameters of another size than its own: the first since its table of commands knows sizes,
the second from the layer below."""


def request_number(escape: int, size_bytes: int) -> int:
    """Return the number of an ``ioctl`` that carries a structure both ways, as x86 and ARM kernels compute it."""
    return _READ_WRITE << 30 | size_bytes << 16 | _MAGIC << 8 | escape


def refusal(status: int, what: str = "") -> Unavailable:
    """Say in words why the resource manager refused; ``what`` names the question."""
    reason, told = _WORDS.get(status, (Reason.FAILED, "the driver refuses"))
    named = f"{what}: {told}" if what else told
    return Unavailable(unavailable=reason, detail=f"{named} (status 0x{status:02x})")


def failure(error: OSError, what: str) -> Unavailable:
    """Say in words why the system did not let a request through."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unavailable(unavailable=Reason.NO_PERMISSION, detail=f"{what} may not be used by this user")
    if error.errno in (errno.ENOTTY, errno.EINVAL):
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"{what} knows no such request")
    told = error.strerror or type(error).__name__
    return Unavailable(unavailable=Reason.FAILED, detail=f"{what} failed: {told}")


@dataclass
class Parameters:
    """A block of memory that a request points to: the question goes in, the answer comes out in its place."""

    block: "array[int]"

    @classmethod
    def of(cls, content: bytes) -> "Parameters":
        """Lay the question out in memory of our own."""
        return cls(array("B", content))

    @property
    def address(self) -> int:
        """Where it lies; it must be held as long as a request with it runs."""
        return self.block.buffer_info()[0]

    @property
    def size_bytes(self) -> int:
        """Its length."""
        return len(self.block)

    @property
    def content(self) -> bytes:
        """What lies there now."""
        return self.block.tobytes()


def allocate(root: int, parent: int, kind: int, parameters: Parameters | None) -> bytearray:
    """A request for a new object; a root client has neither root nor parent."""
    return bytearray(_ALLOCATE.pack(root, parent, 0, kind, parameters.address if parameters else 0, 0, 0))


def allocated(reply: bytes) -> tuple[int, int]:
    """Return the new object's handle and the status.

    The size that was asked with is zero and nobody changes it, so that of the two places for a status one is zero.
    """
    _, _, handle, _, _, first, last = _ALLOCATE.unpack(reply)
    return handle, first or last & 0xFFFFFFFF


def free(root: int, parent: int, handle: int) -> bytearray:
    """A request to give an object back, and all that hangs on it."""
    return bytearray(_FREE.pack(root, parent, handle, 0))


def control(client: int, handle: int, command: int, parameters: Parameters) -> bytearray:
    """A request that carries a command to an object."""
    return bytearray(_CONTROL.pack(client, handle, command, 0, parameters.address, parameters.size_bytes, 0))


def controlled(reply: bytes) -> int:
    """Return the status of a command."""
    return int(_CONTROL.unpack(reply)[-1]) & 0xFFFFFFFF


def register(control_node: int) -> bytearray:
    """A request that ties a card's node to the control node."""
    return bytearray(_REGISTER.pack(control_node))


def device_parameters(instance: int) -> Parameters:
    """The parameters of a device object: its number and the default of everything else."""
    return Parameters.of(_DEVICE_PARAMETERS.pack(instance, *(0,) * 8))


def subdevice_parameters(instance: int) -> Parameters:
    """The parameters of a subdevice object; a card that is not linked to another is number 0."""
    return Parameters.of(_SUBDEVICE_PARAMETERS.pack(instance))

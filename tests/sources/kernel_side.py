"""The kernel's side of the resource manager, as strict as NVIDIA's: for tests of the client.

Sizes and places are those that a C compiler gives for NVIDIA's headers at the tags named beside them; nothing here is
taken from the code under test. Parameters are read and written through the address that the request carries.
"""

import ctypes
import errno
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OK, LOST, INSUFFICIENT_PERMISSIONS, INVALID_ARGUMENT = 0x00, 0x0F, 0x1B, 0x1F
INVALID_CLASS, INVALID_CLIENT, INVALID_OBJECT, INVALID_PARAM_STRUCT, NOT_SUPPORTED = 0x22, 0x23, 0x31, 0x3A, 0x56

SIZES: dict[int, dict[int, int]] = {
    # command: tag's branch to the size of its parameters
    0x201: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 128),
    0x205: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 32),
    0x21B: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 12),
    0x20801701: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 16),
    0x20801801: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 16),
    0x2080014A: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 268),
    0x208001A4: dict.fromkeys((525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 16),
    0x20800102: {515: 500, 525: 500, 530: 508, 535: 516, 545: 524, 550: 524, 560: 524, 570: 524, 575: 532, 580: 564,
                 590: 564, 595: 564},
    0x20800810: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 124),
    0x20800808: {515: 32, 525: 32, 530: 32, 535: 32, 545: 32, 550: 48, 560: 48, 570: 48, 575: 48, 580: 48, 590: 48,
                 595: 48},
    0x2080013F: {515: 116, 525: 116, 530: 136, 535: 136, 545: 136, 550: 136, 560: 136, 570: 136, 575: 136, 580: 136,
                 590: 136, 595: 136},
    0x20801303: {515: 436, 525: 436, 530: 436, 535: 436, 545: 444, 550: 444, 560: 460, 570: 460, 575: 460, 580: 1028,
                 590: 1028, 595: 1028},
    0x2080130C: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 24),
    0x2080122A: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 24),
    0x2080122B: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 24),
    0x20801230: dict.fromkeys((515, 525, 530, 535, 545, 550, 560, 570, 575, 580, 590, 595), 32),
    0x2080123C: dict.fromkeys((575, 580, 590, 595), 2044),
}  # fmt: skip
BRANCHES = tuple(SIZES[0x201])

CTL, CARD = "/dev/nvidiactl", "/dev/nvidia3"
INSTANCE, CARD_ID = 1, 0x4100
"""The node's number, the device's number and the card's id all differ, as they may on a host of several cards."""

MEMORY = {0x05: 32 << 20, 0x07: 24 << 20, 0x0B: 384, 0x0C: 3, 0x0D: 0x12, 0x1A: 0x3F, 0x1B: 72 << 20, 0x1C: 0xF}
"""Memory properties of an RTX 4090."""
FLAGS = {0x35: 0, 0x3C: 0}
TPCS = {0: 0x3F, 1: 0x3F, 2: 0x3F, 3: 0x3F, 4: 0x3F, 5: 0x3F, 6: 0x3F, 7: 0x3F, 8: 0x3F, 10: 0x3F, 11: 0xF}
RATES = {0: 0, 1: 0, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 1}
UUID = b"GPU-6b0b2a4c-59a1-4c5f-9d0c-0f4a9be1c111\0"

Answer = Callable[[bytes], bytes | int]


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def listed(values: Mapping[int, int]) -> Answer:
    """Answer a list: fill in every entry, refuse the whole of it for one unknown index."""

    def answer(question: bytes) -> bytes | int:
        reply = bytearray(question)
        (count,) = struct.unpack_from("<I", question)
        if not 0 < count <= (len(question) - 4) // 8:
            return INVALID_ARGUMENT
        for place in range(4, 4 + 8 * count, 8):
            (index,) = struct.unpack_from("<I", question, place)
            if index not in values:
                return INVALID_ARGUMENT
            struct.pack_into("<II", reply, place, index, values[index])
        return bytes(reply)

    return answer


def fixed(content: bytes) -> Answer:
    return lambda question: content.ljust(len(question), b"\0")[: len(question)]


def card_numbers(question: bytes) -> bytes | int:
    if question[:4] != words(CARD_ID):
        return INVALID_ARGUMENT
    return words(CARD_ID, 0, INSTANCE, 0, 0, 0x4100, INSTANCE, 0xFFFFFFFF)


def card_address(question: bytes) -> bytes | int:
    places = {words(CARD_ID): (0, 0x01), words(0x300): (0, 0x03)}
    if question[:4] not in places:
        return INVALID_ARGUMENT
    domain, bus = places[question[:4]]
    return question[:4] + struct.pack("<IHH", domain, bus, 0)


def processors(question: bytes) -> bytes:
    (cluster,) = struct.unpack_from("<I", question, 16)
    return question[:20] + words(TPCS.get(cluster, 0))


def bios_sku(question: bytes) -> bytes:
    """The structure of the branch that the size belongs to, with its own places."""
    reply = bytearray(question)
    struct.pack_into("<I", reply, 0, 0x1A2)
    places = {32: ((4, b"301"), (8, b"0"), (10, b"G139"), (15, b"0330"))}
    for place, text in places.get(len(question), ((4, b"301"), (13, b"0"), (24, b"G139"), (29, b"0330"))):
        reply[place : place + len(text)] = text
    return bytes(reply)


def board_object() -> bytes:
    block = bytearray(116)
    struct.pack_into("<I", block, 0, 0x20220915)
    for place, text in ((4, b"GeForce RTX 4090"), (28, b"1322823110528"), (44, b"S"), (45, b"K4ZAF325BM-HC16"),
                        (65, b"2238"), (71, b"900-1G136-2530-000"), (91, b"A02"), (94, b"P"),
                        (95, b"699-1G136-2530-000")):  # fmt: skip
        block[place : place + len(text)] = text
    return bytes(block)


def rate_list(question: bytes) -> bytes:
    body = b"".join(words(index, rate) for index, rate in RATES.items())
    return (words(len(RATES)) + body).ljust(len(question), b"\0")


def honest() -> dict[int, Answer]:
    """What the driver of an RTX 4090 answers."""
    rates = bytes((RATES[4], RATES[0], RATES[1], RATES[2], RATES[3], *(RATES[n] for n in (5, 6, 7, 8))))
    return {
        0x201: fixed(words(0x300, CARD_ID, *[0xFFFFFFFF] * 30)),
        0x205: card_numbers,
        0x21B: card_address,
        0x20801701: fixed(words(0x190, 0x2, 0xA1) + b"\0"),
        0x20801801: fixed(words(0x268410DE, 0x165B10DE, 0xA1, 0x2684)),
        0x2080014A: lambda question: question[:8] + words(len(UUID)) + UUID.ljust(256, b"\0"),
        0x208001A4: fixed(words(0x2684) + b"301\0" + words(0xA, 0x1)),
        0x20800102: listed(FLAGS),
        0x20800810: listed({0: 0x95023C40, 1: 0x0D}),
        0x20800808: bios_sku,
        0x2080013F: fixed(board_object()),
        0x20801303: listed(MEMORY),
        0x2080130C: fixed(words(0)),
        0x2080122A: fixed(bytes(16) + words(sum(1 << n for n in TPCS))),
        0x2080122B: processors,
        0x20801230: fixed(bytes(16) + rates),
        0x2080123C: rate_list,
    }


@dataclass
class Kernel:
    """A transport with a resource manager behind it. ``branch`` chooses the sizes; later ones as the last."""

    branch: int = 580
    answers: dict[int, Answer] = field(default_factory=honest)
    refuse_open: dict[str, int] = field(default_factory=dict)
    lost: bool = False
    nodes: dict[int, str] = field(default_factory=dict)
    registered: dict[int, int] = field(default_factory=dict)
    objects: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Handle to class and parent."""
    sent: list[int] = field(default_factory=list)
    """Commands in the order in which they came, refused ones included."""
    leaked: int = 0
    count: int = 0
    interrupts: int = 0
    """Requests that a signal interrupts before they are served."""

    def open(self, path: str) -> int:
        if path in self.refuse_open:
            raise OSError(self.refuse_open[path], "refused")
        if path not in (CTL, CARD):
            raise FileNotFoundError(errno.ENOENT, "no such node")
        self.count += 1
        self.nodes[self.count] = path
        return self.count

    def close(self, handle: int) -> None:
        if self.nodes.pop(handle) == CTL:
            self.leaked += len(self.objects)

    def ioctl(self, handle: int, request: int, argument: bytearray) -> None:
        if self.interrupts:
            self.interrupts -= 1
            raise InterruptedError(errno.EINTR, "a signal")
        assert handle in self.nodes
        assert request >> 30 == 3
        assert request >> 8 & 0xFF == 0x46
        assert request >> 16 & 0x3FFF == len(argument)
        if self.lost:
            raise OSError(errno.EIO, "Input/output error")
        escape = request & 0xFF
        serve = {0x29: self._free, 0x2A: self._control, 0x2B: self._allocate}
        if escape == 201:
            self._register(handle, argument)
        elif escape not in serve or self.nodes[handle] != CTL:
            raise OSError(errno.EINVAL, "Invalid argument")
        else:
            serve[escape](argument)

    def _register(self, handle: int, argument: bytearray) -> None:
        (target,) = struct.unpack("<i", argument)
        if self.nodes.get(target) != CTL or self.nodes[handle] == CTL or handle in self.registered:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.registered[handle] = target

    def _allocate(self, argument: bytearray) -> None:
        if len(argument) != 32:
            raise OSError(errno.EINVAL, "Invalid argument")
        root, parent, wanted, kind, address, size = struct.unpack_from("<IIIIQI", argument)
        assert wanted == 0
        status_at = 28 if self.branch >= 535 else 24
        status = self._may_allocate(root, parent, kind, address, size if self.branch >= 535 else 0)
        if status == OK:
            self.count += 1
            handle = 0xC1D00000 + self.count
            self.objects[handle] = (kind, parent)
            struct.pack_into("<I", argument, 8, handle)
        struct.pack_into("<I", argument, status_at, status)

    def _may_allocate(self, root: int, parent: int, kind: int, address: int, size: int) -> int:
        if kind == 0x41:
            return OK if (root, parent, address) == (0, 0, 0) else INVALID_ARGUMENT
        if self.objects.get(root, (0, 0))[0] != 0x41:
            return INVALID_CLIENT
        wanted = {0x80: (0x41, 56), 0x2080: (0x80, 4)}.get(kind)
        if wanted is None or not address:
            return INVALID_CLASS
        if size not in (0, wanted[1]):
            return INVALID_PARAM_STRUCT
        if self.objects.get(parent, (0, 0))[0] != wanted[0]:
            return INVALID_OBJECT
        block = self._memory(address, wanted[1])
        if kind == 0x80 and CARD not in (self.nodes[node] for node in self.registered):
            return INSUFFICIENT_PERMISSIONS
        if any(block[4:]):
            return INVALID_ARGUMENT
        return OK if struct.unpack_from("<I", block)[0] == (INSTANCE if kind == 0x80 else 0) else INVALID_CLASS

    def _free(self, argument: bytearray) -> None:
        root, _, handle, _ = struct.unpack("<IIIi", argument)
        known = root in self.objects and handle in self.objects
        if known:
            del self.objects[handle]
            for child in [each for each, (_, parent) in self.objects.items() if parent == handle]:
                del self.objects[child]
        struct.pack_into("<I", argument, 12, OK if known else INVALID_OBJECT)

    def _control(self, argument: bytearray) -> None:
        client, handle, command, flags, address, size = struct.unpack_from("<IIIIQI", argument)
        assert flags == 0
        self.sent.append(command)
        struct.pack_into("<I", argument, 28, self._answer(client, handle, command, address, size))

    def _answer(self, client: int, handle: int, command: int, address: int, size: int) -> int:
        if self.objects.get(client, (0, 0))[0] != 0x41:
            return INVALID_CLIENT
        kind = self.objects.get(handle, (0, 0))[0]
        if kind != (0x41 if command < 0x1000 else command >> 16):
            return INVALID_OBJECT
        sizes = {since: value for since, value in SIZES.get(command, {}).items() if since <= self.branch}
        if not sizes or command not in self.answers:
            return NOT_SUPPORTED
        if size != sizes[max(sizes)]:
            return INVALID_PARAM_STRUCT if command == 0x20800102 else INVALID_ARGUMENT
        block = self._memory(address, size)
        reply = self.answers[command](bytes(block))
        if isinstance(reply, int):
            return reply
        block[: len(reply)] = reply[:size]
        return OK

    @staticmethod
    def _memory(address: int, size: int) -> memoryview:
        return memoryview((ctypes.c_char * size).from_address(address)).cast("B")

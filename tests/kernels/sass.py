"""Machine code as text, through the disassembler of the wheel nvidia-cuda-nvdisasm: no card and no toolkit needed.

NVIDIA publishes it in a wheel since CUDA 13 only, and that one reads Turing (7.5) and newer. Volta's instructions are
encoded as Turing's, so its sections are handed over one by one as such. No wheel reads Pascal's code; for that there is
the compiler's own report of registers and spills.
"""

import importlib.util
import os
import re
import stat
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.kernels import nvrtc

MISSING = "the wheel nvidia-cuda-nvdisasm is not installed"
"""Reason to skip a test with where ``program()`` is None."""
OLDEST = 70
"""Oldest compute capability whose code can be read, 70 for 7.0."""
_VOLTA = (70, 72)
_TEXT = ".text."
_ELF_FLAGS = 48
"""Where the flags of a 64-bit ELF file lie; their lowest byte is the architecture up to Hopper."""

_KERNEL = re.compile(r"^\.text\.(\w+):$")
_WIDE_LOAD = re.compile(r"\bLDG\S*\.128\S* R(?P<target>\d+), (?P<address>\S*\[[^\[]+\])$")
_WIDE_STORE = re.compile(r"\bSTG\S*\.128\S* (?P<address>\S*\[[^\[]+\]), R\d+$")
_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?P<text>[^;]+?)\s*;")


@cache
def program() -> Path | None:
    """Find the disassembler, None where its wheel is not installed. Unpacked by hand it may not be executable yet."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for found in (path for folder in folders for path in sorted(folder.glob("c*/bin/nvdisasm"))):
        if not os.access(found, os.X_OK):
            found.chmod(found.stat().st_mode | stat.S_IXUSR)
        return found
    return None


def architectures() -> list[int]:
    """Compute capabilities that the installed NVRTC compiles for and the disassembler reads; empty without either."""
    return [number for number in nvrtc.architectures() if number >= OLDEST] if program() else []


def disassemble(image: bytes) -> str:
    """Return the code sections of a cubin as text. Raises ``RuntimeError`` with the disassembler's complaint.

    The image has to be whole: CuPy's ``getCUBIN`` is one byte short, ``compile_machine_code`` and ``nvrtc`` are not.
    """
    tool = program()
    if tool is None:
        raise RuntimeError(MISSING)
    if image[_ELF_FLAGS] not in _VOLTA:
        return _run(tool, image)
    kernels = ((name, code) for name, code in _sections(image) if name.startswith(_TEXT))
    return "\n".join(f"{name}:\n{_run(tool, code, '--binary=SM75')}" for name, code in kernels)


def _run(tool: Path, content: bytes, *options: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image"
        file.write_bytes(content)
        options = options or ("--print-code",)
        done = subprocess.run([tool, *options, file], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def _sections(image: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk the section headers of a 64-bit ELF file: name and content."""
    (table,) = struct.unpack_from("<Q", image, 40)
    size, count, names = struct.unpack_from("<HHH", image, 58)
    rows = [struct.unpack_from("<IIQQQQ", image, table + number * size) for number in range(count)]
    for name, _type, _flags, _address, offset, length in rows:
        start = rows[names][4] + name
        yield image[start : image.index(b"\0", start)].decode(), image[offset : offset + length]


def kernels_of(text: str) -> dict[str, list[str]]:
    """Sort a disassembly: instructions by kernel, in order, without addresses: ``@!P0 LDG.E.EF.128 R4, ...``."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if head := _KERNEL.match(line):
            current = found.setdefault(head[1], [])
        elif instruction := _INSTRUCTION.match(line):
            current.append(instruction["text"])
    return found


@cache
def machine_code(family: str, number: int) -> dict[str, list[str]]:
    """Compile one of our families for an architecture, 89 for 8.9, and return its instructions by kernel."""
    return kernels_of(disassemble(nvrtc.compile_family(family, number).image))


def opcodes(instructions: list[str], pattern: str) -> list[str]:
    """Return those opcodes that a regular expression matches from the start: ``LDG\\S*\\.128``, predicates left out."""
    names = (re.sub(r"^@!?U?P\w+\s+", "", text).split()[0] for text in instructions)
    return [name for name in names if re.match(pattern, name)]


def in_flight(instructions: list[str]) -> int:
    """Count the most 16-byte loads of different addresses that are under way before the first is waited for."""
    most, waiting = 0, dict[str, set[str]]()
    for text in instructions:
        load = _WIDE_LOAD.search(text)
        used = {f"R{number}" for number in re.findall(r"\bR(\d+)\b", text[load.end("target") :] if load else text)}
        waiting = {address: target for address, target in waiting.items() if not target & used}
        if load:
            first = int(load["target"])
            waiting[load["address"]] = {f"R{first + word}" for word in range(4)}
            most = max(most, len(waiting))
    return most


def stores_in_a_row(instructions: list[str]) -> int:
    """Count the most 16-byte stores to different addresses between two jumps."""
    most, seen = 0, set[str]()
    for text in instructions:
        if re.search(r"\b(BRA|EXIT|BSYNC|RET|CALL)\b", text):
            seen = set()
        elif store := _WIDE_STORE.search(text):
            seen.add(store["address"])
            most = max(most, len(seen))
    return most

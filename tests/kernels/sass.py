"""Machine code as text, through the disassembler of the wheel nvidia-cuda-nvdisasm: no card and no toolkit needed.

NVIDIA publishes it in a wheel since CUDA 13 only, and that one reads Turing (7.5) and newer. No wheel reads the code of
Pascal and Volta; for those there is the compiler's own report of registers and spills.
"""

import importlib.util
import re
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.kernels import nvrtc

MISSING = "the wheel nvidia-cuda-nvdisasm is not installed"
"""Reason to skip a test with where ``program()`` is None."""
OLDEST = 75
"""Oldest compute capability that the disassembler reads, 75 for 7.5."""

_KERNEL = re.compile(r"^\.text\.(\w+):$")
_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?P<text>[^;]+?)\s*;")


@cache
def program() -> Path | None:
    """Find the disassembler, None where its wheel is not installed. The wheel forgets the execute bits of others."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for found in (path for folder in folders for path in sorted(folder.glob("c*/bin/nvdisasm"))):
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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.cubin"
        file.write_bytes(image)
        done = subprocess.run([tool, "--print-code", file], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


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

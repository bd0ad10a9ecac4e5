"""The VBIOS parser under a coverage-guided fuzzer: ``python -m tests.vbios.fuzz_target --seconds 120``.

Sound ROMs of every generation are the seeds; what it learns stays in ``.fuzz`` for the next run. An input that breaks
what ``test_fuzz.hold`` demands is written there, its name is told, and the run ends with an error.
"""

import argparse
import sys
from pathlib import Path

import atheris

LONGEST_SECONDS = 3600
LONGEST_BYTES = 1 << 16
FOLDER = Path(__file__).resolve().parents[2] / ".fuzz"

with atheris.instrument_imports(include=["gpucheck.sources.vbios", "gpucheck.render.vbios"]):
    from tests.vbios.rom_builder import GENERATIONS, build
    from tests.vbios.test_fuzz import hold


def one_input(data: bytes) -> None:
    """Try one input."""
    hold(data)


def main() -> None:
    """Write the seeds and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    seconds = min(max(parser.parse_args().seconds, 1), LONGEST_SECONDS)
    corpus = FOLDER / "vbios"
    corpus.mkdir(parents=True, exist_ok=True)
    for generation in GENERATIONS:
        for flash in (False, True):
            (corpus / f"{generation}-{flash}").write_bytes(build(generation, flash=flash))
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST_BYTES}", "-timeout=5"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOLDER}/vbios-", str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""What the exit status says. One table; ``--help`` and ``docs/exit-codes.md`` are made from it."""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpucheck.model.report import Report
    from gpucheck.model.verdict import Verdict


class ExitCode(IntEnum):
    """Exit status of every command. Among several cards the highest wins."""

    AUTHENTIC = 0
    INTERNAL = 1
    USAGE = 2
    NOTHING = 3
    STORE = 4
    DEFECTIVE = 9
    INCONCLUSIVE = 10
    SUSPECT = 11
    MODIFIED = 12
    COUNTERFEIT = 13
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.AUTHENTIC: "authentic (condition good, worn or not examined), or the command did its work",
    ExitCode.INTERNAL: "internal error: a fault of gpucheck",
    ExitCode.USAGE: "the call was wrong: unknown option, claim, scenario or check",
    ExitCode.NOTHING: "nothing could be examined or written: no card, unreadable file",
    ExitCode.STORE: "the inventory cannot be used: full, read-only, locked, damaged, newer, or out of reach",
    ExitCode.DEFECTIVE: "authentic, but defective",
    ExitCode.INCONCLUSIVE: "inconclusive: too little could be examined",
    ExitCode.SUSPECT: "suspect: something speaks against the card",
    ExitCode.MODIFIED: "modified: true silicon, altered memory, board or firmware",
    ExitCode.COUNTERFEIT: "counterfeit: what is declared contradicts the silicon",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C; the report or evidence holds what was examined until then",
}

_PAGE = """# Exit codes

For scripts. Among several cards the highest wins. Errors go to stderr, results to stdout.

| exit | meaning |
|---|---|
{rows}

`scan` and `assess` give a verdict's code; `render` gives the code of the report that it shows; `collect` gives 0 where
evidence was had. `report verify` gives 0 where the signature holds, 11 where it does not, and 3 where there is none or
something cannot be read. An unreadable file among several gives at least 3 while the others are still assessed.

An inventory that cannot be used (4) is left as it was. An empty file is none: commands that look at an inventory take
it for a lost one and end with 4, while `intake`, `add`, `import` and `scan --save` begin a new inventory in it, and say
so. What the inventory finds, such as another die on a known board, counts into the code of `scan --save` and `inventory
intake`. `scan --save` opens the inventory before the scan, and keeps the cards also where its report cannot be written:
3, or the verdict's higher code. After Ctrl-C both keep the cards that were examined, and tell how many were not. Ctrl-C
is how `inventory serve` is meant to end: with 0.

Generated from `gpucheck/cli/exit_codes.py`; `make docs` writes this page anew.
"""


def of_verdict(verdict: "Verdict") -> ExitCode:
    """The code of one card."""
    if verdict.authenticity == "authentic":
        return ExitCode.DEFECTIVE if verdict.condition == "defective" else ExitCode.AUTHENTIC
    return ExitCode[verdict.authenticity.upper()]


def of_report(report: "Report") -> ExitCode:
    """The highest code of all cards; a report without cards examined nothing."""
    return highest(of_verdict(card.verdict) for card in report.cards) if report.cards else ExitCode.NOTHING


def highest(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that wins."""
    return max(codes, default=ExitCode.AUTHENTIC)


def help_epilog() -> str:
    """The table for ``--help``; the first character keeps click from wrapping it."""
    rows = (f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
    return "\b\nExit codes; among several cards the highest wins:\n" + "\n".join(rows)


def page() -> str:
    """Return ``docs/exit-codes.md``."""
    return _PAGE.format(rows="\n".join(f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()))

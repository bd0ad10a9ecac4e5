"""``gpucheck attest``: whether saved evidence of a die's attestation holds. No card is needed, and none is judged."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucheck.cli.errors import CallError, CliError
from gpucheck.cli.exit_codes import ExitCode, highest
from gpucheck.cli.options import PLAIN_FORMATS, plain_result_options
from gpucheck.cli.output import check_target, chosen_format, look_of, write

if TYPE_CHECKING:
    from gpucheck.model.attestation import Attestation

_EPILOG = "Exit codes: 0 all of it holds; 10 something was not decided, such as its age; 11 something does not hold."


@click.command(epilog=_EPILOG)
@click.argument("file", metavar="FILE")
@click.option("--nonce", metavar="HEX", help="The question that you chose, 32 bytes: without it, the age is unknown.")
@click.option("--chain", metavar="FILE", help="The certificates (PEM), where FILE is a report alone.")
@plain_result_options
def attest(file: str, nonce: str | None, chain: str | None, format_: str | None, output: str | None) -> int:
    """Verify a die's saved attestation: certificates, NVIDIA's root, signature, question, firmware.

    FILE is what `nvattest collect-evidence --format json` prints, or a signed report. Everything is verified here,
    without a network. It speaks for the die and its firmware, never for board and memory; nor does a file say which
    card it was saved from.
    """
    check_target(output, tuple(filter(None, (file, chain))))
    chosen = chosen_format(format_, output, PLAIN_FORMATS)
    facts = _verified(file, chain, _question(nonce))
    if chosen == "json":
        import json

        text = json.dumps([each.model_dump(mode="json") for each in facts], indent=2) + "\n"
    else:
        from gpucheck.render.attestation import render_attestation

        look, name = look_of(output), Path(file).name
        text = "\n".join(render_attestation(each, _title(name, n, len(facts)), look) for n, each in enumerate(facts, 1))
    write(text, output)
    return highest(map(_code, facts))


def _question(nonce: str | None) -> bytes | None:
    from gpucheck.sources.attestation.saved import parse_nonce

    if nonce is None:
        return None
    question = parse_nonce(nonce)
    if question is None:
        raise CallError("--nonce is not 32 bytes in hexadecimal.", "Give the 64 digits with which the die was asked.")
    return question


def _verified(file: str, chain: str | None, nonce: bytes | None) -> "tuple[Attestation, ...]":
    from gpucheck.model.base import Unavailable
    from gpucheck.sources.attestation.saved import read_file, verify_saved

    found = []
    for saved in read_file(file, chain):
        facts = verify_saved(saved, nonce)
        if isinstance(facts, Unavailable):
            raise CliError(f"Nothing can be verified: {facts.detail}.", "Install what is missing, and retry.")
        found.append(facts)
    return tuple(found)


def _title(name: str, number: int, of: int) -> str:
    return name if of == 1 else f"{name}, card {number} of {of}"


def _code(facts: "Attestation") -> ExitCode:
    held = (facts.chain_valid, facts.root_pinned, facts.signature_valid, facts.nonce_ours)
    if False in (*held, facts.firmware_bound):
        return ExitCode.SUSPECT
    return ExitCode.INCONCLUSIVE if None in held or facts.trouble else ExitCode.AUTHENTIC

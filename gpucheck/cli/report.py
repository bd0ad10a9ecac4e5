"""``gpucheck report``: sign a report with a key of one's own, and find out whether a signed one was changed."""

from pathlib import Path

import click

from gpucheck.cli.errors import CliError, say
from gpucheck.cli.exit_codes import ExitCode
from gpucheck.cli.inputs import STDIN, read_raw
from gpucheck.cli.options import output_option
from gpucheck.cli.output import STDOUT, check_target, write
from gpucheck.model.text import sanitise

_VERIFY_EPILOG = (
    "Exit codes: 0 the signature holds; 3 there is none, or something cannot be read; 11 the report was altered after "
    "it was signed, or another key signed it."
)


@click.group()
def report() -> None:
    """Sign reports, and verify signed ones. A signature says who vouches for a report, not that it is true."""


@report.command(epilog="Example: gpucheck report keygen -o shop.key")
@click.option("--redact", is_flag=True, help="Make the key for --redact-key instead.")
@click.option("-o", "--output", metavar="KEY", required=True, help="The new file; the public key goes into KEY.pub.")
def keygen(redact: bool, output: str) -> None:
    """Make a key that stays with you, readable for you alone. No file is ever written over.

    KEY signs; KEY.pub verifies, and is for everyone. With --redact it is one file with the shop's key for redaction.
    """
    from gpucheck.cli import key_files

    if output == STDOUT:
        raise click.UsageError("A key is written to a file, never to stdout.")
    path, public_path = Path(output), Path(f"{output}.pub")
    if redact:
        import secrets

        key_files.create(path, key_files.redaction_text(secrets.token_bytes(32)), 0o600)
        click.echo(f"{path}: the shop's key for redaction. Who has it can confirm a guessed serial number.")
        return
    from gpucheck.signing import keys

    key_files.refuse_existing(path, public_path)
    private, public = keys.new_key()
    key_files.create(path, private, 0o600)
    try:
        key_files.create(public_path, public, 0o644)
    except BaseException:
        path.unlink()
        raise
    click.echo(f"{path}: the private key, for you alone.")
    click.echo(f"{public_path}: the public key {keys.short(keys.public_id(public))}, for all who verify.")


@report.command(epilog="Example: gpucheck report sign report.json --key shop.key -o signed.json")
@click.argument("file", metavar="REPORT")
@click.option("--key", metavar="KEY", required=True, help="The private key that `report keygen` made.")
@output_option
def sign(file: str, key: str, output: str | None) -> None:
    """Put a signature around a saved report, which is not changed. A REPORT of - is stdin.

    `render` and `assess` read the signed report as they read the bare one.
    """
    check_target(output, (file, key))
    import datetime as dt
    import json

    from gpucheck import signing
    from gpucheck.cli.key_files import read_secret
    from gpucheck.model.strict_json import parse
    from gpucheck.render.document import load_report

    data, name = read_raw(file), _name(file)
    content = parse(data, name)
    if isinstance(content, dict) and content.get("kind") == signing.KIND:
        raise CliError(f"{name} is signed already.", "Sign the report itself, as it was saved.")
    load_report(data.decode("utf-8-sig"), name)
    signed = signing.sign(content, read_secret(key), dt.datetime.now(dt.UTC))
    write(json.dumps(signed, indent=2) + "\n", output)


@report.command(short_help="Say whether a signed report is as it was signed.", epilog=_VERIFY_EPILOG)
@click.argument("file", metavar="FILE")
@click.option("--public-key", metavar="KEY.pub", required=True, help="The public key of who should have signed it.")
def verify(file: str, public_key: str) -> int:
    """Say whether a signed report is as it was signed, and with that key. A FILE of - is stdin.

    Where it was changed, the places are named as JSON pointers.
    """
    from gpucheck import signing
    from gpucheck.cli.errors import tell
    from gpucheck.cli.key_files import read
    from gpucheck.model.strict_json import parse

    content = parse(read_raw(file), _name(file))
    try:
        signed = signing.verify(content, read(public_key))
    except signing.RefusedError as refusal:
        tell(f"{_name(file)}: {refusal.message}", refusal.hint)
        return ExitCode.SUSPECT
    click.echo(f"{_name(file)}: the signature holds, and nothing was changed since.")
    for title, value in (("key", signed.key), ("signed at", signed.signed_at), ("digest", signed.digest)):
        click.echo(f"  {title:<10} {sanitise(value, 100)}")
    say("It says who vouches for the report, and when by his clock; not that the report is true.")
    return ExitCode.AUTHENTIC


def _name(file: str) -> str:
    return "stdin" if file == STDIN else sanitise(file, 200)

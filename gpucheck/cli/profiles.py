"""``gpucheck profiles``: look at the reference data, or check files of it."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from gpucheck.catalog import Catalog, ClaimError
from gpucheck.catalog.files import ProfileError
from gpucheck.cli.exit_codes import ExitCode
from gpucheck.model.modification import Modification
from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.text import sanitise
from gpucheck.model.units import cache_size, gib, rate

_MARKED_ID = re.compile(r"(?:0x|10de:)([0-9a-f]{1,4})", re.IGNORECASE)
_BARE_ID = re.compile(r"[0-9a-f]{4}", re.IGNORECASE)
_LINE_LIMIT = 600

as_json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")


@click.group()
def profiles() -> None:
    """The reference data of the models: what each SKU has, and where that is known from."""


@profiles.command("list", short_help="List the SKUs.")
@click.argument("words", nargs=-1)
@as_json_option
def list_(words: tuple[str, ...], as_json: bool) -> ExitCode:
    """List the SKUs, those only whose id, name or die contains all WORDS."""
    found = [profile for profile in Catalog().all_profiles() if _holds(profile, words)]
    if as_json:
        click.echo(json.dumps([_row(profile) for profile in found], indent=2))
        return ExitCode.AUTHENTIC
    for profile in found:
        ids = " ".join(f"{device_id:04x}" for device_id in profile.device_ids)
        sizes = "/".join(gib(size) for size in profile.memory_sizes_bytes)
        click.echo(f"{profile.id:<44}  {profile.die.name:<7} {sizes:<22} {ids}")
    click.echo(f"{len(found)} profiles", err=True)
    return ExitCode.AUTHENTIC


@profiles.command(short_help="Show what is known of a model.")
@click.argument("card")
@as_json_option
def show(card: str, as_json: bool) -> ExitCode:
    """Show what is known of CARD: a profile id, a name as sellers write it, or a PCI device id such as 0x2684."""
    catalog = Catalog()
    found = _find(catalog, card.strip())
    if as_json:
        click.echo(json.dumps([profile.model_dump(mode="json") for profile in found], indent=2))
        return ExitCode.AUTHENTIC
    pages = ("\n".join(_page(profile, catalog.modifications_of(profile))) for profile in found)
    click.echo("\n\n".join(pages))
    return ExitCode.AUTHENTIC


@profiles.command(short_help="Check profile files.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def validate(paths: tuple[Path, ...]) -> ExitCode:
    """Check profile files or folders of them, the shipped ones where no PATH is given."""
    problems = Catalog().validate(paths)
    for problem in problems:
        click.echo(sanitise(problem, _LINE_LIMIT))
    count = f"{len(problems)} problem{'s' * (len(problems) != 1)}" if problems else "no problems"
    click.echo(count, err=True)
    return ExitCode.NOTHING if problems else ExitCode.AUTHENTIC


def _holds(profile: Profile, words: Iterable[str]) -> bool:
    text = f"{profile.id} {profile.name} {profile.die.name} {profile.die.architecture}".lower()
    return all(word.lower() in text for word in words)


def _row(profile: Profile) -> dict[str, object]:
    ids = [f"0x{device_id:04x}" for device_id in profile.device_ids]
    sizes = sorted({size for layout in profile.memory for size in layout.sizes_mib})
    return {"id": profile.id, "name": profile.name, "die": profile.die.name, "device_ids": ids, "memory_mib": sizes}


def _find(catalog: Catalog, card: str) -> tuple[Profile, ...]:
    """A number such as 1080 is a name first: it is also the id of another card."""
    marked = _MARKED_ID.fullmatch(card)
    if marked:
        return _of_device_id(catalog, int(marked[1], 16))
    try:
        return catalog.resolve_claim(card).profiles
    except ClaimError:
        if _BARE_ID.fullmatch(card):
            return _of_device_id(catalog, int(card, 16))
        raise


def _of_device_id(catalog: Catalog, device_id: int) -> tuple[Profile, ...]:
    found = catalog.by_device_id(device_id)
    if found:
        return found
    named = catalog.unlisted(device_id)
    if named is None:
        raise ProfileError(f"no profile has the device id 0x{device_id:04x}", "gpucheck profiles list")
    raise ProfileError(f"no profile has the device id 0x{device_id:04x}; pci.ids names it {named[1]}, on {named[0]}")


def _page(profile: Profile, modifications: Iterable[Modification]) -> Iterator[str]:
    yield f"{profile.name}  ({profile.id})"
    for title, value in _facts(profile):
        yield f"  {title:<14} {value}"
    for note in profile.notes:
        yield f"  {'note':<14} {note}"
    for known in modifications:
        yield f"  {'known mod':<14} {known.title} ({known.id})"
    yield f"  {'confidence':<14} {profile.confidence}"
    for group, source in profile.sources.items():
        yield f"  {'source':<14} {group}: {source}"


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    die = profile.die
    yield "die", f"{die.name} ({die.architecture}), compute capability {die.compute_capability}"
    yield "device ids", " ".join(f"10de:{device_id:04x}" for device_id in profile.device_ids)
    for device_id, pairs in profile.subsystems.items():
        listed = " ".join(f"{vendor:04x}:{device:04x}" for vendor, device in pairs)
        yield "subsystems", f"on {device_id:04x}: {listed}"
    yield "SMs", " or ".join(map(str, profile.sm_counts)) or "not known"
    yield "L2 cache", cache_size(profile.l2_cache_bytes) if profile.l2_cache_bytes else "not known"
    for layout in profile.memory:
        yield "memory", _memory(layout)
    yield "reported", " or ".join(f"{total} MiB" for total in profile.reported_mib) or "not known"
    if profile.pcie_generation and profile.pcie_lanes:
        yield "PCIe", f"generation {profile.pcie_generation} x{profile.pcie_lanes}"
    yield "ECC", profile.ecc
    yield "VBIOS", ", ".join(f"{family}.xx.xx.xx" for family in die.vbios_families) or "not known"
    if profile.power_default_watts:
        yield "power", f"{profile.power_default_watts} W, board partners differ"


def _memory(layout: MemoryLayout) -> str:
    sizes = " or ".join(f"{size} MiB" for size in layout.sizes_mib)
    width = f", {layout.bus_width_bits} bit" if layout.bus_width_bits else ""
    peak = layout.bandwidth_bytes_per_second
    return f"{sizes} {layout.type}{width}" + (f", {rate(peak)}" if peak else "")

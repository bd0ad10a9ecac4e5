"""``docs/formats.md`` names what the formats hold: others build on these names."""

import re
from pathlib import Path

from gpucheck.cli.output import SUFFIXES
from gpucheck.render.csv_table import COLUMNS
from gpucheck.render.inventory import table as inventory_table
from gpucheck.render.prometheus import METRICS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def part(heading: str) -> str:
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_the_columns_in_their_order() -> None:
    listed = re.findall(r"`(\w+)`", part("CSV").split("\n\n")[1])
    assert listed == list(COLUMNS)


def test_the_columns_of_the_inventory_in_their_order() -> None:
    table = part("CSV").partition("inventory export")[2].split("\n\n")[1]
    assert re.findall(r"`(\w+)`", table) == list(inventory_table.COLUMNS)


def test_the_metrics_with_their_help() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", part("Prometheus"), re.MULTILINE)) == METRICS


def test_every_end_of_a_name_is_told_with_its_format() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE, re.MULTILINE))
    for end, name in SUFFIXES.items():
        assert f"`{end}`" in rows[name]

"""The style sheet: every text in every theme has the contrast that WCAG 2.2 asks for, 4.5 to 1."""

import re
from pathlib import Path

import pytest

from gpucheck.render import html

STYLE = (Path(html.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
INKS = ("ink", "quiet", "link", "good", "warn", "bad", "simulated")
PAIRS = [(ink, paper) for ink in INKS for paper in ("paper", "panel")] + [("stamp", "simulated")]


def themes() -> dict[str, dict[str, str]]:
    """Colours by name, in both themes."""
    blocks = [
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    ]
    light, dark = blocks
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_has_contrast(theme: str, ink: str, paper: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[ink], colours[paper]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shape", ["sound", "wrong"])
def test_drawings_have_the_contrast_of_graphics(theme: str, shape: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[shape], colours["paper"]) >= 3


def test_both_themes_name_every_colour_and_no_text_uses_another() -> None:
    both = themes()
    assert set(both["light"]) == set(both["dark"])
    used = set(re.findall(r"(?<![a-z-])color: var\(--([a-z]+)\)", STYLE))
    assert used == {*INKS, "stamp"} - {"simulated"}
    assert set(re.findall(r"var\(--([a-z]+)\)", STYLE)) == set(both["light"])


def test_paper_is_always_light() -> None:
    assert "@media screen and (prefers-color-scheme: dark)" in STYLE

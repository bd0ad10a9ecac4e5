"""The page in a real browser: phone and desktop, light and dark, and on paper. Skipped where no Chromium is installed.

``GPUCHECK_PICTURES=FOLDER`` keeps the pictures and the PDF, to be looked at.
"""

import os
import re
from pathlib import Path

import pytest

from gpucheck.render.html import render_html
from tests import browser
from tests.browser import CONTRAST, OUTSIDE
from tests.builders import forged_card, make_report
from tests.cards import catalog, evidence_of
from tests.cards import report as judged
from tests.render.test_html import HOSTILE, told_by

pytestmark = pytest.mark.slow

OVERLAPPING = """
[...document.querySelectorAll('svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  return texts.flatMap(([a, one], at) => texts.slice(at + 1).filter(([, two]) =>
    one.left < two.right - 1 && two.left < one.right - 1 && one.top < two.bottom - 3 && two.top < one.bottom - 3)
    .map(([b]) => a + ' / ' + b));
})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("GPUCHECK_PICTURES")
    return Path(kept) if kept else tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Path]:
    """One page of a forged card, one of several cards, and the hostile ones."""
    forged = judged(evidence_of("rtx-4090-48gb-forged"))
    others = [judged(evidence_of(name)) for name in ("rtx-4090", "rtx-3090-slow-region", "h100-80gb", "gtx-1060-6gb")]
    cards = (forged, *others, judged(evidence_of("rtx-3060-stuck-bit")), forged_card())
    known = {id_: catalog().by_id(id_) for card in cards if (id_ := card.match.profile)}
    texts = {
        "forged": render_html(make_report(forged), known),
        "several": render_html(make_report(*cards), known, note="Judged from files."),
    } | {f"hostile-{n}": render_html(told_by(hostile), note=hostile) for n, hostile in enumerate(HOSTILE)}
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


SHOWN = pytest.mark.parametrize("name", ["forged", "several"])


@SHOWN
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_can_be_read(
    chromium: browser.Browser, pages: dict[str, Path], folder: Path, name: str, width: int, dark: bool
) -> None:
    chromium.show(pages[name], width=width, dark=dark)
    assert chromium.requests == [pages[name].as_uri()]
    assert chromium.trouble == []
    assert chromium.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert chromium.evaluate(OUTSIDE) == []
    assert chromium.evaluate(OVERLAPPING) == []
    seen, poor = chromium.evaluate(CONTRAST)
    assert seen > 100
    assert poor == []
    paper = chromium.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")
    picture = chromium.picture()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == width
    (folder / f"{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(picture)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_runs_nothing_and_breaks_no_layout(
    chromium: browser.Browser, pages: dict[str, Path], number: int
) -> None:
    page = pages[f"hostile-{number}"]
    chromium.show(page, width=390)
    assert chromium.requests == [page.as_uri()]
    assert chromium.trouble == []
    assert chromium.evaluate("document.documentElement.scrollWidth") == 390
    assert chromium.evaluate(OUTSIDE) == []
    assert chromium.evaluate("document.querySelectorAll('script, img, iframe').length") == 0


def test_a_script_that_got_in_all_the_same_would_not_run(chromium: browser.Browser, folder: Path) -> None:
    text = render_html(make_report(forged_card()))
    broken = folder / "broken.html"
    attack = "<script>document.title = 'run'</script><img src='https://example.invalid/x.png'>"
    broken.write_text(text.replace("</main>", attack + "</main>"), encoding="utf-8")
    chromium.show(broken, width=390)
    assert chromium.evaluate("document.title") != "run"
    assert len(chromium.trouble) == 2
    assert all("Content Security Policy" in line for line in chromium.trouble)


def test_it_reads_the_same_without_scripts(chromium: browser.Browser, pages: dict[str, Path]) -> None:
    chromium.show(pages["forged"], width=390, script=False)
    without = chromium.picture()
    chromium.show(pages["forged"], width=390)
    assert chromium.picture() == without


@SHOWN
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_prints(chromium: browser.Browser, pages: dict[str, Path], folder: Path, name: str, dark: bool) -> None:
    chromium.show(pages[name], width=1280, dark=dark)
    pdf = chromium.printed()
    (folder / f"{name}-{'dark' if dark else 'light'}.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF-")
    count = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert count >= len(chromium.evaluate("[...document.querySelectorAll('article')].map(a => 1)"))
    assert count <= 40


def test_paper_is_light_even_from_a_dark_screen(chromium: browser.Browser, pages: dict[str, Path]) -> None:
    chromium.show(pages["forged"], width=1280, dark=True)
    chromium.call(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert chromium.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert chromium.evaluate("getComputedStyle(document.body).color") == "rgb(26, 32, 38)"
    chromium.call("Emulation.setEmulatedMedia", media="")

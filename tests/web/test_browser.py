"""The pages in a real browser: phone and desktop, light and dark, on paper, and the search as a person does it.

``GPUCHECK_PICTURES=FOLDER`` keeps the pictures and the PDFs, to be looked at.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import waitress

from gpucheck.store.store import open_store
from gpucheck.web.app import make_app
from tests import browser
from tests.browser import CONTRAST, OUTSIDE
from tests.builders import make_report
from tests.cards import evidence_from, evidence_of
from tests.cards import report as judged
from tests.render.test_html import HOSTILE, told_by
from tests.store.given import A, visit

PROGRAM = browser.find()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed; on Debian: apt install chromium"),
]
RETURNED = {
    "title": "the same board with another die",
    "seed": 4711,
    "silicon": {"profile": "a100-sxm4-80-gb"},
    "declared": {
        "profile": "a100-sxm4-80-gb",
        "serial": "1320821287998",
        "board_part_number": "692-2G506-0200-003",
        "inforom_image_version": "G506.0200.00.04",
    },
}
"""An A100 that has the board facts of the shipped one."""
FORGED, SWAPPED = 1, 2


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Simulated cards: a forged one, one that came back with another die, a broken and a worn one, and 61 like them."""
    store = open_store(str(tmp_path_factory.mktemp("browser") / "inventory.sqlite"))
    names = ("rtx-4090-48gb-forged", "a100-80gb", "rtx-3060-stuck-bit", "rtx-a6000-worn", "rtx-4090")
    cards = [judged(evidence_of(name)) for name in names]
    store.add(make_report(*cards))
    store.add(make_report(judged(evidence_from(RETURNED))), item=SWAPPED)
    store.describe(
        FORGED, label="RMA 2041-7", location="shelf 4, box 12", customer="Example Rechenzentrum GmbH & Co. KG"
    )
    store.note(FORGED, "Customer says it was bought as a 48 GB card from a marketplace; fan loud, two screws missing.")
    for day in range(61):
        store.add(visit(day, uuid=f"GPU-{day:08x}-59a1-4c5f-9d0c-0f4a9be1c111", pdi=f"0x{day:016x}"))
    for hostile in HOSTILE:
        (added, *_) = store.add(told_by(hostile))
        store.describe(added.item, label=hostile, location=hostile, customer=hostile)
        store.note(added.item, hostile)
        store.add(visit(5, **A), item=added.item)
    return store.place


@pytest.fixture(scope="module")
def url(inventory: str) -> Iterator[str]:
    """Where it is served."""
    server = waitress.create_server(make_app(open_store(inventory, make=False)), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.asyncore.close_all(server._map)
    thread.join(timeout=30)
    server.task_dispatcher.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    assert PROGRAM is not None
    with browser.browser(PROGRAM) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("GPUCHECK_PICTURES")
    return Path(kept) if kept else tmp_path_factory.mktemp("pictures")


PAGES = {
    "list": "/",
    "modified": "/?verdict=modified",
    "found": "/?q=SIMULATED+4090&model=GeForce+RTX+4090",
    "nothing": "/?q=nothing+like+it",
    "items": "/?q=rtx&page=2",
    "forged": f"/item/{FORGED}",
    "swapped": f"/item/{SWAPPED}",
    "diff": f"/item/{SWAPPED}/diff",
    "one-intake": f"/item/{FORGED}/diff",
    "report": f"/item/{FORGED}/report/1",
    "missing": "/item/4711",
    "refused": "/?verdict=x",
}
ERRORS = {"missing", "refused"}


def looked_at(chromium: browser.Browser, url: str, path: str, width: int, dark: bool = False) -> None:
    """Open a page, and see that it asks nobody else, fits, and can be read."""
    chromium.show(url + path, width=width, dark=dark)
    assert chromium.requests[0] == url + path
    assert set(chromium.requests[1:]) <= {f"{url}/style.css"}
    assert chromium.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert chromium.evaluate(OUTSIDE) == []
    seen, poor = chromium.evaluate(CONTRAST)
    assert seen > 5
    assert poor == []
    assert chromium.evaluate("document.querySelectorAll('script, img, iframe').length") == 0


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_can_be_read(
    chromium: browser.Browser, url: str, folder: Path, name: str, width: int, dark: bool
) -> None:
    looked_at(chromium, url, PAGES[name], width, dark)
    trouble = [line for line in chromium.trouble if not (name in ERRORS and "status of 40" in line)]
    assert trouble == []
    paper = chromium.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)"), "the style sheet came"
    picture = chromium.picture()
    assert int.from_bytes(picture[16:20], "big") == width
    (folder / f"web-{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(picture)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_runs_nothing_and_breaks_no_layout(chromium: browser.Browser, url: str, number: int) -> None:
    hostile = quote(HOSTILE[number][:250])
    chromium.show(f"{url}/?q=note", width=390)
    items = open_store_numbers(chromium, url)
    for path in (f"/?q={hostile}", f"/item/{items[number]}", f"/item/{items[number]}/diff"):
        looked_at(chromium, url, path, 390)
        assert chromium.trouble == []


def open_store_numbers(chromium: browser.Browser, url: str) -> list[int]:
    """The numbers of the hostile items, in the order of their texts."""
    return list(range(67, 67 + len(HOSTILE)))


def press(chromium: browser.Browser, key: str, code: int) -> None:
    for kind in ("rawKeyDown", "char", "keyUp"):
        text = {"text": "\r"} if kind == "char" else {}
        chromium.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


def test_a_search_is_typed_or_scanned_and_sent_with_the_enter_key(chromium: browser.Browser, url: str) -> None:
    chromium.show(f"{url}/", width=1280)
    assert chromium.evaluate("document.activeElement.id") == "q", "a scanner types at once"
    chromium.call("Input.insertText", text='"RMA 2041-7" shelf')
    press(chromium, "Enter", 13)
    chromium.wait("Page.loadEventFired")
    assert chromium.evaluate("document.querySelector('h2').textContent") == "1 item"
    assert chromium.evaluate("document.querySelector('input').value") == '"RMA 2041-7" shelf'
    chromium.evaluate("document.querySelector('tbody th a').click()")
    chromium.wait("Page.loadEventFired")
    assert "COUNTERFEIT (memory size forged)" in chromium.evaluate("document.querySelector('.verdict').textContent")
    assert {each.partition("?")[0] for each in chromium.requests} == {
        f"{url}/", f"{url}/style.css", f"{url}/item/{FORGED}",
    }  # fmt: skip
    assert chromium.trouble == []


def test_filters_are_chosen_and_two_intakes_compared(chromium: browser.Browser, url: str) -> None:
    chromium.show(f"{url}/", width=390)
    chromium.evaluate("document.querySelector('#verdict').value = 'modified'")
    chromium.evaluate("document.querySelector('#model').value = 'A100 SXM4 80 GB'")
    chromium.evaluate("document.querySelector('button').click()")
    chromium.wait("Page.loadEventFired")
    assert chromium.evaluate("document.querySelectorAll('tbody').length") == 1
    chromium.show(f"{url}/item/{SWAPPED}/diff", width=390)
    before = chromium.evaluate("document.querySelector('h2').textContent")
    chromium.evaluate("document.querySelector('#old').selectedIndex = 1")
    chromium.evaluate("document.querySelector('#new').selectedIndex = 0")
    chromium.evaluate("document.querySelector('button').click()")
    chromium.wait("Page.loadEventFired")
    after = chromium.evaluate("document.querySelector('h2').textContent")
    assert before != after
    assert "Die" in chromium.evaluate("document.querySelector('table').textContent")


def test_the_keyboard_shows_where_it_is(chromium: browser.Browser, url: str) -> None:
    chromium.show(f"{url}/item/{FORGED}", width=1280)
    for _ in range(2):
        for kind in ("rawKeyDown", "keyUp"):
            chromium.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert chromium.evaluate("document.activeElement.textContent") == "Inventory"
    style = chromium.evaluate("(s => [s.outlineStyle, s.outlineWidth])(getComputedStyle(document.activeElement))")
    assert style == ["solid", "2px"]


@pytest.mark.parametrize("name", ["list", "swapped", "diff"])
def test_it_prints(chromium: browser.Browser, url: str, folder: Path, name: str) -> None:
    chromium.show(url + PAGES[name], width=1280, dark=True)
    pdf = chromium.printed()
    (folder / f"web-{name}.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF-")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    chromium.call("Emulation.setEmulatedMedia", media="print", features=dark)
    assert chromium.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert chromium.evaluate("[...document.querySelectorAll('form, nav')].every(e => e.offsetHeight === 0)")
    chromium.call("Emulation.setEmulatedMedia", media="")

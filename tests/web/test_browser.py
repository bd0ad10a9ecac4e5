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

from gpucheck.pipeline import Plan, collect
from gpucheck.simulation import machine
from gpucheck.store.store import open_store
from gpucheck.web.app import make_app
from tests import browser
from tests.browser import CONTRAST, OUTSIDE
from tests.builders import make_report
from tests.cards import alter, evidence_from
from tests.cards import report as judged
from tests.render.test_html import HOSTILE, told_by
from tests.store.given import card, visit
from tests.web.shop import uuid_of

pytestmark = pytest.mark.slow
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
FORGED, SWAPPED, BROKEN = 1, 2, 3


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[int]]:
    """Simulated cards: a forged one, one that came back with another die, a broken one, and 61 others.

    Returns where it is, and the items whose every text is hostile, in the order of the texts.
    """
    store = open_store(str(tmp_path_factory.mktemp("browser") / "inventory.sqlite"))
    quick = Plan(quick=True)
    names = ["rtx-4090-48gb-forged", "a100-80gb", "rtx-3060-stuck-bit"]
    store.add(make_report(*(judged(collect(each, quick)) for each in machine(names).cards)))
    store.add(make_report(judged(evidence_from(RETURNED, quick))), item=SWAPPED)
    store.describe(
        FORGED, label="RMA 2041-7", location="bench 4, box 12", customer="Example Rechenzentrum GmbH & Co. KG"
    )
    for item in (SWAPPED, BROKEN):
        store.describe(item, location="bench 2")
    store.note(FORGED, "Customer says it was bought as a 48 GB card from a marketplace; fan loud, two screws missing.")
    store.add(make_report(*(card(uuid=uuid_of(number), together=61) for number in range(61))))
    strangers = []
    for number, hostile in enumerate(HOSTILE):
        told = told_by(hostile)
        own = alter(told.cards[0].evidence, nvml__uuid=uuid_of(100 + number))
        added = store.add(told.model_copy(update={"cards": (told.cards[0].model_copy(update={"evidence": own}),)}))[0]
        longest = hostile[:200]
        store.describe(added.item, label=longest, location=longest, customer=longest)
        store.note(added.item, hostile[:4000])
        store.add(visit(5, uuid=uuid_of(200 + number)), item=added.item)
        strangers.append(added.item)
    assert len(set(strangers)) == len(HOSTILE)
    return store.place, strangers


@pytest.fixture(scope="module")
def url(inventory: tuple[str, list[int]]) -> Iterator[str]:
    """Where it is served."""
    server = waitress.create_server(make_app(open_store(inventory[0], make=False)), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.asyncore.close_all(server._map)
    thread.join(timeout=30)
    server.task_dispatcher.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("GPUCHECK_PICTURES")
    return Path(kept) if kept else tmp_path_factory.mktemp("pictures")


PAGES = {
    "list": "/",
    "found": "/?q=bench",
    "forged": f"/item/{FORGED}",
    "swapped": f"/item/{SWAPPED}",
    "diff": f"/item/{SWAPPED}/diff",
    "refused": "/?verdict=x",
}


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
    assert [line for line in chromium.trouble if "status of 400" not in line] == []
    paper = chromium.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)"), "the style sheet came"
    picture = chromium.picture()
    assert int.from_bytes(picture[16:20], "big") == width
    (folder / f"web-{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(picture)


def test_a_report_looks_here_as_it_does_in_a_file(chromium: browser.Browser, url: str) -> None:
    looked_at(chromium, url, f"/item/{FORGED}/report/1", 390, dark=True)
    assert chromium.requests == [f"{url}/item/{FORGED}/report/1"]
    assert chromium.trouble == []
    assert chromium.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    assert "Memory, drawn" in chromium.evaluate("document.body.textContent")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_runs_nothing_and_breaks_no_layout(
    chromium: browser.Browser, url: str, inventory: tuple[str, list[int]], number: int
) -> None:
    item = inventory[1][number]
    for path in (f"/item/{item}", f"/?q={quote(HOSTILE[number][:250])}"):
        looked_at(chromium, url, path, 390)
        assert chromium.trouble == []


def press(chromium: browser.Browser, key: str, code: int) -> None:
    for kind in ("rawKeyDown", "char", "keyUp"):
        text = {"text": "\r"} if kind == "char" else {}
        chromium.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


def test_a_search_is_typed_or_scanned_and_sent_with_the_enter_key(chromium: browser.Browser, url: str) -> None:
    chromium.show(f"{url}/", width=1280)
    chromium.until("document.activeElement.id === 'q'")  # so that a scanner types at once
    chromium.call("Input.insertText", text='"RMA 2041-7" bench')
    press(chromium, "Enter", 13)
    chromium.wait("Page.loadEventFired")
    assert chromium.evaluate("document.querySelector('h2').textContent") == "1 item"
    assert chromium.evaluate("document.querySelector('input').value") == '"RMA 2041-7" bench'
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

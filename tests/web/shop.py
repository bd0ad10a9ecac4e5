"""A small shop's inventory: a card whose die was changed, a forged one, one that only exists in a simulation."""

from random import Random
from uuid import UUID

from flask.testing import FlaskClient

from gpucheck.store.store import Store, open_store
from gpucheck.web.app import make_app
from tests.builders import forged_card, make_report
from tests.render.pages import Page
from tests.store.given import BOARD, A, B, visit

SWAPPED, FORGED, SIMULATED = 1, 2, 3
"""Items. The first has intakes 1 and 2, the others one each."""


def uuid_of(number: int) -> str:
    """A UUID as random as a die's, always the same for a number."""
    return f"GPU-{UUID(int=Random(number).getrandbits(128))}"


def fill(place: str) -> Store:
    """Make the inventory."""
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    store.add(visit(9, **B, **BOARD))
    store.add(make_report(forged_card()))
    store.add(visit(3, simulated="rtx-4090", uuid=uuid_of(0)))
    store.describe(FORGED, label="RMA 7", location="shelf 4", customer="Kim")
    store.note(SWAPPED, "fan loud")
    return store


def client_of(store: Store, *hosts: str) -> FlaskClient:
    """A browser of sorts for it."""
    return make_app(store, hosts).test_client()


def shown(client: FlaskClient, path: str, status: int = 200) -> Page:
    """The page at an address: well-formed, readable aloud, every name in it resolved."""
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.text)
    assert answer.content_type == "text/html; charset=utf-8"
    return checked(answer.text)


def checked(text: str) -> Page:
    """A page after a look at what every page must have."""
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "iframe", "img", "object", "embed", "base"})
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    named = {a["for"] for a in page.all("label")}
    assert {a["id"] for tag in ("input", "select") for a in page.all(tag)} == named
    for _, attributes in page.tags:
        assert set(attributes.get("aria-labelledby", "").split()) <= set(ids)
        assert set(attributes.get("aria-describedby", "").split()) <= set(ids)
    return page


def links(page: Page) -> list[str]:
    """Where a page leads."""
    return [a["href"] for a in page.all("a")]

"""Strangers' pages, nasty addresses and hostile cards: nothing is told to the wrong one, run, written or broken."""

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from gpucheck.store.store import open_store
from gpucheck.web.guard import host_in
from tests.render.pages import Page
from tests.render.test_html import HOSTILE, told_by
from tests.store.given import A, visit
from tests.web.shop import checked, client_of, fill, shown

POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
EVERY = ("/", "/item/1", "/item/1/diff", "/item/1/report/2", "/item/1/report/2?format=json", "/item/9", "/style.css",
         "/?verdict=x", "/nowhere")  # fmt: skip


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8417", "LOCALHOST:1", "127.0.0.1:9000", "[::1]", "[::1]:8417", "bench7.local:80",
     "BENCH7.LOCAL"],
)  # fmt: skip
def test_known_names_are_answered(local: FlaskClient, host: str) -> None:
    assert local.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8417", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2", "", " ",
     "localhost:80:80", "localhost@evil.example", "evil.example#localhost", "[::1", "::1", "localhost, evil.example",
     "localhost.", "0.0.0.0", "[::1].evil.example", "localhost:port", "x" * 5000],
)  # fmt: skip
def test_a_stranger_name_is_refused_and_told_nothing(local: FlaskClient, host: str) -> None:
    for path in (*EVERY, "/?q=RMA"):
        answer = local.get(path, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 403
        assert "Kim" not in answer.text
        assert "inventory.sqlite" not in answer.text
    checked(answer.text)
    assert host_in(host) not in ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_only_reading_is_answered(local: FlaskClient, method: str) -> None:
    for path in ("/", "/item/1", "/nowhere"):
        answer = local.open(path, method=method, data=b"q=1")
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET, HEAD"
    assert local.head("/item/1").status_code == 200
    assert local.head("/item/1").data == b""


@pytest.mark.parametrize("path", EVERY)
def test_every_answer_binds_the_browser(local: FlaskClient, path: str) -> None:
    headers = local.get(path).headers
    policy = headers["Content-Security-Policy"]
    if "/report/2" in path and "json" not in path:
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert policy.partition("img-src")[2] == POLICY.partition("img-src")[2]
    else:
        assert policy == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("none", "navigate", "document", 200),
        ("same-origin", "no-cors", "style", 200),
        ("cross-site", "navigate", "document", 200),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "cors", "empty", 403),
    ],
)
def test_a_strangers_page_cannot_time_our_searches(
    local: FlaskClient, site: str, mode: str, dest: str, status: int
) -> None:
    """A link from elsewhere is followed; what another site's page loads behind a person's back is refused."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert local.get("/?q=Kim", headers=headers).status_code == status


NASTY = [
    "", "=", "&&&=&", "q", "q=%", "q=%00", "q=a%00b", "q=%ff%fe", "q=%ed%a0%80", "q=%c3%28", "q=%F0%9F%92%A9", "q='",
    "q='%20or%20'1'='1", "q=%25", "q=_", "q=%5C", "q=%22", "q=%22%22%22", "q=;drop+table+items--", "q=" + "a" * 299,
    "q=" + "a" * 301, "q=" + "+".join("abcdefghijkl"), "q=" + "+".join("abcdefghijklm"), "q=" + "9" * 19,
    "q=%23" + "9" * 18, "q=%E2%80%AE", "q=%D9%A3", "q=²", "q=gpucheck:9999999999999999999:sha256:" + "a" * 64,
    "q=gpucheck:1:sha256:" + "A" * 64, "q=1&q=2", "q[]=1", "verdict=x", "verdict=authentic%00", "verdict=AUTHENTIC",
    "verdict=" + "x" * 9000, "verdict=authentic&verdict=x", "model=%00", "model=a%00", "model=%ed%b2%80",
    "model=" + "x" * 9000, "model=%22%3E%3Cscript%3E", "model=%1b[31m", "page=-1", "page=1e3", "page=0x1", "page=01",
    "page=%D9%A1", "page=99999999999999999999999", "page=1.5", "page=999999999999999999", "page=+1", "page=²",
    "q=%3Cscript%3Ealert(1)%3C/script%3E", "x=" + "y" * 20000,
]  # fmt: skip


def test_nasty_addresses_are_answered_or_refused(client: FlaskClient) -> None:
    for query in NASTY:
        answer = client.get(f"/?{query}")
        assert answer.status_code in (200, 400, 404), query
        page = checked(answer.text)
        assert "/" in [a["href"] for a in page.all("a")], query
        assert "\0" not in answer.text
        assert "\x1b" not in answer.text
        if query.startswith("q="):
            for path in ("/item/1/diff?old", "/item/1/diff?new", "/item/1/report/1?format"):
                assert client.get(path + query[1:]).status_code in (200, 400, 404), query


@pytest.mark.parametrize(
    "query", ["verdict=x", "verdict=AUTHENTIC", "q=" + "a" * 301, "q=" + "+".join("abcdefghijklm")]
)
def test_what_means_nothing_is_refused_with_a_way_back(local: FlaskClient, query: str) -> None:
    page = shown(local, f"/?{query}", 400)
    assert page.inside("h1") == ["This address cannot be read"]
    assert "/" in [a["href"] for a in page.all("a")]


def told(place: Path, text: str) -> dict[str, Page]:
    """The pages of an item of which every text is the given one."""
    store = open_store(str(place))
    store.add(told_by(text))
    store.add(visit(5, **A), item=1)
    longest = text[:200]
    store.describe(1, label=longest, location=longest, customer=longest)
    store.note(1, f"note {text}"[:4000])
    client = client_of(store)
    addresses = ("/item/1", "/item/1/diff", "/item/1/report/1", f"/?q={quote(text[:250])}")
    answers = {path.partition("?")[0]: client.get(path) for path in addresses}
    assert all(line.isprintable() for answer in answers.values() for line in answer.text.split("\n"))
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: Page(answer.text) for path, answer in answers.items()}


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    return told(tmp_path_factory.mktemp("harmless") / "inventory.sqlite", "harmless")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_cards_and_people_stay_text(tmp_path: Path, harmless: dict[str, Page], hostile: str) -> None:
    found = told(tmp_path / "inventory.sqlite", hostile)
    for path in ("/item/1", "/item/1/diff", "/item/1/report/1"):
        assert found[path].shape == harmless[path].shape, path


def test_looking_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "inventory.sqlite"
    client = client_of(fill(str(path)))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    for address in (*EVERY, "/?q=RMA&verdict=counterfeit", "/item/2", "/item/3/report/4"):
        client.get(address)
        client.head(address)
        client.post(address, data={"label": "x"})
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [each.name for each in tmp_path.iterdir()] == ["inventory.sqlite"]
